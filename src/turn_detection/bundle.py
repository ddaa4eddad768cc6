"""A model folder: ``manifest.json``, the ONNX graph, the tokenizer. Checked whenever it is opened, refused when it does not fit."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from .encoding import Encoder, EncodingSpec
from .errors import BundleError, BundleNotFoundError, InvalidInputError, InvalidTypeError
from .text import TEXT_VERSION
from .types import LABELS

FORMAT, FORMAT_VERSION = "turn-detection-bundle", 1
MANIFEST = "manifest.json"
TOKENIZER = "tokenizer.json"
#: How settings and command lines name the bundle that ships inside the package.
SHIPPED = "default"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Size and digest of a file of the bundle."""

    sha256: str
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What must not drift between training and use.

    Attributes:
        name: of the model, for people.
        model_file: the graph's file name.
        files: every file that is needed, by name.
        encoding: layout and limits of the input.
        temperature, bias: calibration; ``p = sigmoid((logit_speak - logit_wait) / temperature + bias)``
            (Platt scaling; Guo et al., arXiv:1706.04599).
        threshold: ``speak`` from this probability on.
        text_version: of the normaliser that the weights were trained with.
        labels: column order of the logits.
        precision: ``int8`` or ``fp32``.
        metrics: figures that the export measured, by name.
        provenance: data, seed, code and versions of the training run.
    """

    name: str
    model_file: str
    files: Mapping[str, FileRecord]
    encoding: EncodingSpec
    temperature: float = 1.0
    bias: float = 0.0
    threshold: float = 0.5
    text_version: int = TEXT_VERSION
    labels: tuple[str, ...] = LABELS
    precision: str = "fp32"
    metrics: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        values = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        return json.dumps(values, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, place: Path) -> Manifest:
        """Parse and check a manifest.

        Raises:
            BundleError: not a manifest, another format version, text version or label order, or a value that makes no sense.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise BundleError(
                f"{place} is not JSON ({error.msg}, line {error.lineno}); export the bundle again"
            ) from error
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists in lists
            raise BundleError(f"{place} is no manifest ({type(error).__name__}); export the bundle again") from error
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise BundleError(f"{place} is not the manifest of a turn-detection bundle")
        version = values.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise BundleError(
                f"{place} has format version {version}, this package reads {FORMAT_VERSION}; use a matching release"
            )
        known = {entry.name for entry in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise BundleError(f"{place} has an unknown key '{unknown[0]}'")
        try:
            values["files"] = {name: FileRecord(**record) for name, record in values["files"].items()}
            values["encoding"] = EncodingSpec(**values["encoding"])
            values["labels"] = tuple(values["labels"])
            manifest = cls(**values)
            sound = (
                0 < manifest.temperature < math.inf
                and math.isfinite(manifest.bias)
                and 0 <= manifest.threshold <= 1
                and {manifest.model_file, TOKENIZER} <= manifest.files.keys()
                and all(name == Path(name).name for name in manifest.files)
            )
        except (KeyError, TypeError, AttributeError, InvalidInputError) as error:
            raise BundleError(f"{place} is incomplete or has a value of the wrong type ({error})") from error
        if not sound:
            raise BundleError(f"{place} has a temperature, bias, threshold or list of files that makes no sense")
        if manifest.text_version != TEXT_VERSION:
            raise BundleError(
                f"{place} was made for text rules {manifest.text_version}, this package has {TEXT_VERSION}: "
                "install the matching release of turn-detection or train the model again"
            )
        if manifest.labels != LABELS:
            raise BundleError(f"{place} orders its labels {list(manifest.labels)}, expected {list(LABELS)}")
        return manifest


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened, checked model folder."""

    folder: Path
    manifest: Manifest

    @property
    def model_path(self) -> Path:
        return self.folder / self.manifest.model_file

    def encoder(self) -> Encoder:
        """The bundle's tokenizer and layout.

        Raises:
            BundleError: the tokenizer cannot be read or lacks a special token.
        """
        try:
            tokenizer = Tokenizer.from_file(str(self.folder / TOKENIZER))
        except Exception as error:  # the Rust library raises bare Exception
            raise BundleError(f"{self.folder / TOKENIZER} cannot be read; export the bundle again") from error
        return Encoder(tokenizer, self.manifest.encoding)


def open_bundle(path: str | Path | None = None) -> Bundle:
    """Open a bundle and check every file against its manifest.

    Args:
        path: the folder, or an ``.onnx`` file inside it; ``None`` or ``"default"`` for the bundle that ships inside the package. A string ``owner/name`` or
            ``owner/name@revision`` that is no path here names a model of the Hugging Face hub, see :func:`turn_detection.hub.open_copy`;
            a :class:`~pathlib.Path` is always local.

    Raises:
        BundleNotFoundError: no such folder or model, no manifest in it, or a file that the manifest names is missing.
        BundleError: a file was altered, or the manifest does not fit this package.
        DataUnavailableError, MissingExtraError: the hub cannot be asked.
        InvalidTypeError: ``path`` is no path.
    """
    if path is not None and not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(f"a bundle is opened by its path, got {type(path).__name__}")
    if path == SHIPPED and not os.path.lexists(path):
        path = None
    if isinstance(path, str) and "/" in path and not os.path.lexists(path):
        from . import hub

        if (model := hub.HubName.parse(path)) is not None:
            return hub.open_copy(model, open_bundle)
    folder = default_bundle() if path is None else Path(path)
    wanted: str | None = None
    if folder.suffix == ".onnx":
        wanted, folder = folder.name, folder.parent
    manifest = read_manifest(folder)
    if wanted is not None and wanted != manifest.model_file:
        raise BundleNotFoundError(
            f"{folder / wanted} is not this bundle's model; its manifest names {manifest.model_file}"
        )
    for name, record in manifest.files.items():
        _check_file(folder / name, record)
    return Bundle(folder, manifest)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle whose files somebody else reads and checks, :func:`open_bundle` for one.

    Raises:
        BundleNotFoundError: no such folder, or no manifest in it.
        BundleError: as :meth:`Manifest.from_json`.
    """
    place = folder / MANIFEST
    if not folder.is_dir():
        raise BundleNotFoundError(f"no bundle at {folder}: no such folder")
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BundleNotFoundError(
            f"{folder} is no bundle: {MANIFEST} is missing; 'turn-detection export_onnx CKPT --output DIR' makes one"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{place} cannot be read ({type(error).__name__})") from error
    return Manifest.from_json(text, place)


def default_bundle() -> Path:
    """Folder of the bundle that ships inside the package."""
    return Path(__file__).resolve().parent / "assets" / "default"


def record_file(path: Path) -> FileRecord:
    """Size and digest of a file, for a manifest."""
    data = path.read_bytes()
    return FileRecord(hashlib.sha256(data).hexdigest(), len(data))


def _check_file(path: Path, record: FileRecord) -> None:
    if not path.is_file():
        raise BundleNotFoundError(f"{path} is missing; export or install the bundle again")
    try:
        found = record_file(path)
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({type(error).__name__})") from error
    if found != record:
        raise BundleError(
            f"{path} is not the file that {MANIFEST} describes (altered or damaged); export or install it again"
        )
