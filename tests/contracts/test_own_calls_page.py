"""The page from a folder of calls to a served model: every command, as it stands there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from turn_detection.bundle import open_bundle

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "own_calls.md", ROOT / "docs" / "ru" / "own_calls.md"]
_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def test_both_languages_have_the_same_commands() -> None:
    english, russian = map(blocks, PAGES)
    assert len(english) >= 6
    assert russian == english


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, module in (("python", ""), ("turn-detection", "-m turn_detection.commands")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n', encoding="utf-8")
        tool.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environment = {
        **os.environ,
        "CHECKOUT": str(ROOT),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "OMP_NUM_THREADS": "1",
    }
    script = "set -euo pipefail\n" + "\n".join(blocks(PAGES[0]))
    done = subprocess.run(
        ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    manifest = open_bundle(work / "my-model").manifest
    assert manifest.name == "mine"
    assert [run["run_name"] for run in manifest.provenance["ancestry"]][-1] == open_bundle().manifest.provenance[
        "run_name"
    ]
    assert manifest.provenance["ngrams"]["weight"] == open_bundle().manifest.provenance["ngrams"]["weight"]
    report = json.loads((work / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["comparisons"], "before and after are compared"
    served = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"')))
    assert served["label"] == "wait", served
