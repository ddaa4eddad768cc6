"""What a sweep may try, from YAML and from the command line."""

from __future__ import annotations

from typing import Any

import pytest

from turn_detection.errors import ConfigurationError
from turn_detection.training.search_space import Choices, Interval, read_space, split_space, written


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("interval(1e-5,5e-4)", Interval(1e-5, 5e-4)),
        ("interval( 1, 5 )", Interval(1.0, 5.0)),
        ("tag(log, interval(1e-5,5e-4))", Interval(1e-5, 5e-4, log=True)),
        ("range(1,4)", Interval(1, 3, step=1)),
        ("range(16,129,16)", Interval(16, 128, step=16)),
        ("choice(32,64)", Choices((32, 64))),
        ("choice(0.0,0.1,null)", Choices((0.0, 0.1, None))),
        ("choice(prefix,'full')", Choices(("prefix", "full"))),
        ("choice(true,False)", Choices((True, False))),
        ("32,64", Choices((32, 64))),
    ],
)
def test_what_is_to_be_tried_is_written_as_for_hydra(value: str, expected: Choices | Interval) -> None:
    fixed, space = split_space(["seed=1", f"train.x={value}"])
    assert fixed == ["seed=1"]
    assert space == {"train.x": expected}
    assert isinstance(getattr(expected, "low", 0), type(getattr(space["train.x"], "low", 0)))


@pytest.mark.parametrize(
    "setting", ["data.paths=[a.jsonl,b.jsonl]", "run_name=two words", "model.encoder=a(1).bin", "x.y="]
)
def test_other_settings_stay_fixed(setting: str) -> None:
    assert split_space([setting]) == ([setting], {})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("interval(1)", "no range to try"),
        ("interval(5,1)", "upwards"),
        ("interval(a,b)", "no number"),
        ("tag(lin,interval(1,2))", "only tag"),
        ("tag(log,interval(0,1))", "above 0"),
        ("range(0.5,2)", "whole numbers"),
        ("choice()", "at least one"),
        ("choice(1,2", "no range to try"),
        ("interval(__import__('os'),2)", "no number"),
    ],
)
def test_a_range_that_cannot_be_read_is_refused_with_the_right_way_to_write_it(value: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        split_space([f"train.learning_rate={value}"])
    assert "train.learning_rate" in str(caught.value)
    assert "write interval" in str(caught.value)


def test_a_space_of_a_file_is_read() -> None:
    space = read_space(
        {
            "train.learning_rate": {"low": "1e-5", "high": 5e-4, "log": True},  # YAML 1.1 reads «1e-5» as a string
            "model.n_layers": {"low": 1, "high": 6},
            "model.dropout": {"choices": [0.0, 0.1]},
        }
    )
    assert space == {
        "train.learning_rate": Interval(1e-5, 5e-4, log=True),
        "model.n_layers": Interval(1, 6),
        "model.dropout": Choices((0.0, 0.1)),
    }


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {},
        {"low": 1},
        {"choices": []},
        {"choices": [[1]]},
        {"low": 2, "high": 1},
        {"low": 1, "high": 2, "of": 3},
        {"low": "a", "high": 2},
    ],
)
def test_a_file_with_a_bad_entry_is_refused_by_its_key(entry: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"sweep\.space\.train\.x"):
        read_space({"train.x": entry})


def test_whole_numbers_are_drawn_between_whole_numbers() -> None:
    optuna = pytest.importorskip("optuna")
    trial = optuna.trial.FixedTrial({"a": 3, "b": 0.25, "c": None})
    drawn = [Interval(1, 6).draw("a", trial), Interval(0.0, 1.0).draw("b", trial), Choices((None, 1)).draw("c", trial)]
    assert drawn == [3, 0.25, None]
    assert isinstance(drawn[0], int)


def test_a_drawn_value_is_written_as_a_setting() -> None:
    assert [written(value) for value in (None, True, 1e-05, 3, "full")] == ["null", "true", "1e-05", "3", "full"]
