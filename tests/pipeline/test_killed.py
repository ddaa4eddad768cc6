"""SIGKILL in the middle of a command: what stood there before is whole, or the new output is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turn_detection.bundle import open_bundle

from .conftest import TrainedRun

pytestmark = pytest.mark.slow


def kill_when(pattern: str, folder: Path, *arguments: str) -> bool:
    """Start a command and kill it as soon as a path like ``pattern`` appears; False if it was faster."""
    command = [sys.executable, "-m", "turn_detection.commands", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 240
        while process.poll() is None and time.monotonic() < deadline:
            if any(folder.glob(pattern)):
                os.kill(process.pid, signal.SIGKILL)
                process.wait(timeout=30)
                return True
            time.sleep(0.0002)
        process.kill()
        return False


def test_a_killed_export_leaves_no_half_written_bundle(tiny_run: TrainedRun, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    for _ in range(6):
        # The folder bears its other name for about a millisecond; who watches on a busy machine may look too late.
        if kill_when(".bundle.*.tmp", tmp_path, "export_onnx", str(tiny_run.best), "--output", "bundle"):
            break
        shutil.rmtree(bundle)
    else:
        pytest.fail("the folder is never seen under another name: it is filled where it belongs")
    if bundle.exists():  # the signal came after the renaming
        assert open_bundle(bundle).manifest.name == "shared"


def test_a_killed_export_over_an_old_bundle_leaves_a_whole_one(
    tiny_run: TrainedRun, tiny_export: Path, tmp_path: Path
) -> None:
    (tmp_path / "bundle").mkdir()
    for path in tiny_export.iterdir():
        if path.is_file():
            (tmp_path / "bundle" / path.name).write_bytes(path.read_bytes())
    kill_when(".bundle.*.tmp", tmp_path, "export_onnx", str(tiny_run.best), "--output", "bundle", "--name", "new")
    assert open_bundle(tmp_path / "bundle").manifest.name in ("shared", "new")


def test_a_killed_infer_leaves_the_old_predictions_or_all_of_the_new(tiny_export: Path, tmp_path: Path) -> None:
    items = [{"message": "мне нужен билет на завтра", "n": index} for index in range(3000)]
    (tmp_path / "in.json").write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    (tmp_path / "out.json").write_text("[]")
    kill_when(".out.json.*.tmp", tmp_path, "infer", "in.json", str(tiny_export), "--output", "out.json")
    assert len(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))) in (0, 3000)
