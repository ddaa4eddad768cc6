"""A trainable network out of a bundle: its int8 weights as float32, so that fine-tuning needs nothing beside what was installed.

Rounding costs next to nothing here (see ``roc_auc_fp32`` beside ``roc_auc`` in a manifest), and the first steps of training undo it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, numpy_helper

from ..bundle import SHIPPED, Bundle, open_bundle
from ..errors import BundleError
from ..hub import HubName
from .checkpoint import Checkpoint, checkpoint_attention, load_checkpoint
from .model import Attention, EndOfTurnModel, build_encoder
from .ngram import HashedNgrams, word_starts

#: Parts of a layer as ``served.py`` names them, and as transformers' BERT does.
_PRODUCTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "joined": "attention.output.dense",
    "wide": "intermediate.dense",
    "narrow": "output.dense",
}
_NORMS = {"first_norm": "attention.output.LayerNorm", "last_norm": "output.LayerNorm"}


def starting_point(name: str | Path) -> Checkpoint:
    """What a run starts from: a checkpoint's file, or a bundle by its folder, its hub name or ``default`` for the shipped one.

    Raises:
        BundleError, BundleNotFoundError: see :func:`~..bundle.open_bundle` and :func:`bundle_checkpoint`.
        CheckpointError, InputFileNotFoundError: see :func:`~.checkpoint.load_checkpoint`.
    """
    bundle = named_bundle(name)
    return load_checkpoint(name) if bundle is None else bundle_checkpoint(bundle)


def starting_provenance(name: str | Path) -> Mapping[str, Any]:
    """What :func:`starting_point` records of its origin, without building its network where a manifest tells it."""
    bundle = named_bundle(name)
    return load_checkpoint(name).provenance if bundle is None else bundle.manifest.provenance


def starting_attention(name: str | Path) -> Attention:
    """The attention of the network that :func:`starting_point` gives.

    Raises:
        As :func:`starting_point`.
    """
    bundle = named_bundle(name)
    if bundle is None:
        return checkpoint_attention(name)
    attention: Attention = _network_facts(bundle)["attention"]
    return attention


def named_bundle(name: str | Path) -> Bundle | None:
    """The bundle that a setting names; ``None`` if it names a file of another kind or nothing at all."""
    path = Path(name)
    if (
        name == SHIPPED
        or path.is_dir()
        or path.suffix == ".onnx"
        or (isinstance(name, str) and HubName.parse(name) and not path.suffix)
    ):
        return open_bundle(name)
    return None


def bundle_checkpoint(bundle: Bundle) -> Checkpoint:
    """The network of a bundle, as :func:`~.checkpoint.load_checkpoint` would give it.

    Raises:
        BundleError: the bundle does not say what network it holds, or holds one of another kind than BERT's.
    """
    about = _network_facts(bundle)
    encoder = bundle.encoder()
    model = EndOfTurnModel(build_encoder(dict(about["encoder"])), encoder.sep_id, about["attention"])
    n_layers, n_heads = model.encoder.config.num_hidden_layers, model.encoder.config.num_attention_heads
    try:
        weights = _weights(_Graph(onnx.load(bundle.model_path)), n_layers, n_heads)
        # Types of tokens are one; its row is part of the positions' rows in the graph.
        kinds = model.encoder.embeddings.token_type_embeddings.weight
        weights["encoder.embeddings.token_type_embeddings.weight"] = torch.zeros_like(kinds)
        buffers = {
            name: value for name, value in model.state_dict().items() if name not in dict(model.named_parameters())
        }
        model.load_state_dict({**buffers, **weights})
    except (KeyError, RuntimeError, AttributeError) as error:
        raise BundleError(
            f"the graph in {bundle.folder} is not of the form that can be trained further (an encoder of BERT's kind); start from "
            "the checkpoint it was exported from"
        ) from error
    return Checkpoint(model.eval(), encoder, dict(bundle.manifest.provenance), dict(bundle.manifest.metrics))


def _network_facts(bundle: Bundle) -> Mapping[str, Any]:
    about = bundle.manifest.provenance.get("network")
    if not isinstance(about, Mapping) or not {"encoder", "attention"} <= about.keys():
        raise BundleError(
            f"{bundle.folder} does not describe its network, so it cannot be trained further; export it again with this release, "
            "or start from the checkpoint"
        )
    return about


def bundle_ngrams(bundle: Bundle) -> tuple[HashedNgrams, dict[str, Any]]:
    """The n-grams of a bundle, and what its manifest tells of them, their ``weight`` beside the network among it.

    Raises:
        BundleError: it has none, or does not tell their scale.
    """
    facts = bundle.manifest.provenance.get("ngrams")
    if not isinstance(facts, Mapping) or not {"scale", "bias"} <= facts.keys():
        raise BundleError(f"{bundle.folder} has no n-grams to take over; 'fit_ngrams' fits some to the run's data")
    encoder = bundle.encoder()
    table = _Graph(onnx.load(bundle.model_path)).constant("ngrams.table")
    starts = torch.from_numpy(word_starts(encoder))
    model = HashedNgrams(torch.from_numpy(table), facts["scale"], facts["bias"], encoder.sep_id, starts)
    return model.eval(), dict(facts)


class _Graph:
    """Constants of a graph that ``quantisation.py`` wrote."""

    def __init__(self, model: ModelProto) -> None:
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._inputs = {node.output[0]: list(node.input) for node in model.graph.node}
        # With n-grams the network is a part of the graph's module, alone it is the module.
        self.network = "network." if "network.head.weight" in self._constants else ""

    def constant(self, name: str) -> np.ndarray:
        values: np.ndarray = numpy_helper.to_array(self._constants[name])
        return values.copy()

    def table(self, name: str) -> np.ndarray:
        """An embedding, ``(n_rows, width) float32``."""
        rows: np.ndarray = self.constant(f"{name}/q") * self.constant(f"{name}/scale")
        return rows

    def product(self, name: str) -> np.ndarray:
        """A matrix as ``torch.nn.Linear`` has it, ``(n_outputs, width) float32``."""
        *modules, number, part = name.split(".")
        out = "/" + "/".join([*modules[:-1], f"{modules[-1]}.{number}", part]) + "/Gemm_output_0"
        weight = self.constant(f"{out}/weight") * self.constant(f"{out}/scale")
        factors = self._divided_by(out)
        matrix: np.ndarray = weight if factors is None else weight * factors[:, None]
        return np.ascontiguousarray(matrix.T).astype(np.float32)

    def _divided_by(self, out: str) -> np.ndarray | None:
        """What the product's activation is multiplied by before it is rounded: the weights hold the inverse."""
        reads = self._inputs.get(f"{out}/columns") or self._inputs[out]
        name = f"{reads[0].removesuffix('/q')}/factors"
        return self.constant(name) if name in self._constants else None


