"""``turn-detection bench``, run as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from turn_detection.speed.run import LENGTHS

pytestmark = pytest.mark.slow

#: The command line in an interpreter that finds no torch.
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from turn_detection.commands import main; main()"


def run(folder: Path, *arguments: str, script: str | None = None) -> subprocess.CompletedProcess[str]:
    how = ("-m", "turn_detection.commands") if script is None else ("-c", script)
    return subprocess.run(
        [sys.executable, *how, "bench", *arguments],
        cwd=folder, env={**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "120"}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line


def test_a_quick_run_measures_everything_and_calls_its_stand_in_one(tmp_path: Path, toy_bundle: Path) -> None:
    result = run(tmp_path, str(toy_bundle), "--quick", "--output", "bench.json", "--markdown", "bench.md")
    assert result.returncode == 0, result.stderr
    assert result.stdout == (tmp_path / "bench.md").read_text(encoding="utf-8")
    assert "2-layer stand-in" in result.stdout
    values = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert values["quick"] is True
    assert values["name"] == "toy"
    assert values["n_bytes"] == sum((toy_bundle / name).stat().st_size for name in ("model.onnx", "tokenizer.json"))
    pairs = [(row["n_tokens"], row["n_threads"]) for row in values["latency"]]
    assert pairs == [(n_tokens, n_threads) for n_threads in (1, 2) for n_tokens in LENGTHS]
    assert [row["batch"] for row in values["throughput"]] == [1, 8, 32]
    assert {"torch", "transformers", "onnxruntime"} <= set(values["machine"]["versions"])
    original = values["original"]
    assert (original["n_layers"], original["is_whole"]) == (2, False)
    assert [row["n_tokens"] for row in original["comparisons"]] == list(LENGTHS)
    assert all(row["ratio"]["median"] > 1 for row in original["comparisons"]), "a toy of a few multiplications"
    assert original["process"]["rss_mb"] > values["process"]["rss_mb"]


def test_without_torch_the_detector_itself_is_measured(tmp_path: Path, toy_bundle: Path) -> None:
    result = run(tmp_path, str(toy_bundle), "--quick", "--no-original", script=WITHOUT_TORCH)
    assert result.returncode == 0, result.stderr
    assert "| 128 | 2 |" in result.stdout
    assert "install the extra 'cpu'" in result.stdout
    refused(run(tmp_path, str(toy_bundle), "--quick", script=WITHOUT_TORCH), "turn-detection[cpu]", "--no-original")


def test_what_cannot_be_measured_is_refused_before_the_work(tmp_path: Path, toy_bundle: Path) -> None:
    refused(run(tmp_path, "none"), "no bundle at none")
    refused(run(tmp_path, str(toy_bundle), "--output", "none/bench.json"), "folder of the output")
    refused(run(tmp_path, str(toy_bundle), "--markdown", "none/bench.md"), "folder of the output")
    refused(run(tmp_path, "--train.max_minutes=1"), "no settings")
    (toy_bundle / "model.onnx").write_bytes(b"damaged")
    refused(run(tmp_path, str(toy_bundle)), "altered or damaged")


def test_measuring_loads_no_training_library() -> None:
    script = "import sys, turn_detection.speed.run; print(sorted({'torch', 'transformers', 'onnx'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
