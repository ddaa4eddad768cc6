"""The network: a pretrained encoder and a linear layer over its tokens. Plain ``torch.nn``; Lightning stays in ``module.py``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import logging as hf_logging

from ..errors import ConfigurationError

Attention = Literal["prefix", "full"]


class EndOfTurnModel(nn.Module):
    """An encoder with two logits at every token.

    ``attention="prefix"``: the context sees itself both ways, a token of the message sees the context and the message up to itself
    (a prefix language model's mask, as in T5, arXiv:1910.10683, section 3.2.1). One pass then answers for every prefix of the message,
    which gives training a target at every word and lets serving keep what it has computed for past words.
    ``attention="full"``: every token sees every other, as the encoder was pretrained; only the last token's answer is meaningful.

    Args:
        encoder: a transformers encoder whose output has ``last_hidden_state``.
        sep_id: id of the token that closes the context.
        attention: see above.
        dropout: before the linear layer.
    """

    def __init__(self, encoder: PreTrainedModel, sep_id: int, attention: Attention, dropout: float = 0.1) -> None:
        super().__init__()
        if attention not in ("prefix", "full"):
            raise ConfigurationError(f"model.attention must be 'prefix' or 'full', got '{attention}'")
        self.encoder = encoder
        self.sep_id = sep_id
        self.attention = attention
        self.dropout = nn.Dropout(dropout)
        # Small but not zero: with a zero head Adam's first steps move the encoder by noise.
        self.head = nn.Linear(encoder.config.hidden_size, 2)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits at every token.

        Args:
            input_ids: ``(batch, n_tokens) int64``, laid out as in ``encoding.py``.
            attention_mask: ``(batch, n_tokens) int64``, 1 for tokens, 0 for padding on the right.

        Returns:
            ``(batch, n_tokens, 2) float``, columns ordered as ``TurnLabel``.
        """
        mask = attention_mask
        if self.attention == "prefix":
            mask = prefix_mask(input_ids, attention_mask, self.sep_id, self.head.weight.dtype)
        hidden = self.encoder(input_ids=input_ids, attention_mask=mask).last_hidden_state
        token_logits: Tensor = self.head(self.dropout(hidden))
        return token_logits


class LastTokenLogits(nn.Module):
    """What a bundle holds: the same network, read at the last token. ``(batch, n_tokens)`` twice -> ``(batch, 2) float32``."""

    def __init__(self, model: EndOfTurnModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids, attention_mask)  # (batch, n_tokens, 2)
        last = attention_mask.sum(dim=1) - 1  # (batch,)
        return logits[torch.arange(logits.shape[0], device=logits.device), last]


def prefix_mask(input_ids: Tensor, attention_mask: Tensor, sep_id: int, dtype: torch.dtype) -> Tensor:
    """Additive attention mask ``(batch, 1, n_tokens, n_tokens)``: 0 where row may see column, the type's least value elsewhere.

    The context is everything up to the last separator; it is closed by one even when it is empty.
    """
    is_sep = (input_ids == sep_id) & attention_mask.bool()
    # A token belongs to the context if a separator stands at it or after it.
    n_seps = is_sep.long().cumsum(dim=1)
    in_context = (n_seps < n_seps[:, -1:]) | is_sep  # (batch, n_tokens)
    position = attention_mask.cumsum(dim=1)  # 1..n for tokens; cumsum exports with dynamic shapes where arange may not
    not_later = position[:, None, :] <= position[:, :, None]  # (batch, row, column)
    visible = (not_later | in_context[:, None, :]) & attention_mask.bool()[:, None, :]
    least = torch.finfo(dtype).min
    return torch.where(visible[:, None, :, :], 0.0, least).to(dtype)


def build_encoder(config: dict[str, Any]) -> PreTrainedModel:
    """An encoder with random weights from a transformers configuration (its ``model_type`` included), as a checkpoint stores it."""
    settings = dict(config)
    model_type = settings.pop("model_type", None)
    if not model_type:
        raise ConfigurationError("the encoder's configuration names no model_type")
    return AutoModel.from_config(
        AutoConfig.for_model(model_type, **settings), attn_implementation=_attention(), **_without_pooler(model_type)
    )


def load_encoder(name_or_path: str, n_layers: int | None) -> PreTrainedModel:
    """A pretrained encoder from a folder or the hub, cut to its first ``n_layers`` layers.

    The lower layers of a sentence encoder carry most of the syntax, which is what an unfinished phrase is about.
    """
    config = AutoConfig.from_pretrained(name_or_path)
    if n_layers is not None:
        if not 1 <= n_layers <= config.num_hidden_layers:
            raise ConfigurationError(
                f"model.n_layers must be 1..{config.num_hidden_layers} for {name_or_path}, got {n_layers}"
            )
        config.num_hidden_layers = n_layers
        if getattr(config, "layer_types", None):
            config.layer_types = config.layer_types[:n_layers]
    with _quietly():
        return AutoModel.from_pretrained(
            name_or_path,
            config=config,
            dtype=torch.float32,
            attn_implementation=_attention(),
            **_without_pooler(config.model_type),
        )


def deepen(model: EndOfTurnModel, name_or_path: str, n_layers: int) -> None:
    """Put the upper layers of a pretrained encoder on top of a network that was trained on its lower ones, in place.

    Further training then starts from all that the network has learned, instead of from the pretrained encoder.

    Args:
        model: was cut from ``name_or_path``; its embeddings, and so its vocabulary, stay.
        n_layers: number of layers afterwards; nothing happens if the network has as many.

    Raises:
        ConfigurationError: the encoder is of another kind or width, or has too few layers.
    """
    own = model.encoder.config
    if n_layers <= own.num_hidden_layers:
        return
    whole = load_encoder(name_or_path, n_layers)
    if (whole.config.model_type, whole.config.hidden_size) != (own.model_type, own.hidden_size):
        raise ConfigurationError(
            f"model.checkpoint holds a {own.model_type} of width {own.hidden_size}, {name_or_path} is a "
            f"{whole.config.model_type} of width {whole.config.hidden_size}: it cannot lend its upper layers"
        )
    layers = _layers(model.encoder)
    layers.extend(_layers(whole)[len(layers) :])
    own.num_hidden_layers = n_layers
    if getattr(whole.config, "layer_types", None):
        own.layer_types = whole.config.layer_types


def _layers(encoder: PreTrainedModel) -> nn.ModuleList:
    """The list of blocks; transformers keeps it in ``encoder.layer`` (BERT and its kin) or ``layers`` (ModernBERT)."""
    layers: nn.ModuleList = encoder.layers if hasattr(encoder, "layers") else encoder.encoder.layer
    return layers


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the library's warning about every weight of the layers that were cut off on purpose."""
    before = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()
    try:
        yield
    finally:
        hf_logging.set_verbosity(before)


def _attention() -> str:
    """Torch's fused attention on a GPU; on a CPU its backward pass is three times slower than plain matrix products (2.13)."""
    return "sdpa" if torch.cuda.is_available() else "eager"


def _without_pooler(model_type: str) -> dict[str, bool]:
    return {"add_pooling_layer": False} if model_type in ("bert", "roberta", "xlm-roberta") else {}
