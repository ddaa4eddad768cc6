"""Without the frameworks each door names its extra, and the rest of the package works. Subprocesses: a module is imported once."""

from __future__ import annotations

import subprocess
import sys

_BLOCK = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pipecat" or name.startswith("livekit.agents"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _BLOCK + code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


DOORS = {
    "turn_detection.plugins.livekit": "livekit",
    "turn_detection.plugins.livekit_process": "livekit",
    "livekit.plugins.ru_turn_detector": "livekit",
    "turn_detection.plugins.pipecat": "pipecat",
    "turn_detection.plugins.pipecat_agreement": "pipecat",
}


def test_a_missing_extra_says_which_to_install() -> None:
    told = run(f"""
import importlib
from turn_detection.errors import MissingExtraError
for module in {list(DOORS)}:
    try:
        importlib.import_module(module)
    except MissingExtraError as error:
        assert isinstance(error, ImportError)
        print(module, error.extra, error)
""")
    lines = told.splitlines()
    assert [line.split()[0] for line in lines] == list(DOORS)
    for line, extra in zip(lines, DOORS.values(), strict=True):
        assert f"pip install 'turn-detection[{extra}]'" in line


def test_the_other_doors_need_no_framework() -> None:
    told = run("""
import turn_detection, turn_detection.plugins.eot_bench, turn_detection.plugins.watcher, turn_detection.plugins.hearing
print(sorted(name for name in sys.modules if name.split(".")[0] in ("torch", "transformers", "hydra", "mlflow", "onnxruntime")))
""")
    assert told.strip() == "[]"
