"""The onnxruntime engine: what it accepts, what it answers, what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from turn_detection.backends.onnx import OnnxBackend
from turn_detection.encoding import EncodedBatch, Encoder
from turn_detection.errors import BackendError, InvalidInputError

ModelWriter = Callable[[np.ndarray], Path]


def test_logits_are_float32_with_a_row_an_item(toy_bundle: Path, toy_encoder: Encoder) -> None:
    logits = OnnxBackend(toy_bundle / "model.onnx").logits(
        toy_encoder.encode_batch([(None, "да"), ("мне", "билет на")])
    )
    assert logits.shape == (2, 2)
    assert logits.dtype == np.float32
    assert logits[0, 1] > logits[0, 0]  # speak
    assert logits[1, 1] < logits[1, 0]  # wait


def test_padding_changes_nothing(toy_bundle: Path, toy_encoder: Encoder) -> None:
    backend, row = OnnxBackend(toy_bundle / "model.onnx"), toy_encoder.encode("мне", "нужен билет")
    wide, narrow = toy_encoder.pad([row], n_tokens=50), toy_encoder.pad([row])
    np.testing.assert_array_equal(backend.logits(wide), backend.logits(narrow))


def test_an_empty_batch_has_an_empty_answer(toy_bundle: Path, toy_encoder: Encoder) -> None:
    logits = OnnxBackend(toy_bundle / "model.onnx").logits(toy_encoder.encode_batch([]))
    assert logits.shape == (0, 2)
    assert logits.dtype == np.float32


def test_two_threads_inside_a_call_answer_the_same(toy_bundle: Path, toy_encoder: Encoder) -> None:
    batch = toy_encoder.encode_batch([(None, "да"), ("мне", "билет на")])
    one, two = (OnnxBackend(toy_bundle / "model.onnx", n_threads=n).logits(batch) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, "2", None])
def test_a_number_of_threads_is_a_positive_integer(toy_bundle: Path, n_threads: object) -> None:
    with pytest.raises(InvalidInputError, match="n_threads must be a positive integer"):
        OnnxBackend(toy_bundle / "model.onnx", n_threads=n_threads)  # type: ignore[arg-type]


def test_a_file_that_is_no_graph_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "noise.onnx"
    path.write_bytes(b"noise")
    with pytest.raises(BackendError, match=r"cannot load .*noise\.onnx"):
        OnnxBackend(path)


def test_a_graph_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"gone\.onnx"):
        OnnxBackend(tmp_path / "gone.onnx")


@pytest.mark.parametrize(
    ("inputs", "outputs"), [(["ids"], ["logits"]), (["input_ids", "attention_mask"], ["logits", "more"])]
)
def test_a_graph_with_other_inputs_or_outputs_is_refused(tmp_path: Path, inputs: list[str], outputs: list[str]) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Cast", [inputs[0]], [name], to=TensorProto.FLOAT) for name in outputs],
        "other",
        [value(name, TensorProto.INT64, ["batch", "tokens"]) for name in inputs],
        [value(name, TensorProto.FLOAT, ["batch", "tokens"]) for name in outputs],
    )
    path = tmp_path / "other.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    with pytest.raises(BackendError, match=r"must have the inputs \['attention_mask', 'input_ids'\] and one output"):
        OnnxBackend(path)


@pytest.mark.parametrize("n_logits", [1, 3])
def test_an_answer_of_another_shape_is_refused(model_writer: ModelWriter, toy_encoder: Encoder, n_logits: int) -> None:
    path = model_writer(np.zeros((toy_encoder.vocabulary_size, n_logits), np.float32))
    with pytest.raises(BackendError, match=rf"answer with shape \(1, 2\), answered with \(1, {n_logits}\)"):
        OnnxBackend(path).logits(toy_encoder.encode_batch([(None, "да")]))


def test_a_failure_inside_the_engine_names_the_shape_of_the_batch(model_writer: ModelWriter) -> None:
    backend = OnnxBackend(model_writer(np.zeros((3, 2), np.float32)))  # a vocabulary of three
    ids = np.full((2, 7), 1000, np.int64)
    with pytest.raises(BackendError, match=r"failed on a batch of shape \(2, 7\)"):
        backend.logits(EncodedBatch(ids, np.ones_like(ids)))
