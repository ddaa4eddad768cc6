"""Where a job of a real worker of LiveKit Agents computes. The worker, its job process and its inference process are the framework's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from turn_detection import TurnDetector

HERE = Path(__file__).resolve().parent
WORDS = "мне нужен билет на"
N_QUESTIONS = 3

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answer() -> float:
    return TurnDetector.load().predict(WORDS).eot_probability


def run(folder: Path, scene: str, **environ: str) -> tuple[dict[str, Any], str]:
    """What the job found, and what the worker logged."""
    done = subprocess.run(
        [sys.executable, "livekit_worker.py"],
        cwd=HERE,
        env=os.environ | {"SCENE": scene, "FOLDER": str(folder)} | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert WORDS not in done.stdout + done.stderr
    return json.loads((folder / "job.json").read_text()), done.stderr


@pytest.mark.parametrize("scene", ["processes", "threads"])
def test_a_job_asks_the_inference_process_and_loads_nothing(tmp_path: Path, scene: str, answer: float) -> None:
    found, log = run(tmp_path, scene)
    assert found["answers"] == [answer] * N_QUESTIONS
    assert found["counters"]["predictions"] == N_QUESTIONS
    assert not found["engine"]
    assert "fail" not in log


def test_the_inference_process_takes_the_model_that_the_environment_names(tmp_path: Path, toy_bundle: Path) -> None:
    found, _ = run(tmp_path, "processes", TURN_DETECTION_MODEL=str(toy_bundle))
    assert found["answers"] == [TurnDetector.load(toy_bundle).predict(WORDS).eot_probability] * N_QUESTIONS
    assert not found["engine"]


def test_a_job_that_has_the_model_asks_it(tmp_path: Path, answer: float) -> None:
    found, _ = run(tmp_path, "prewarmed")
    assert found["answers"] == [answer] * N_QUESTIONS
    assert found["engine"]


def test_a_worker_without_the_process_leaves_its_jobs_to_themselves(tmp_path: Path, answer: float) -> None:
    found, log = run(tmp_path, "late import")
    assert found["answers"] == [answer] * N_QUESTIONS
    assert found["counters"]["errors"] == found["counters"]["timeouts"] == 0
    assert found["engine"]
    assert log.count("from now on worker threads of this job predict") == 1


def test_a_job_outlives_the_inference_process(tmp_path: Path, answer: float) -> None:
    found, log = run(tmp_path, "killed")
    before, after = found["answers"][:N_QUESTIONS], found["answers"][N_QUESTIONS:]
    assert before == [answer] * N_QUESTIONS
    # The first question after its end may wait in vain for the deadline: the fallback answers it.
    assert after[0] in (0.0, answer)
    assert after[1:] == [answer] * (N_QUESTIONS - 1)
    assert found["counters"]["predictions"] + found["counters"]["timeouts"] == 2 * N_QUESTIONS
    assert log.count("from now on worker threads of this job predict") == 1


def test_the_benchmark_of_jobs_starts() -> None:
    path = HERE.parents[1] / "benchmarks" / "livekit_jobs.py"
    done = subprocess.run(
        [sys.executable, str(path), "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
