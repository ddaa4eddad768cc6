"""The network of a run and its encoder: from a checkpoint, a pretrained encoder, or random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ..config import ModelConfig
from ..data.split import Split
from ..encoding import Encoder
from ..errors import ConfigurationError
from ..text import normalise
from .datamodule import reply_texts
from .dropout import set_dropout
from .from_bundle import starting_point
from .model import EndOfTurnModel, build_encoder, deepen, load_encoder
from .vocabulary import load_vocabulary, prune_vocabulary, train_vocabulary


def build_network(
    config: ModelConfig, split: Split, *, start_from: str | Path | None
) -> tuple[EndOfTurnModel, Encoder]:
    """The network and its encoder: from a checkpoint, a pretrained encoder, or random weights."""
    if start_from is not None:
        checkpoint = starting_point(start_from)
        if config.encoder is not None and config.n_layers is not None:
            deepen(checkpoint.model, config.encoder, config.n_layers)
        checkpoint.model.attention = config.attention or checkpoint.model.attention
        _set_dropout(checkpoint.model, config.dropout)
        return checkpoint.model.train(), checkpoint.encoder
    if config.encoder is not None:
        network, vocabulary = load_encoder(config.encoder, config.n_layers), load_vocabulary(config.encoder)
        if config.prune_vocabulary and vocabulary.tokenizer.get_vocab_size() > config.prune_vocabulary:
            vocabulary = prune_vocabulary(vocabulary, network, map(normalise, reply_texts(split)))
    else:
        vocabulary = train_vocabulary(map(normalise, reply_texts(split)), config.random_vocabulary)
        size = vocabulary.tokenizer.get_vocab_size()
        pad = vocabulary.tokenizer.token_to_id(vocabulary.pad_token)
        network = build_encoder({**config.random, "vocab_size": size, "pad_token_id": pad})
    encoder = Encoder(
        vocabulary.tokenizer,
        config.encoding_spec(
            cls_token=vocabulary.cls_token, sep_token=vocabulary.sep_token, pad_token=vocabulary.pad_token
        ),
    )
    _check_length(network.config, encoder)
    model = EndOfTurnModel(network, encoder.sep_id, config.attention or "full")
    _set_dropout(model, config.dropout)
    # from_pretrained hands out evaluation mode, and Lightning leaves modes as it finds them.
    return model.train(), encoder


def _check_length(encoder_config: Any, encoder: Encoder) -> None:
    longest = 1 + encoder.spec.max_context_tokens + encoder.spec.max_message_tokens
    limit = getattr(encoder_config, "max_position_embeddings", longest)
    if longest > limit:
        raise ConfigurationError(
            f"model.max_context_tokens + model.max_message_tokens + 1 = {longest} is more than the encoder's {limit} positions"
        )


def _set_dropout(network: torch.nn.Module, share: float) -> None:
    set_dropout(network, share, pooled=not torch.cuda.is_available())
