"""fp32 ONNX graph to int8: weights once, activations token by token while running.

onnxruntime's ``quantize_dynamic`` scales the activations of a whole batch by their largest value. An encoder's separators have values a hundred times
those of words, and so have some words: every answer becomes coarse, and it changes with the items that happen to share the batch (measured
here: up to .74 in p, 2.5 % of the verdicts; see docs/experiments.md). Here each token has a scale of its own, ``max |x| / 127`` (vector-wise
quantisation, Dettmers et al., arXiv:2208.07339, section 2.1), which costs a few small operators and makes an answer independent of its company.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

#: Tables with at least so many rows are embeddings; smaller ones (token types, shapes) stay as they are.
_MIN_EMBEDDING_ROWS = 100
_LEAST_SCALE = 1e-8


def quantise(source: Path, target: Path) -> None:
    """Write ``source`` with int8 weights in matrix products with constant weights and in embeddings.

    Weights have a scale per output column, embeddings per row, activations per token; all symmetric. Inputs, outputs and everything
    else keep their types. Activations travel as uint8 around 128, the form that CPUs multiply fastest with signed weights.
    """
    model = onnx.load(source)
    graph = _Graph(model.graph)
    for node in list(model.graph.node):
        weight = graph.constants.get(node.input[1]) if node.op_type == "MatMul" else None
        table = graph.constants.get(node.input[0]) if node.op_type == "Gather" else None
        if weight is not None and len(weight.dims) == 2:
            graph.product(node)
        elif table is not None and _is_embedding(table):
            graph.lookup(node)
        else:
            graph.nodes.append(node)
    graph.finish()
    onnx.checker.check_model(model)
    onnx.save(model, target)


def _is_embedding(table: TensorProto) -> bool:
    """Tables of integers (n-grams have one) are small already, and their entries need not be quantities."""
    return table.data_type == TensorProto.FLOAT and len(table.dims) == 2 and table.dims[0] >= _MIN_EMBEDDING_ROWS


class _Graph:
    """The graph being rewritten: nodes in their new order, constants that were replaced, activations that are quantised already."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self.nodes: list[NodeProto] = []
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self._replaced: set[str] = set()
        self._added: dict[str, np.ndarray] = {
            "int8/one": np.array(1, np.float32),
            "int8/step": np.array(1 / 127, np.float32),
            "int8/least": np.array(_LEAST_SCALE, np.float32),
            "int8/middle": np.array(128, np.uint8),
            "int8/last_axis": np.array([-1], np.int64),
        }
        self._activations: dict[str, str] = {}

    def product(self, node: NodeProto) -> None:
        """``x @ W`` as ``(q(x) @ q(W)) * scale(x) * scale(W)``."""
        values, weight, out = node.input[0], node.input[1], node.output[0]
        activation = self._activation(values)
        scale = self._weight(weight, axis=0)
        self._add("MatMulInteger", [f"{activation}/q", f"{weight}/q", "int8/middle"], f"{out}/sum")
        self._add("Cast", [f"{out}/sum"], f"{out}/float", to=TensorProto.FLOAT)
        self._add("Mul", [f"{out}/float", f"{activation}/scale"], f"{out}/rows")
        self._add("Mul", [f"{out}/rows", scale], out)

    def lookup(self, node: NodeProto) -> None:
        """Rows of an embedding, each with its scale."""
        table, ids, out = node.input[0], node.input[1], node.output[0]
        scale = self._weight(table, axis=1)
        self._add("Gather", [f"{table}/q", ids], f"{out}/q", axis=0)
        self._add("Gather", [scale, ids], f"{out}/scale", axis=0)
        self._add("Cast", [f"{out}/q"], f"{out}/float", to=TensorProto.FLOAT)
        self._add("Mul", [f"{out}/float", f"{out}/scale"], out)

    def finish(self) -> None:
        """Put the new nodes and constants in the place of the old."""
        kept = [tensor for name, tensor in self.constants.items() if name not in self._replaced]
        kept += [numpy_helper.from_array(value, name) for name, value in self._added.items()]
        for field, content in ((self._graph.initializer, kept), (self._graph.node, self.nodes)):
            del field[:]
            field.extend(content)

    def _activation(self, values: str) -> str:
        """Quantise once what several products read (query, key and value)."""
        if values not in self._activations:
            name = f"int8/activation{len(self._activations)}"
            self._add("Abs", [values], f"{name}/abs")
            self._add("ReduceMax", [f"{name}/abs", "int8/last_axis"], f"{name}/max", keepdims=1)
            self._add("Mul", [f"{name}/max", "int8/step"], f"{name}/raw")
            self._add("Max", [f"{name}/raw", "int8/least"], f"{name}/scale")  # a token of zeros must not divide by zero
            self._add("Div", [values, f"{name}/scale"], f"{name}/unit")
            # Rounds, saturates, shifts and casts in one go.
            self._add("QuantizeLinear", [f"{name}/unit", "int8/one", "int8/middle"], f"{name}/q")
            self._activations[values] = name
        return self._activations[values]

    def _weight(self, name: str, axis: int) -> str:
        """Quantise a constant along ``axis``, the one its scales do not keep; return the name of its scales."""
        if f"{name}/q" not in self._added:
            values = numpy_helper.to_array(self.constants[name]).astype(np.float32)
            scale = np.maximum(np.abs(values).max(axis=axis, keepdims=True) / 127, _LEAST_SCALE).astype(np.float32)
            self._added[f"{name}/q"] = np.clip(np.round(values / scale), -127, 127).astype(np.int8)
            self._added[f"{name}/scale"] = scale
            self._replaced.add(name)
        return f"{name}/scale"

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: int) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
