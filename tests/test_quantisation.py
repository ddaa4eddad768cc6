"""A graph of one embedding and two products, small enough to compute by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from turn_detection.encoding import EncodedBatch
from turn_detection.quantisation import quantise

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(120, 16)).astype(np.float32)
TABLE[7] *= 200  # as a separator's
LEFT, RIGHT = (RNG.normal(size=(16, 12)).astype(np.float32) for _ in range(2))


@pytest.fixture
def fp32(tmp_path: Path) -> Path:
    """``ids -> TABLE[ids] @ LEFT`` and ``TABLE[ids] @ RIGHT``."""
    constants = {"table": TABLE, "left": LEFT, "right": RIGHT}
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "ids"], ["x"], axis=0),
            helper.make_node("MatMul", ["x", "left"], ["a"]),
            helper.make_node("MatMul", ["x", "right"], ["b"]),
        ],
        "small",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "n"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "n", 12]) for name in ("a", "b")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    path = tmp_path / "fp32.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


@pytest.fixture
def int8(fp32: Path) -> Path:
    quantise(fp32, fp32.with_name("int8.onnx"))
    return fp32.with_name("int8.onnx")


def run(path: Path, ids: list[list[int]]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"ids": np.array(ids, np.int64)})


def test_answers_stay_within_a_rounding_of_each_token(fp32: Path, int8: Path) -> None:
    for exact, rounded in zip(run(fp32, [[1, 2, 3, 7]]), run(int8, [[1, 2, 3, 7]]), strict=True):
        size = np.abs(exact).max(axis=-1, keepdims=True)
        assert (np.abs(exact - rounded) / size).max() < 0.03
        assert np.abs(exact - rounded).max() > 0, "the comparison must see a quantised graph"


def test_a_token_is_judged_alike_whoever_it_stands_with(int8: Path) -> None:
    alone, together = run(int8, [[1]])[0], run(int8, [[1, 7], [2, 3]])[0]
    np.testing.assert_array_equal(alone[0, 0], together[0, 0])


def test_a_token_of_zeros_is_zero_and_no_division_by_zero(fp32: Path, tmp_path: Path) -> None:
    model = onnx.load(fp32)
    table = TABLE.copy()
    table[5] = 0
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(table, "table"))
    onnx.save(model, fp32)
    quantise(fp32, tmp_path / "int8.onnx")
    np.testing.assert_array_equal(run(tmp_path / "int8.onnx", [[5]])[0], np.zeros((1, 1, 12), np.float32))


def test_weights_are_bytes_and_a_shared_activation_is_quantised_once(int8: Path) -> None:
    graph = onnx.load(int8).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    assert {types["table/q"], types["a/weight"], types["b/weight"]} == {TensorProto.INT8}
    assert not {"table", "left", "right"} & set(types)
    kinds = [node.op_type for node in graph.node]
    assert (kinds.count("MatMulIntegerToFloat"), kinds.count("QuantizeLinear")) == (2, 1)


def test_products_of_two_activations_and_small_tables_are_left_alone(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "y"], ["z"]), helper.make_node("Gather", ["few", "i"], ["w"])],
        "plain",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 3]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 2]),
            helper.make_tensor_value_info("i", TensorProto.INT64, [1]),
        ],
        [
            helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 2, 2]),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 4]),
        ],
        [numpy_helper.from_array(np.ones((2, 4), np.float32), "few")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "plain.onnx")
    quantise(tmp_path / "plain.onnx", tmp_path / "int8.onnx")
    assert [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node] == ["MatMul", "Gather"]
    quantise(tmp_path / "plain.onnx", tmp_path / "int8.onnx", TEXTS)  # nothing to fix, and nothing to look at
    assert [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node] == ["MatMul", "Gather"]


def test_tables_of_integers_are_read_as_they_are(tmp_path: Path) -> None:
    """Two bytes a row, one of which is a name and no quantity: a scale for each row would spoil the one and triple the other."""
    table = RNG.integers(-128, 128, (5000, 2)).astype(np.int8)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["cells"], axis=0)],
        "cells",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "n"])],
        [helper.make_tensor_value_info("cells", TensorProto.INT8, ["batch", "n", 2])],
        [numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "fp32.onnx")
    quantise(tmp_path / "fp32.onnx", tmp_path / "int8.onnx")
    np.testing.assert_array_equal(run(tmp_path / "int8.onnx", [[3, 4999]])[0], table[[[3, 4999]]])
    assert (tmp_path / "int8.onnx").stat().st_size < 11_000


def network(path: Path, *, width: int = 24) -> Path:
    """``logits = gelu(norm(TABLE[ids]) @ W + b) @ V + c``, shaped as an encoder's feed-forward block with two inputs."""
    chance = np.random.default_rng(1)
    wide, narrow = (chance.normal(size=size).astype(np.float32) for size in ((16, width), (width, 12)))
    wide[15] /= 40  # a network lives with its large channels
    constants = {
        "table": TABLE, "gain": np.r_[np.full(15, 1.0), 40.0].astype(np.float32), "shift": np.zeros(16, np.float32),
        "wide": wide, "b": chance.normal(size=width).astype(np.float32), "narrow": narrow.T, "c": np.ones(12, np.float32),
        "root": np.array(2**0.5, np.float32), "one": np.array(1, np.float32), "half": np.array(0.5, np.float32),
        "shape": np.array([-1, 16]), "axes": np.array([2]),
    }  # fmt: skip
    steps = [
        ("Gather", ["table", "input_ids"], "x", {}), ("LayerNormalization", ["x", "gain", "shift"], "even", {}),
        ("Reshape", ["even", "shape"], "rows", {}), ("Gemm", ["rows", "wide", "b"], "h", {}),
        ("Div", ["h", "root"], "h1", {}), ("Erf", ["h1"], "h2", {}), ("Add", ["h2", "one"], "h3", {}),
        ("Mul", ["h", "h3"], "h4", {}), ("Mul", ["h4", "half"], "active", {}),
        ("Gemm", ["active", "narrow", "c"], "y", {"transB": 1}),
        ("Cast", ["attention_mask"], "m", {"to": TensorProto.FLOAT}), ("ReduceSum", ["m"], "n", {"keepdims": 0}),
        ("Add", ["y", "n"], "logits", {}),
    ]  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [out], **settings) for kind, inputs, out, settings in steps],
        "block",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "n"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 12])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def answer(path: Path, ids: list[list[int]]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {"input_ids": np.array(ids, np.int64), "attention_mask": np.zeros((len(ids), len(ids[0])), np.int64)}
    return session.run(None, feed)[0]


TEXTS = [
    EncodedBatch(ids[None], np.ones_like(ids[None]))
    for ids in (np.random.default_rng(start).integers(0, 120, 30) for start in range(20))
]


def test_a_channel_that_is_always_large_gets_a_divisor_and_a_scale_for_good(tmp_path: Path) -> None:
    source = network(tmp_path / "fp32.onnx")
    quantise(source, tmp_path / "token.onnx")
    quantise(source, tmp_path / "fixed.onnx", TEXTS)
    kinds = [node.op_type for node in onnx.load(tmp_path / "fixed.onnx").graph.node]
    constants = {t.name: numpy_helper.to_array(t) for t in onnx.load(tmp_path / "fixed.onnx").graph.initializer}
    assert "ReduceMax" in [node.op_type for node in onnx.load(tmp_path / "token.onnx").graph.node]
    factors = constants["int8/activation0/factors"]
    assert factors.argmin() == 15
    assert factors[15] < 0.1
    assert kinds.count("MatMulIntegerToFloat") == 2
    ids = np.random.default_rng(99).integers(0, 120, (1, 64)).tolist()
    exact = answer(source, ids)
    errors = {name: np.abs(answer(tmp_path / f"{name}.onnx", ids) - exact).mean() for name in ("token", "fixed")}
    assert 0 < errors["fixed"] < errors["token"], "a large channel costs a scale per token its resolution"
    assert errors["fixed"] < 0.05 * np.abs(exact).mean()


def test_with_fixed_scales_too_a_token_is_judged_alike_whoever_it_stands_with(tmp_path: Path) -> None:
    quantise(network(tmp_path / "fp32.onnx"), tmp_path / "int8.onnx", TEXTS)
    alone, together = answer(tmp_path / "int8.onnx", [[1]]), answer(tmp_path / "int8.onnx", [[1, 7], [2, 3]])
    np.testing.assert_array_equal(alone[0], together[0])


def test_gelu_is_one_operator_and_keeps_its_small_negative_values(tmp_path: Path) -> None:
    quantise(network(tmp_path / "fp32.onnx"), tmp_path / "int8.onnx")
    graph = onnx.load(tmp_path / "int8.onnx").graph
    kinds = [node.op_type for node in graph.node]
    assert (kinds.count("FastGelu"), kinds.count("Erf"), kinds.count("Abs")) == (1, 0, 1)
    assert {tensor.name for tensor in graph.initializer} <= {name for node in graph.node for name in node.input}
    scale = {t.name: numpy_helper.to_array(t) for t in graph.initializer}["int8/least16"]
    assert scale * 16 >= 0.17, "what lies below zero must fit into the bytes below 16"


def test_an_activation_with_strange_tokens_keeps_a_scale_per_token(tmp_path: Path) -> None:
    """Whole tokens that are large, in every channel: a fixed scale would leave nothing of the others."""
    fp32 = tmp_path / "fp32.onnx"
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["x"]), helper.make_node("MatMul", ["x", "left"], ["y"]),
         helper.make_node("Cast", ["attention_mask"], ["m"], to=TensorProto.FLOAT)],
        "strange",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "n"]) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "n", 12]), helper.make_tensor_value_info("m", TensorProto.FLOAT, ["batch", "n"])],
        [numpy_helper.from_array(TABLE, "table"), numpy_helper.from_array(LEFT, "left")],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), fp32)
    quantise(fp32, tmp_path / "int8.onnx", [EncodedBatch(np.array([[1, 7, 3]]), np.ones((1, 3), np.int64))] * 5)
    assert "ReduceMax" in [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node]
