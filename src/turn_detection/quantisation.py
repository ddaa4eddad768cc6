"""fp32 ONNX graph to int8: weights once, activations with a scale for each token or with one that was fixed at export.

onnxruntime's ``quantize_dynamic`` scales the activations of a whole batch by their largest value. An encoder's separators have values a hundred times
those of words, and so have some words: every answer becomes coarse, and it changes with the items that happen to share the batch (measured
here: up to .74 in p, 2.5 % of the verdicts; see docs/experiments.md). Here each token has a scale of its own, ``max |x| / 127`` (vector-wise
quantisation, Dettmers et al., arXiv:2208.07339, section 2.1), or its activation has one for good (see :mod:`~.activations`).
Either makes an answer independent of its company.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from .activations import GELU, SYMMETRIC, FixedScale, Form, Reader, fixed_scales, rounded_weight
from .encoding import EncodedBatch
from .gelu import fuse_gelu

#: Tables with at least so many rows are embeddings; smaller ones (token types, shapes) stay as they are.
_MIN_EMBEDDING_ROWS = 100
#: Products with fewer outputs (the answer's two) cost nothing and stay exact.
_MIN_OUTPUTS = 8
#: onnxruntime's own operators: a product of bytes that multiplies by the scales and adds the bias on its way out.
_RUNTIME = "com.microsoft"


def quantise(source: Path, target: Path, batches: Iterable[EncodedBatch] = ()) -> None:
    """Write ``source`` with int8 weights in matrix products with constant weights and in embeddings.

    Weights have a scale per output column, embeddings per row; both symmetric. Inputs, outputs and everything else keep their types.
    Activations travel as uint8, the form that CPUs multiply fastest with signed weights.

    Args:
        batches: texts as the model will meet them, without padding, to fix scales by; without any each token gets its own.
    """
    model = onnx.load(source)
    texts = list(batches)
    gelus = fuse_gelu(model)
    _import_runtime(model)
    graph = _Graph(model.graph, gelus)
    products = {node.output[0]: found for node in model.graph.node if (found := graph.as_product(node)) is not None}
    if texts:
        graph.fixed = fixed_scales(model, graph.readers(products.values()), texts)
    for node in list(model.graph.node):
        table = graph.constants.get(node.input[0]) if node.op_type == "Gather" else None
        if node.output[0] in products:
            graph.product(products[node.output[0]])
        elif table is not None and _is_embedding(table):
            graph.lookup(node)
        else:
            graph.nodes.append(node)
    graph.finish()
    onnx.checker.check_model(model)
    onnx.save(model, target)


def _import_runtime(model: onnx.ModelProto) -> None:
    if _RUNTIME not in {entry.domain for entry in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(_RUNTIME, 1))


def _is_embedding(table: TensorProto) -> bool:
    """Tables of integers (n-grams have one) are small already, and their entries need not be quantities."""
    return table.data_type == TensorProto.FLOAT and len(table.dims) == 2 and table.dims[0] >= _MIN_EMBEDDING_ROWS


@dataclass(frozen=True, slots=True)
class _Product:
    """``values @ weight + bias``; ``weight`` is ``(width, n_outputs)``, ``bias`` a name, empty where there is none."""

    values: str
    weight: np.ndarray
    bias: str
    output: str


@dataclass(frozen=True, slots=True)
class _Activation:
    """Names of the bytes, of their scale (one number, or one for each token) and of what stands for zero."""

    bytes: str
    scale: str
    zero: str
    divisors: np.ndarray | None


class _Graph:
    """The graph being rewritten: nodes in their new order, constants that were replaced, activations that are quantised already."""

    def __init__(self, graph: onnx.GraphProto, gelus: set[str]) -> None:
        self._graph, self._gelus = graph, gelus
        self.nodes: list[NodeProto] = []
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.fixed: Mapping[str, FixedScale] = {}
        self._added: dict[str, np.ndarray] = {"int8/one": np.array(1, np.float32)}
        self._activations: dict[str, _Activation] = {}

    def as_product(self, node: NodeProto) -> _Product | None:
        """A matrix product with a constant, if the node is one worth rounding."""
        constant = self.constants.get(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
        if constant is None or len(constant.dims) != 2:
            return None
        settings = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        if any(settings.get(name, usual) != usual for name, usual in (("alpha", 1.0), ("beta", 1.0), ("transA", 0))):
            return None
        weight = numpy_helper.to_array(constant).astype(np.float32)
        weight = weight.T if settings.get("transB") else weight
        bias = node.input[2] if len(node.input) > 2 else ""
        if weight.shape[1] < _MIN_OUTPUTS or (bias and bias not in self.constants):
            return None
        return _Product(node.input[0], weight, bias, node.output[0])

    def readers(self, products: Iterable[_Product]) -> dict[str, Reader]:
        """All products of each activation."""
        weights: dict[str, list[np.ndarray]] = {}
        for product in products:
            weights.setdefault(product.values, []).append(product.weight)
        return {name: Reader(self._form(name), np.concatenate(found, axis=1)) for name, found in weights.items()}

    def product(self, product: _Product) -> None:
        """``x @ W + b`` with a fixed scale, or ``(q(x) @ q(W) * scale(W)) * scale(x) + b`` with one for each token."""
        activation, out = self._activation(product.values), product.output
        weight = product.weight if activation.divisors is None else product.weight * activation.divisors[:, None]
        self._added[f"{out}/weight"], self._added[f"{out}/scale"] = rounded_weight(weight)
        factors = [activation.bytes, f"{out}/weight"]
        if activation.divisors is not None:
            inputs = [*factors, activation.scale, f"{out}/scale", activation.zero]
            self._add("MatMulIntegerToFloat", inputs + (["", product.bias] if product.bias else []), out, _RUNTIME)
            return
        inputs = [*factors, "int8/one", f"{out}/scale", activation.zero]
        self._add("MatMulIntegerToFloat", inputs, f"{out}/columns", _RUNTIME)
        rows = f"{out}/rows" if product.bias else out
        self._add("Mul", [f"{out}/columns", activation.scale], rows)
        if product.bias:
            self._add("Add", [rows, product.bias], out)

    def lookup(self, node: NodeProto) -> None:
        """Rows of an embedding, each with its scale."""
        table, ids, out = node.input[0], node.input[1], node.output[0]
        values, scale = rounded_weight(numpy_helper.to_array(self.constants[table]).astype(np.float32).T)
        self._added[f"{table}/q"], self._added[f"{table}/scale"] = np.ascontiguousarray(values.T), scale[:, None]
        self._add("Gather", [f"{table}/q", ids], f"{out}/q", axis=0)
        self._add("Gather", [f"{table}/scale", ids], f"{out}/scale", axis=0)
        self._add("Cast", [f"{out}/q"], f"{out}/float", to=TensorProto.FLOAT)
        self._add("Mul", [f"{out}/float", f"{out}/scale"], out)

    def finish(self) -> None:
        """Put the new nodes and constants in the place of the old."""
        read = {name for node in self.nodes for name in node.input}
        kept = [tensor for name, tensor in self.constants.items() if name in read]
        kept += [numpy_helper.from_array(value, name) for name, value in self._added.items()]
        for field, content in ((self._graph.initializer, kept), (self._graph.node, self.nodes)):
            del field[:]
            field.extend(content)

    def _form(self, values: str) -> Form:
        return GELU if values in self._gelus else SYMMETRIC

    def _activation(self, values: str) -> _Activation:
        """Quantise once what several products read (query, key and value)."""
        if values not in self._activations:
            name, form = f"int8/activation{len(self._activations)}", self._form(values)
            zero = f"int8/zero{form.zero}"
            self._added[zero] = np.array(form.zero, np.uint8)
            fixed = self.fixed.get(values)
            make = self._per_token(values, name, form) if fixed is None else self._fixed(values, name, fixed)
            # Rounds, saturates, shifts and casts in one go.
            self._add("QuantizeLinear", [*make, zero], f"{name}/q")
            divisors = None if fixed is None else fixed.divisors
            self._activations[values] = _Activation(f"{name}/q", f"{name}/scale", zero, divisors)
        return self._activations[values]

    def _fixed(self, values: str, name: str, fixed: FixedScale) -> tuple[str, str]:
        """What is to be rounded, and in which units."""
        self._added[f"{name}/scale"] = np.array(fixed.scale, np.float32)
        if (fixed.divisors == 1).all():
            return values, f"{name}/scale"
        self._added[f"{name}/factors"] = (1 / fixed.divisors).astype(np.float32)
        self._add("Mul", [values, f"{name}/factors"], f"{name}/even")
        return f"{name}/even", f"{name}/scale"

    def _per_token(self, values: str, name: str, form: Form) -> tuple[str, str]:
        constants = {"step": np.array(1 / form.n_steps, np.float32), "least": np.array(form.least_scale, np.float32)}
        self._added |= {f"int8/{key}{form.zero}": value for key, value in constants.items()}
        self._added["int8/last_axis"] = np.array([-1], np.int64)
        size = values
        if form.least is None:
            size = f"{name}/abs"
            self._add("Abs", [values], size)
        self._add("ReduceMax", [size, "int8/last_axis"], f"{name}/max", keepdims=1)
        self._add("Mul", [f"{name}/max", f"int8/step{form.zero}"], f"{name}/raw")
        # A token of zeros must not divide by zero.
        self._add("Max", [f"{name}/raw", f"int8/least{form.zero}"], f"{name}/scale")
        self._add("Div", [values, f"{name}/scale"], f"{name}/unit")
        return f"{name}/unit", "int8/one"

    def _add(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: int) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
