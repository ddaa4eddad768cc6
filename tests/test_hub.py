"""Names of the hub, and what the light path knows of it; transfers are in ``test_hub_transfer``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from turn_detection.bundle import MANIFEST, open_bundle
from turn_detection.errors import BundleError, BundleNotFoundError
from turn_detection.hub import HubName

SOURCE = Path(__file__).resolve().parents[1] / "src"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("owner/name", HubName("owner/name", "main")),
        ("Some-Team/e5_ru.v2", HubName("Some-Team/e5_ru.v2")),
        ("owner/name@v1.0", HubName("owner/name", "v1.0")),
        ("owner/name@refs/pr/3", HubName("owner/name", "refs/pr/3")),
        ("owner/name@main", HubName("owner/name")),
    ],
)
def test_a_name_is_owner_and_model_and_perhaps_a_revision(text: str, name: HubName) -> None:
    assert HubName.parse(text) == name
    assert HubName.parse(str(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        *("name", "", "/name", "owner/", "/srv/models/mine", "./owner/name", "../owner/name", "a/b/c", "owner\\name"),
        *("owner/name@", "owner/name@a..b", "owner/name@-v", "own er/name", "owner/name\n", "имя/модель", "~/name"),
        *("owner/-name", "owner/name-", "owner/a--b", "owner/a..b", "owner/" + "n" * 97, "https://huggingface.co/a/b"),
        *("runs/model.onnx", "runs/last.ckpt", "data/in.json", "data/in.jsonl", "owner/name.git"),
    ],
)
def test_what_can_be_no_name_is_none(text: str) -> None:
    assert HubName.parse(text) is None


def python(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_a_local_bundle_is_loaded_without_a_thought_of_the_hub(toy_bundle: Path) -> None:
    script = (
        "import sys; from turn_detection import TurnDetector; TurnDetector.load(sys.argv[1]);"
        "print([name for name in sys.modules if name.split('.')[0] == 'huggingface_hub' or name == 'turn_detection.hub'])"
    )
    assert python(script, str(toy_bundle)) == "[]"


def test_without_the_library_a_name_says_which_extra_brings_it() -> None:
    script = (
        "import sys; sys.modules['huggingface_hub'] = None\n"
        "from turn_detection import TurnDetector\n"
        "try: TurnDetector.load('owner/name')\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    told = python(script)
    assert told.startswith(
        "MissingExtraError there is no folder owner/name here; asking the Hugging Face hub for owner/name needs"
    )
    assert "pip install 'turn-detection[hub]'" in told


def test_a_path_object_is_always_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleNotFoundError, match="no such folder"):
        open_bundle(Path("owner/name"))


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "plain/model.onnx"])
def test_a_manifest_cannot_point_outside_its_folder(toy_bundle: Path, name: str) -> None:
    values = json.loads((toy_bundle / MANIFEST).read_text(encoding="utf-8"))
    values["files"][name] = values["files"]["model.onnx"]
    (toy_bundle / MANIFEST).write_text(json.dumps(values))
    with pytest.raises(BundleError, match="list of files that makes no sense"):
        open_bundle(toy_bundle)
