"""Without the web framework: the package imports, and serving says which extra brings it."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
sys.argv = ["serve", *{arguments!r}]
"""


def run(script: str, blocked: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    code = BLOCK.format(blocked=blocked, arguments=arguments) + script
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "prometheus_client"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_serving_without_the_extra_says_so_in_one_line(missing: str, workers: str) -> None:
    result = run("from turn_detection.serve.__main__ import main; main()", (missing,), "--workers", workers)
    assert result.returncode == 2
    (line,) = result.stderr.strip().splitlines()
    assert f"{missing} is not installed" in line
    assert "pip install 'turn-detection[serve]'" in line


def test_triton_without_its_extra_says_so_in_one_line() -> None:
    script = "from turn_detection.serve.__main__ import main; main()"
    result = run(script, ("tritonclient", "grpc"), "serve.backend=triton", "--port", "0")
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (2, 1)
    assert "turn-detection[triton]" in result.stderr


def test_the_front_door_loads_no_web_framework() -> None:
    web = ("fastapi", "starlette", "pydantic", "uvicorn", "prometheus_client", "websockets")
    script = "import turn_detection, turn_detection.serve, turn_detection.serve.settings"
    assert run(script, web).returncode == 0
