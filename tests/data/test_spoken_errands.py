"""Hold requests and open valency in free combination."""

from __future__ import annotations

import pytest

pytest.importorskip("num2words")
pytest.importorskip("faker")

from turn_detection.data.spoken import spoken_samples
from turn_detection.data.spoken.generate import family_templates
from turn_detection.data.spoken.phrases import errands, valency
from turn_detection.types import TurnLabel


@pytest.mark.parametrize("family", ["hold", "valency"])
def test_combinations_are_many_and_no_slot_is_left_open(family: str) -> None:
    samples = list(spoken_samples(6000, 3, families=[family]))

    assert len({(sample.context, sample.text.lower()) for sample in samples}) > 4000
    assert not any("{" in sample.text + sample.context for sample in samples)
    share = sum(sample.label is TurnLabel.WAIT for sample in samples) / len(samples)
    assert 0.5 < share < 0.6


@pytest.mark.parametrize("family", ["hold", "valency"])
def test_no_moment_carries_both_labels(family: str) -> None:
    labels: dict[tuple[str, str], set[TurnLabel]] = {}
    for sample in spoken_samples(30_000, 4, families=[family]):
        labels.setdefault((sample.context, sample.text.lower().strip(".,?")), set()).add(sample.label)

    assert sum(len(found) > 1 for found in labels.values()) <= 3


def test_whole_openers_with_their_errands_are_held_out() -> None:
    names = {template.template_id for template in family_templates("hold")}

    assert sum("wait-time-look" in name for name in names) >= 3
    assert len(names) > 600


def test_words_of_waiting_occur_in_whole_turns_too() -> None:
    whole = " ".join(
        sample.text.lower() for sample in spoken_samples(4000, 5, families=["hold"]) if sample.label is TurnLabel.SPEAK
    )

    assert all(word in whole for word in ("подождите", "минут", "секунд", "посмотр", "подумать", "сейчас"))


def test_a_verb_waits_for_what_it_governs() -> None:
    objects = {thing for frames in valency.FRAMES.values() for _, things, _, _ in frames for thing in things}
    infinitives = {infinitive for frames in valency.FRAMES.values() for infinitive, _, _, _ in frames}

    for sample in spoken_samples(3000, 6, families=["valency"]):
        words = sample.text.lower().strip(".,? ").split()
        if words[-1] in infinitives:
            assert sample.label is TurnLabel.WAIT
        if words[-1] in objects and words[-2] in infinitives:
            assert sample.label is TurnLabel.SPEAK


def test_an_agreement_to_wait_is_whole() -> None:
    assert "подожду" in errands.AGREE
    assert not set(errands.AGREE) & set(errands.LET_ME)
