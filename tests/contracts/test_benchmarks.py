"""The commands behind the documentation's figures still start: every module that a benchmark imports is there.

Those of the plugins are tried in the plugins' environment (tests/plugins).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
NAMES = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "livekit_jobs.py")
# As "python benchmarks/NAME" does it, but without running it.
IMPORT = "import runpy, sys; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[1] + '/' + sys.argv[2])"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_finds_what_it_imports(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(FOLDER), name], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
