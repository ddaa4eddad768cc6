"""What the Dockerfile does, done here without an engine: its files, its pip command, its environment, command and health check."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .dockerfile import Stage, read_stages

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {stage.name: stage for stage in read_stages(ROOT / "Dockerfile")}


@pytest.fixture(scope="module")
def installed(stages: dict[str, Stage], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that the build stage makes, from nothing but the files that it copies."""
    source, target = tmp_path_factory.mktemp("src"), tmp_path_factory.mktemp("opt") / "turn-detection"
    for names, place in stages["build"].copied():
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, source / place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (source / place).mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, source / place)
    subprocess.run([sys.executable, "-m", "venv", target], check=True, timeout=120)
    (install,) = [rest for rest in stages["build"].all("RUN") if "pip install" in rest]
    extras = stages["build"].one("ARG").removeprefix("EXTRAS=")
    command = shlex.split(install.replace("${EXTRAS}", extras).replace("/venv", str(target)))
    command = [word for word in command if not word.startswith("--mount=")]
    # Without byte code: half of the time, and Python makes what it needs.
    quick = os.environ | {"PIP_NO_COMPILE": "1"}
    result = subprocess.run(command, cwd=source, env=quick, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr[-3000:]
    return target


@pytest.fixture
def environment(stages: dict[str, Stage], installed: Path, tmp_path: Path) -> dict[str, str]:
    """Of the image, with a free port and a temporary folder instead of the image's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    said = stages["serve"].environment()
    path = said["PATH"].replace("/venv", str(installed)).replace("${PATH}", os.defpath)
    return said | {
        "PATH": path, "TURN_DETECTION_SERVE_HOST": "127.0.0.1", "TURN_DETECTION_SERVE_PORT": port, "TMPDIR": str(tmp_path)
    }  # fmt: skip


@pytest.fixture
def container(
    stages: dict[str, Stage], environment: dict[str, str], tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    command = stages["serve"].exec_form("CMD")
    command[0] = shutil.which(command[0], path=environment["PATH"]) or command[0]
    process = subprocess.Popen(command, env=environment, cwd=tmp_path)
    yield process
    process.kill()
    process.wait()


def healthy(stages: dict[str, Stage], environment: dict[str, str]) -> bool:
    command = stages["serve"].exec_form("HEALTHCHECK")
    command[0] = shutil.which(command[0], path=environment["PATH"]) or command[0]
    # A proxy that answers nothing: the check must not ask it.
    proxied = environment | {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(command, env=proxied, capture_output=True, timeout=30).returncode == 0


def test_the_image_answers_is_healthy_and_stops(
    stages: dict[str, Stage], environment: dict[str, str], container: subprocess.Popen[bytes]
) -> None:
    for _ in range(300):
        if healthy(stages, environment):
            break
        assert container.poll() is None, "the server has stopped"
        time.sleep(0.2)
    request = urllib.request.Request(
        f"http://127.0.0.1:{environment['TURN_DETECTION_SERVE_PORT']}/infer",
        json.dumps({"context": "Чем могу помочь?", "message": "мне нужен билет на"}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert json.load(answer)["probas"]["wait"] > 0.5
    container.send_signal(signal.SIGTERM)
    assert container.wait(timeout=30) == 0
    assert not healthy(stages, environment)


def test_the_image_writes_a_repository_for_triton(installed: Path, tmp_path: Path) -> None:
    command = [installed / "bin" / "turn-detection", "export_triton", "--output", tmp_path / "models"]
    result = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "models" / "turn_detection" / "1" / "model.onnx").is_file()


def test_the_image_holds_no_training_library(installed: Path) -> None:
    names = {path.name for path in installed.glob("lib/python*/site-packages/*")}
    assert not names & {"torch", "transformers", "lightning", "hydra", "mlflow", "onnx", "scipy"}
