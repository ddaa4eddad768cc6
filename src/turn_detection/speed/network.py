"""The original's network with random weights: RuModernBERT-base under a head with two logits. The only module here that needs torch.

Speed does not depend on the values of weights, only on shapes, so nothing is downloaded. ``python -m turn_detection.speed.network
FOLDER N_LAYERS`` writes it; a process of its own gives its memory back.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import ModernBertConfig, ModernBertForSequenceClassification

from .original import GRAPH, N_LAYERS, REFERENCE, SEED, VOCABULARY, reference_batch

_OPSET = 17
#: Deviation of the weights, as ModernBERT is initialised; any other would take the same time.
_DEVIATION = 0.02


def original_config(n_layers: int = N_LAYERS) -> ModernBertConfig:
    """Shape of RuModernBERT-base (its ``config.json`` on Hugging Face): every third layer sees all tokens, the others a window of 128."""
    config = ModernBertConfig(
        vocab_size=VOCABULARY,
        hidden_size=768,
        intermediate_size=1152,
        num_hidden_layers=n_layers,
        num_attention_heads=12,
        local_attention=128,
        num_labels=2,
        # The older releases of transformers compile the network unless told not to.
        reference_compile=False,
    )
    config._attn_implementation = "eager"
    return config


class OriginalNetwork(ModernBertForSequenceClassification):  # type: ignore[misc]
    """ModernBERT with cheap random weights: its own truncated normal takes a minute for 150 million of them."""

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            with torch.no_grad():
                module.weight.uniform_(-_DEVIATION * 3**0.5, _DEVIATION * 3**0.5)
                if isinstance(module, nn.Linear) and module.bias is not None:
                    module.bias.zero_()
        else:
            super()._init_weights(module)


class _Logits(nn.Module):
    """``(batch, n_tokens) int64`` twice to ``(batch, 2) float32``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        answer: Any = self.network(input_ids=input_ids, attention_mask=attention_mask)
        logits: torch.Tensor = answer.logits
        return logits


def write_original(folder: str | Path, n_layers: int = N_LAYERS) -> Path:
    """Write the graph (fp32, 600 MB with all layers) and, beside it, torch's answer to :func:`~.original.reference_batch`."""
    torch.manual_seed(SEED)
    network = OriginalNetwork(original_config(n_layers)).eval()
    model, batch = _Logits(network).eval(), reference_batch()
    inputs = (torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask))
    with torch.no_grad():
        logits = model(*inputs).numpy()
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    np.savez(Path(folder) / REFERENCE, logits=logits, n_parameters=n_parameters)
    path, names = Path(folder) / GRAPH, ["input_ids", "attention_mask"]
    dynamic = {name: {0: "batch", 1: "n_tokens"} for name in names} | {"logits": {0: "batch"}}
    # Traced on a short batch: the dimensions are dynamic, and the reference has another length.
    example = tuple(values[:, :5] for values in inputs)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, example, str(path), dynamo=False, input_names=names, output_names=["logits"], dynamic_axes=dynamic,
            opset_version=_OPSET,
        )  # fmt: skip
    return path


if __name__ == "__main__":
    write_original(sys.argv[1], int(sys.argv[2]))
