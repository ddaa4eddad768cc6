"""``tune`` keeps what the user can bear, foretells honestly and writes whole files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from turn_detection.errors import InvalidInputError
from turn_detection.evaluation.endpointing_curve import TIMER
from turn_detection.evaluation.moments import HeldOutTurn, ScoredTurns, moments_of
from turn_detection.evaluation.pause_lengths import STRESS_PAUSES
from turn_detection.evaluation.tally import Limit
from turn_detection.evaluation.tuning import tune, tuning_table
from turn_detection.policy_file import load_policy

Run = Callable[..., subprocess.CompletedProcess[str]]


def scored(n: int = 600, *, measured_s: float | None = None) -> ScoredTurns:
    """One pause in every turn; ends are surer than pauses, most of the time."""
    length = None if measured_s is None else (measured_s,)
    turns = [HeldOutTurn(str(index), f"d{index}", None, "ну да", (2,), length) for index in range(n)]
    rng = np.random.default_rng(1)
    odds = np.concatenate([rng.normal(-2, 1, n), rng.normal(2, 1, n)])
    return moments_of(turns).scored(1 / (1 + np.exp(-odds)))


@pytest.mark.parametrize("per", ["pause", "turn"])
def test_the_limit_holds_on_the_other_half_within_its_band(per: str) -> None:
    tuned = tune(scored(), Limit(max_cutoffs=0.05, per=per))  # type: ignore[arg-type]
    assert list(tuned) == ["binary", "continuous", TIMER]
    for found in tuned.values():
        band = found.predictions[0].per_pause
        assert band.low <= 0.05 <= band.high + 0.02
    # One pause a turn: both ways of counting are the same here.
    assert tuned["continuous"].predictions[0].per_turn == tuned["continuous"].predictions[0].per_pause
    delays = {kind: found.predictions[0].delay_s.value for kind, found in tuned.items()}
    assert delays["continuous"] < delays[TIMER]
    assert delays["binary"] < delays[TIMER]


def test_a_limit_of_delay_buys_fewer_cutoffs_than_the_timer() -> None:
    tuned = tune(scored(), Limit(max_delay_s=0.6), STRESS_PAUSES)
    for index, lengths in enumerate(STRESS_PAUSES):
        predictions = {kind: found.predictions[index] for kind, found in tuned.items()}
        assert {prediction.pauses for prediction in predictions.values()} == {lengths.name}
        assert predictions["continuous"].per_pause.value < 0.5 * predictions[TIMER].per_pause.value
        assert predictions["continuous"].delay_s.value < 0.65


def test_measured_pauses_are_not_drawn() -> None:
    tuned = tune(scored(measured_s=0.55), Limit(max_delay_s=1.0), STRESS_PAUSES)
    assert [prediction.per_pause.value for prediction in tuned[TIMER].predictions] == [0.0, 0.0]


def test_what_cannot_be_kept_is_left_out() -> None:
    assert tune(scored(), Limit(max_delay_s=0.1)) == {}


def test_too_little_to_tune_on_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="too little to tune on: the 30 dialogues"):
        tune(scored(30), Limit(max_cutoffs=0.05))


def test_the_table_shows_every_policy_under_all_pauses() -> None:
    table = tuning_table(tune(scored(), Limit(max_cutoffs=0.05), STRESS_PAUSES)).splitlines()
    assert len(table) == 2 + 3 * 2
    assert {line.count("|") for line in table} == {10}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def execute(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "turn_detection.commands", "tune", *arguments],
            cwd=tmp_path, env={**os.environ, "COLUMNS": "120"}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    return execute


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """The toy model knows that «на» waits and «завтра» ends."""
    lines = [
        {
            "messages": [
                {"role": "agent", "content": f"Вопрос {index}?"},
                {"role": "client", "content": "мне нужен, билет на, завтра"},
            ]
        }
        for index in range(100)
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def test_the_command_writes_a_policy_that_is_read_back(run: Run, chats: Path, toy_bundle: Path, tmp_path: Path) -> None:
    result = run("chats.jsonl", str(toy_bundle), "--max-cutoffs", "0.05", "--pauses", "p95=1.4", "--pauses", "p95=2.5")
    assert result.returncode == 0, result.stderr
    assert "100 turns of 100 dialogues, 200 mid-turn pauses, 0 of them measured" in result.stdout
    assert TIMER in result.stdout
    assert "билет" not in result.stdout + result.stderr
    policy = load_policy(tmp_path / "policy.json")
    assert policy.mode == "continuous"
    origin = json.loads((tmp_path / "policy.json").read_text(encoding="utf-8"))["origin"]
    assert origin["model"] == "toy"
    assert [prediction["pauses"] for prediction in origin["predicted"]] == ["p95=1.4", "p95=2.5"]
    again = run(
        "chats.jsonl",
        str(toy_bundle),
        "--max-delay-ms",
        "600",
        "--mode",
        "binary",
        "--per",
        "turn",
        "--output",
        "two.json",
    )
    assert again.returncode == 0, again.stderr
    assert load_policy(tmp_path / "two.json").mode == "binary"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--max-cutoffs"),
        (("--max-cutoffs", "0.05", "--max-delay-ms", "600"), "one of the two"),
        (("--max-cutoffs", "5"), "from 0 to 1"),
        (("--max-delay-ms", "nan"), "60 seconds"),
        (("--max-delay-ms", "100"), "no continuous policy"),
        (("--max-cutoffs", "0.05", "--pauses", "long"), "p95=1.4"),
        (("--max-cutoffs", "0.05", "--mode", "ternary"), "binary"),
        (("--max-cutoffs", "0.05", "--output", "none/policy.json"), "folder"),
        (("--max-cutoffs", "0.05", "--infer.n_threads=2"), "takes no settings"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    run: Run, chats: Path, toy_bundle: Path, tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    result = run("chats.jsonl", str(toy_bundle), *arguments)
    assert result.returncode == 2, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert word in result.stderr
    assert not list(tmp_path.glob("*.json"))


def test_a_missing_or_faulty_file_is_refused(run: Run, toy_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"messages": 3}\n', encoding="utf-8")
    for name in ("none.jsonl", "bad.jsonl"):
        result = run(name, str(toy_bundle), "--max-cutoffs", "0.05")
        assert result.returncode == 2
        assert name in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