def _weights(graph: _Graph, n_layers: int, n_heads: int) -> dict[str, torch.Tensor]:
    """The state of an :class:`EndOfTurnModel` without its types of tokens."""
    base = "encoder.embeddings"
    found = {
        f"{base}.word_embeddings.weight": graph.table(f"{graph.network}words.weight"),
        f"{base}.position_embeddings.weight": graph.constant(f"{graph.network}places"),
        f"{base}.LayerNorm.weight": graph.constant(f"{graph.network}norm.weight"),
        f"{base}.LayerNorm.bias": graph.constant(f"{graph.network}norm.bias"),
        "head.weight": graph.constant(f"{graph.network}head.weight"),
        "head.bias": graph.constant(f"{graph.network}head.bias"),
    }
    for number in range(n_layers):
        served, own = f"{graph.network}layers.{number}", f"encoder.encoder.layer.{number}"
        for part, name in _PRODUCTS.items():
            found[f"{own}.{name}.weight"] = graph.product(f"{served}.{part}")
            found[f"{own}.{name}.bias"] = graph.constant(f"{served}.{part}.bias")
        for part, name in _NORMS.items():
            for key in ("weight", "bias"):
                found[f"{own}.{name}.{key}"] = graph.constant(f"{served}.{part}.{key}")
        for key in ("weight", "bias"):  # the graph's queries are divided by the root of a head's width already
            query = found[f"{own}.attention.self.query.{key}"]
            found[f"{own}.attention.self.query.{key}"] = query * np.float32(math.sqrt(len(query) / n_heads))
    return {name: torch.from_numpy(values) for name, values in found.items()}
