"""What models are compared with: a timer, marks, and a linear model over the last words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from turn_detection.errors import DataFormatError, InputFileNotFoundError, InvalidInputError
from turn_detection.evaluation.baselines import baseline, is_baseline
from turn_detection.evaluation.judge import Judge
from turn_detection.evaluation.last_words import (
    LastWords,
    WholeReply,
    fit_last_words,
    load_last_words,
    save_last_words,
)
from turn_detection.evaluation.report import JudgeFacts

PLACES = ("вокзал", "рынок", "работу", "почту", "дачу", "море", "склад", "рынок")


@pytest.fixture(scope="module")
def fitted() -> LastWords:
    replies = [
        WholeReply.of("Куда едем?", f"мне {how} на {place}") for place in PLACES for how in ("надо", "бы", "нужно")
    ]
    return fit_last_words(replies, strength=10.0)


def test_the_timer_knows_nothing_of_words() -> None:
    p = baseline("timer").probabilities([("Что?", "да"), (None, "мне на")])
    assert p[0] == p[1]


def test_marks_close_a_turn_and_dots_that_trail_off_do_not() -> None:
    judge = baseline("punctuation")
    said = ["да.", "Да!", "правда? ", "«да.»", "мне на", "ну…", "ну..."]
    assert judge.verdicts(judge.probabilities([(None, text) for text in said])).tolist() == [True] * 4 + [False] * 3


def test_last_words_learn_what_ends_a_turn(fitted: LastWords) -> None:
    p = fitted.probabilities([("Куда едем?", "мне бы на рынок"), ("Куда едем?", "мне бы на"), ("Куда едем?", "")])
    assert p[0] > 0.6 > 0.4 > p[1]
    assert p[2] == 0


def test_spelling_changes_nothing(fitted: LastWords) -> None:
    plain, dressed = fitted.probabilities([("куда едем?", "мне бы на рынок"), ("КУДА едем?", "Мне бы — на рынок.")])
    assert plain == dressed


def test_a_file_gives_the_same_answers_and_runs_no_code(fitted: LastWords, tmp_path: Path) -> None:
    save_last_words(fitted, tmp_path / "words.npz", {"data": "made"})
    read = load_last_words(tmp_path / "words.npz")
    pauses = [("Куда?", "на рынок"), (None, "мне")]
    assert (read.probabilities(pauses) == fitted.probabilities(pauses)).all()
    assert read.facts["data"] == "made"
    with np.load(tmp_path / "words.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"about", "weights"}
    judge = baseline(tmp_path / "words.npz")
    assert (judge.facts.kind, judge.facts.sha256_of) == ("baseline", "words.npz")


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"not an archive", lambda b: b""])
def test_a_damaged_file_is_refused_in_one_line(fitted: LastWords, tmp_path: Path, damage: object) -> None:
    path = tmp_path / "words.npz"
    save_last_words(fitted, path)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataFormatError, match="fit_baseline") as caught:
        load_last_words(path)
    assert "\n" not in str(caught.value)


def test_unknown_baselines_and_missing_files_are_named(fitted: LastWords, tmp_path: Path) -> None:
    assert is_baseline("timer")
    assert not is_baseline("my-model")
    with pytest.raises(InvalidInputError, match="timer, punctuation"):
        baseline("coin")
    with pytest.raises(InputFileNotFoundError, match="fit_baseline"):
        baseline(tmp_path / "none.npz")
    with pytest.raises(InvalidInputError, match="npz"):
        save_last_words(fitted, tmp_path / "words.bin")


def test_nothing_can_be_learned_from_single_words() -> None:
    with pytest.raises(DataFormatError, match="nothing to learn"):
        fit_last_words([WholeReply.of("Что?", "да")])


@pytest.mark.parametrize("answers", [[0.5], [0.5, 1.5], [0.5, float("nan")]])
def test_a_judge_must_answer_with_probabilities(answers: list[float]) -> None:
    judge = Judge(JudgeFacts("broken", "baseline", 0.5), lambda _: answers)
    with pytest.raises(InvalidInputError, match="broken must give one probability"):
        judge.probabilities([(None, "да"), (None, "нет")])
