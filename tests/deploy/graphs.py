"""Plain graphs of every kind of network that this project trains, with random weights, made by the exporter itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from turn_detection.encoding import Encoder
from turn_detection.export import to_fp16, to_onnx
from turn_detection.training.checkpoint import Checkpoint
from turn_detection.training.model import Attention, EndOfTurnModel, build_encoder

#: As in configs/model/, but small: which operators a graph holds does not depend on widths.
_SIZES: dict[str, Any] = {
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "max_position_embeddings": 600,
}
NETWORKS: dict[str, tuple[dict[str, Any], Attention]] = {
    "tiny, e5ru": ({"model_type": "bert", "num_hidden_layers": 6, **_SIZES}, "prefix"),
    "rubert": ({"model_type": "modernbert", "num_hidden_layers": 4, "local_attention": 16, **_SIZES}, "full"),
}


def write_graphs(network: str, encoder: Encoder, folder: Path) -> Path:
    """``model.onnx`` and ``model.fp16.onnx`` of one of ``NETWORKS`` in ``folder``, which is returned."""
    config, attention = NETWORKS[network]
    ids = {"pad_token_id": 1, "bos_token_id": 0, "cls_token_id": 0, "eos_token_id": 2, "sep_token_id": 2}
    known = config if config["model_type"] == "bert" else config | ids
    model = EndOfTurnModel(build_encoder({"vocab_size": 200, **known}), encoder.sep_id, attention).eval()
    to_onnx(Checkpoint(model, encoder, {}, {}), folder / "model.onnx")
    to_fp16(folder / "model.onnx", folder / "model.fp16.onnx")
    return folder
