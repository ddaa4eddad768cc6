"""A small tokenizer, model and bundle, built on the spot: no test here needs the shipped model or a download."""

from __future__ import annotations

import os

# Small matrices gain nothing from threads that wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from turn_detection.bundle import MANIFEST, TOKENIZER, Manifest, record_file
from turn_detection.detector import TurnDetector
from turn_detection.encoding import Encoder, EncodingSpec

# Time limits of single examples measure the machine, not the code; and a run in CI must not depend on luck.
settings.register_profile("turn-detection", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("turn-detection")

#: The padding id is not zero, as in the encoders this project trains: a zero that stands for padding would be noticed.
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
FINISHING = ("да", "нет", "спасибо", "завтра", "москву", "билет")
WAITING = ("на", "в", "и", "мне", "нужен", "хотел", "мой")
_LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz"
#: Logits of a message that ends with such a word, ordered as TurnLabel; every token of the item adds EDGE to "speak".
FINISHED, UNFINISHED, NEITHER, EDGE = (-3.0, 3.0), (3.0, -3.0), (0.5, -0.5), 0.01


def make_tokenizer() -> Tokenizer:
    """WordPiece: some whole words, and letters, so that every Russian word can be spelled."""
    pieces = [*SPECIAL, "?", *"0123456789", *FINISHING, *WAITING]
    pieces += [piece for letter in _LETTERS for piece in (letter, f"##{letter}") if piece not in pieces]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def make_model(table: np.ndarray) -> onnx.ModelProto:
    """A graph that answers with the row of ``table (vocabulary, n_logits) float32`` that the last token of an item chooses."""
    width = table.shape[1]
    edge = np.zeros((1, width), np.float32)
    edge[0, -1] = EDGE
    nodes = [
        helper.make_node("ReduceSum", ["attention_mask", "tokens_axis"], ["n_tokens"], keepdims=1),
        helper.make_node("Sub", ["n_tokens", "one"], ["last"]),
        helper.make_node("GatherElements", ["input_ids", "last"], ["last_ids"], axis=1),
        helper.make_node("Squeeze", ["last_ids", "tokens_axis"], ["row"]),
        helper.make_node("Gather", ["table", "row"], ["by_word"], axis=0),
        helper.make_node("Cast", ["n_tokens"], ["n_tokens_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["n_tokens_float", "edge"], ["by_length"]),
        helper.make_node("Add", ["by_word", "by_length"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", width])],
        [
            numpy_helper.from_array(np.array([1], np.int64), "tokens_axis"),
            numpy_helper.from_array(np.array([[1]], np.int64), "one"),
            numpy_helper.from_array(table.astype(np.float32), "table"),
            numpy_helper.from_array(edge, "edge"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def make_table(tokenizer: Tokenizer) -> np.ndarray:
    """``(vocabulary, 2) float32``: some words finish a turn, some cannot."""
    table = np.full((tokenizer.get_vocab_size(), 2), NEITHER, np.float32)
    for words, logits in ((FINISHING, FINISHED), (WAITING, UNFINISHED)):
        for word in words:
            table[tokenizer.token_to_id(word)] = logits
    return table


def write_bundle(folder: Path, *, model_file: str = "model.onnx", **values: object) -> Path:
    """Write a whole bundle; ``values`` are further entries of its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    onnx.save(make_model(make_table(tokenizer)), folder / model_file)
    tokenizer.save(str(folder / TOKENIZER))
    manifest = Manifest(
        name="toy",
        model_file=model_file,
        files={name: record_file(folder / name) for name in (model_file, TOKENIZER)},
        encoding=EncodingSpec(),
        **values,  # type: ignore[arg-type]
    )
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def toy_tokenizer() -> Tokenizer:
    """See :func:`make_tokenizer`."""
    return make_tokenizer()


@pytest.fixture(scope="session")
def toy_encoder(toy_tokenizer: Tokenizer) -> Encoder:
    """The toy tokenizer with the default layout."""
    return Encoder(toy_tokenizer, EncodingSpec())


@pytest.fixture
def toy_bundle(tmp_path: Path) -> Path:
    """A bundle's folder of the test's own, free to be damaged."""
    return write_bundle(tmp_path / "toy_bundle")


@pytest.fixture
def bundle_writer(tmp_path: Path) -> Callable[..., Path]:
    """Writes bundles with other manifest entries: ``bundle_writer(temperature=2.0)``."""
    return lambda name="made", **values: write_bundle(tmp_path / name, **values)


@pytest.fixture
def model_writer(tmp_path: Path) -> Callable[[np.ndarray], Path]:
    """Writes a toy graph over a table of logits and returns its path."""

    def write(table: np.ndarray) -> Path:
        path = tmp_path / "other.onnx"
        onnx.save(make_model(table), path)
        return path

    return write


@pytest.fixture(scope="session")
def toy_detector(tmp_path_factory: pytest.TempPathFactory) -> TurnDetector:
    """A detector over a toy bundle: «да» finishes, «на» does not."""
    return TurnDetector.load(write_bundle(tmp_path_factory.mktemp("session") / "bundle"))
