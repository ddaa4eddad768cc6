"""What a serving user installs: no torch, answers at once, and says which extra is missing for the rest.

``make test`` names the interpreter of the light environment in TURN_DETECTION_LIGHT_PYTHON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIGHT = os.environ.get("TURN_DETECTION_LIGHT_PYTHON")

light = pytest.mark.skipif(LIGHT is None, reason="TURN_DETECTION_LIGHT_PYTHON is not set; run 'make test'")


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    assert LIGHT is not None
    return subprocess.run([LIGHT, *arguments], capture_output=True, text=True, timeout=120, cwd=cwd)


@light
def test_the_light_environment_holds_no_training_library() -> None:
    names = "torch lightning transformers hydra omegaconf mlflow sklearn onnx faker num2words matplotlib".split()
    script = f"import importlib.util as u; print([name for name in {names!r} if u.find_spec(name)])"
    assert python("-c", script).stdout.strip() == "[]"


@light
def test_it_answers_with_the_shipped_model() -> None:
    script = (
        "from turn_detection import TurnDetector; d = TurnDetector.load();"
        "print(d.predict('мне нужен билет на', context='Чем могу помочь?').label, d.predict('да', context='Вам удобно?').label)"
    )
    result = python("-c", script)
    assert result.stdout.split() == ["wait", "speak"], result.stderr


@light
def test_its_console_script_judges_a_file(tmp_path: Path) -> None:
    assert LIGHT is not None
    script = Path(LIGHT).parent / "turn-detection"
    sample = ROOT / "data" / "sample_inference.json"
    result = subprocess.run(
        [script, "infer", sample, "--output", tmp_path / "OUT.json"], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    written = json.loads((tmp_path / "OUT.json").read_text(encoding="utf-8"))
    assert len(written) == len(json.loads(sample.read_text(encoding="utf-8")))
    assert all("probas" in item for item in written)


@light
@pytest.mark.parametrize(
    "arguments",
    [
        ("train",),
        ("infer", "in.json", "model.ckpt"),
        ("export_onnx", "model.ckpt"),
        ("data", "prepare", "out"),
        ("score", "in.json"),
    ],
)
def test_what_needs_more_says_which_extra(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('[{"message": "да", "label": "speak", "probas": {"speak": 1.0, "wait": 0.0}}]')
    (tmp_path / "model.ckpt").write_bytes(b"anything")
    result = python("-m", "turn_detection.commands", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "pip install 'turn-detection[cpu]'" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@light
def test_training_modules_say_which_extra_when_imported() -> None:
    result = python("-c", "import turn_detection.training")
    assert "MissingExtraError" in result.stderr
    assert "turn-detection[cpu]" in result.stderr


@pytest.mark.slow
def test_the_wheel_carries_configurations_and_the_shipped_model(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"turn_detection/configs/{path.relative_to(ROOT / 'configs')}" for path in (ROOT / "configs").rglob("*.yaml")
    }
    expected |= {
        f"turn_detection/assets/default/{name}"
        for name in ("model.onnx", "tokenizer.json", "manifest.json", "MODEL_CARD.md")
    }
    # The live page, the page of the report and its schema.
    expected |= {
        str(path.relative_to(ROOT / "src"))
        for folder in ("serve/page", "evaluation")
        for path in (ROOT / "src" / "turn_detection" / folder).rglob("*")
        if path.suffix in (".html", ".css", ".js", ".svg", ".json")
    }
    assert "turn_detection/serve/page/index.html" in expected
    expected.add("turn_detection/py.typed")
    assert expected <= names, expected - names
    assert not {name for name in names if name.startswith(("tests", "configs"))}
    assert wheel.stat().st_size < 40e6
