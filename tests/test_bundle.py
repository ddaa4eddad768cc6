"""A model folder: checked whenever it is opened, refused when it does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turn_detection import bundle as bundle_module
from turn_detection.bundle import Manifest, default_bundle, open_bundle, record_file
from turn_detection.encoding import EncodingSpec
from turn_detection.errors import BundleError, BundleNotFoundError, InvalidTypeError
from turn_detection.text import TEXT_VERSION

Change = Callable[[dict[str, Any]], object]


def change_manifest(folder: Path, change: Change) -> None:
    place = folder / "manifest.json"
    values = json.loads(place.read_text(encoding="utf-8"))
    change(values)
    place.write_text(json.dumps(values), encoding="utf-8")


def test_a_whole_bundle_opens(toy_bundle: Path) -> None:
    opened = open_bundle(toy_bundle)
    assert opened.folder == toy_bundle
    assert opened.model_path == toy_bundle / "model.onnx"
    assert opened.manifest.name == "toy"
    assert opened.encoder().spec == EncodingSpec()


def test_a_bundle_opens_by_a_string_too(toy_bundle: Path) -> None:
    assert open_bundle(str(toy_bundle)).folder == toy_bundle


def test_a_bundle_opens_by_the_graph_inside_it(toy_bundle: Path) -> None:
    assert open_bundle(toy_bundle / "model.onnx").folder == toy_bundle


def test_a_bundle_may_name_its_graph_otherwise(bundle_writer: Callable[..., Path]) -> None:
    folder = bundle_writer(model_file="ours.onnx")
    assert open_bundle(folder / "ours.onnx").model_path == folder / "ours.onnx"


def test_a_manifest_survives_json(tmp_path: Path) -> None:
    files = {"model.onnx": bundle_module.FileRecord("ab", 2), "tokenizer.json": bundle_module.FileRecord("cd", 3)}
    manifest = Manifest(
        name="имя",
        model_file="model.onnx",
        files=files,
        encoding=EncodingSpec(history_turns=2),
        temperature=1.5,
        bias=-0.25,
        threshold=0.6,
        precision="int8",
        metrics={"auc": 0.9},
        provenance={"seed": 1},
    )
    assert Manifest.from_json(manifest.to_json(), tmp_path) == manifest
    assert "имя" in manifest.to_json()


def test_the_shipped_bundle_lives_inside_the_package() -> None:
    assert default_bundle() == Path(bundle_module.__file__).resolve().parent / "assets" / "default"


def test_without_a_path_the_shipped_bundle_is_opened(toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "default_bundle", lambda: toy_bundle)
    assert open_bundle().folder == toy_bundle


def test_a_shipped_bundle_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "default_bundle", lambda: tmp_path / "gone")
    with pytest.raises(BundleNotFoundError, match="gone"):
        open_bundle()


@pytest.mark.parametrize("name", ["nowhere", "nowhere/model.onnx"])
def test_a_folder_that_does_not_exist_is_a_file_not_found_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder") as caught:
        open_bundle(tmp_path / name)
    assert isinstance(caught.value, BundleNotFoundError)


def test_a_folder_without_a_manifest_is_no_bundle_and_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError, match=r"manifest\.json is missing; .*export_onnx"):
        open_bundle(tmp_path)


def test_another_graph_in_the_folder_is_not_the_bundles_model(toy_bundle: Path) -> None:
    (toy_bundle / "other.onnx").write_bytes((toy_bundle / "model.onnx").read_bytes())
    with pytest.raises(
        BundleNotFoundError, match=r"other\.onnx is not this bundle's model; its manifest names model\.onnx"
    ):
        open_bundle(toy_bundle / "other.onnx")


@pytest.mark.parametrize("path", [5, ["folder"], object()])
def test_what_is_no_path_is_refused_by_its_type(path: object) -> None:
    with pytest.raises(InvalidTypeError, match=f"got {type(path).__name__}"):
        open_bundle(path)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(toy_bundle: Path, name: str) -> None:
    (toy_bundle / name).unlink()
    with pytest.raises(BundleNotFoundError, match=f"{name} is missing"):
        open_bundle(toy_bundle)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_one_altered_byte_is_noticed(toy_bundle: Path, name: str) -> None:
    data = bytearray((toy_bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (toy_bundle / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name} is not the file that manifest.json describes"):
        open_bundle(toy_bundle)


def test_a_file_that_cannot_be_read_is_named(toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(bundle_module, "record_file", refuse)
    with pytest.raises(BundleError, match=r"model\.onnx cannot be read \(PermissionError\)"):
        open_bundle(toy_bundle)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"", "is not JSON"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "is not the manifest"),
        (b"{}", "is not the manifest"),
        (b'{"format": "something else"}', "is not the manifest"),
        (b'{"format": ' + b"1" * 5000 + b"}", "is no manifest"),
        (b"[" * 100_000, "is no manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(toy_bundle: Path, content: bytes, words: str) -> None:
    (toy_bundle / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=words):
        open_bundle(toy_bundle)


def test_a_manifest_that_is_a_folder_is_refused(toy_bundle: Path) -> None:
    (toy_bundle / "manifest.json").unlink()
    (toy_bundle / "manifest.json").mkdir()
    with pytest.raises(BundleError, match="cannot be read"):
        open_bundle(toy_bundle)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values.update(surprise=1), "unknown key 'surprise'"),
        (lambda values: values.update(format_version=2), "format version 2, this package reads 1"),
        (lambda values: values.pop("format_version"), "format version None"),
        (lambda values: values.update(text_version=TEXT_VERSION + 1), "made for text rules"),
        (lambda values: values.update(labels=["speak", "wait"]), "orders its labels"),
        (lambda values: values.pop("encoding"), "incomplete"),
        (lambda values: values.pop("files"), "incomplete"),
        (lambda values: values.pop("name"), "incomplete"),
        (lambda values: values.update(files=[]), "incomplete"),
        (lambda values: values.update(labels=5), "incomplete"),
        (lambda values: values["encoding"].update(surprise=1), "surprise"),
        (
            lambda values: values["encoding"].update(max_message_tokens="96"),
            "max_message_tokens must be a whole number",
        ),
        (lambda values: values["encoding"].update(max_message_tokens=0), "max_message_tokens must be at least 1"),
        (lambda values: values["files"]["model.onnx"].pop("sha256"), "incomplete"),
        (lambda values: values["files"].pop("model.onnx"), "makes no sense"),
        (lambda values: values["files"].pop("tokenizer.json"), "makes no sense"),
        (lambda values: values.update(temperature=0), "makes no sense"),
        (lambda values: values.update(temperature=float("inf")), "makes no sense"),
        (lambda values: values.update(temperature="hot"), "wrong type"),
        (lambda values: values.update(bias=float("nan")), "makes no sense"),
        (lambda values: values.update(threshold=1.5), "makes no sense"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_the_reason(toy_bundle: Path, change: Change, words: str) -> None:
    change_manifest(toy_bundle, change)
    with pytest.raises(BundleError, match=words) as caught:
        open_bundle(toy_bundle)
    assert isinstance(caught.value, ValueError)
    assert "manifest.json" in str(caught.value)


def test_a_tokenizer_that_is_none_is_refused(toy_bundle: Path) -> None:
    place = toy_bundle / "tokenizer.json"
    place.write_text("{}")
    record = record_file(place)
    change_manifest(
        toy_bundle,
        lambda values: values["files"].update({place.name: {"sha256": record.sha256, "n_bytes": record.n_bytes}}),
    )
    with pytest.raises(BundleError, match=r"tokenizer\.json cannot be read"):
        open_bundle(toy_bundle).encoder()


def test_a_tokenizer_without_the_named_special_tokens_is_refused(bundle_writer: Callable[..., Path]) -> None:
    folder = bundle_writer()
    change_manifest(folder, lambda values: values["encoding"].update(sep_token="[SEP]"))
    with pytest.raises(BundleError, match=r"no token '\[SEP\]'"):
        open_bundle(folder).encoder()


def test_the_shipped_bundle_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_bundle("default").folder == open_bundle().folder
    (tmp_path / "default").mkdir()  # a folder of that name is what it says
    with pytest.raises(BundleNotFoundError):
        open_bundle("default")
