"""What the network that a run starts from decides of its settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from turn_detection.bundle import open_bundle
from turn_detection.config import Config, load_config
from turn_detection.errors import ConfigurationError, InputFileNotFoundError
from turn_detection.training.from_bundle import starting_attention
from turn_detection.training.rows import row_plan
from turn_detection.training.settings import settled


def open_settings(*, attention: str | None, cuts: str | None, checkpoint: str | None = None) -> Config:
    config = load_config(["experiment=tiny"])
    model = replace(config.model, attention=attention, checkpoint=checkpoint)  # type: ignore[arg-type]
    return replace(config, model=model, train=replace(config.train, cuts=cuts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attention", "cuts", "expected"),
    [
        (None, None, ("full", "random")),
        ("prefix", None, ("prefix", "every_word")),
        ("full", None, ("full", "random")),
        ("prefix", "random", ("prefix", "random")),
    ],
)
def test_a_new_network_is_trained_on_all_words_if_it_sees_none_ahead(
    attention: str | None, cuts: str | None, expected: tuple[str, str]
) -> None:
    config = settled(open_settings(attention=attention, cuts=cuts))
    assert (config.model.attention, config.train.cuts) == expected
    assert row_plan(config).cuts == expected[1]


def test_a_network_that_was_trained_before_keeps_its_attention_unless_told_otherwise() -> None:
    shipped = open_bundle().manifest.provenance["network"]["attention"]
    other = "full" if shipped == "prefix" else "prefix"
    assert starting_attention("default") == shipped
    kept = settled(open_settings(attention=None, cuts=None, checkpoint="default"))
    changed = settled(open_settings(attention=other, cuts=None, checkpoint="default"))
    assert (kept.model.attention, changed.model.attention) == (shipped, other)
    assert {kept.train.cuts, changed.train.cuts} == {"every_word", "random"}


def test_a_choice_that_does_not_go_together_is_said() -> None:
    with pytest.raises(ConfigurationError, match="needs model.attention=prefix"):
        row_plan(settled(open_settings(attention="full", cuts="every_word")))


def test_a_checkpoint_that_is_not_there_is_said() -> None:
    with pytest.raises(InputFileNotFoundError, match="no such checkpoint"):
        settled(open_settings(attention=None, cuts=None, checkpoint="none.ckpt"))
