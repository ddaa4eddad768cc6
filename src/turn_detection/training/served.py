"""The network as it is served: the same answer with less work, for export alone.

Only the last token's answer is read, so the last layer asks one question: its query, its attention's output and its feed-forward block
are computed for that token, its keys and values for all. Positions and token types are one table, the attention's square root belongs
to the query's weights, the mask is made once for all layers. What is left are few large operators.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.bert.modeling_bert import BertLayer, BertModel

from .ensemble import Ensemble
from .model import EndOfTurnModel, LastTokenLogits

#: Added to the scores of what a token may not see: exp(-50) is far below what float32 resolves beside 1. The type's least value would
#: make denormal numbers in onnxruntime's softmax, which take three times as long.
_UNSEEN = -50.0


def served(network: nn.Module) -> nn.Module:
    """The same answers, ``(batch, n_tokens)`` twice -> ``(batch, 2) float32``, in the form above; unchanged where there is none for it."""
    if isinstance(network, Ensemble) and network.network is not None:
        return Ensemble(served(network.network), network.ngrams, network.weight)
    if isinstance(network, LastTokenLogits) and _is_known(network.model):
        return ServedBert(network.model)
    return network


def _is_known(model: EndOfTurnModel) -> bool:
    encoder = model.encoder
    if not isinstance(encoder, BertModel):
        return False
    config = encoder.config
    return (
        getattr(config, "position_embedding_type", "absolute") == "absolute"
        and config.hidden_act == "gelu"
        and not config.is_decoder
    )


class ServedBert(nn.Module):
    """See the module's text. Inside, the tokens of all items lie end to end: ``(batch * n_tokens, width)``."""

    def __init__(self, model: EndOfTurnModel) -> None:
        super().__init__()
        embeddings, config = model.encoder.embeddings, model.encoder.config
        self.sep_id, self.is_prefix = model.sep_id, model.attention == "prefix"
        self.words, self.norm, self.head = embeddings.word_embeddings, embeddings.LayerNorm, model.head
        places = embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        self.places = nn.Parameter(places.detach())
        self.layers = nn.ModuleList(
            ServedLayer(layer, config.num_attention_heads) for layer in model.encoder.encoder.layer
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        n_items, n_tokens = input_ids.shape
        column = torch.arange(n_tokens, device=input_ids.device)
        length = attention_mask.sum(dim=1)  # (batch,)
        hidden = self.norm(self.words(input_ids) + self.places[:n_tokens]).flatten(0, 1)
        padding = _score(column < length[:, None])[:, None, None]  # (batch, 1, 1, column)
        unseen = self._unseen(input_ids, attention_mask, column) if self.is_prefix else padding
        *layers, final = self.layers
        for layer in layers:
            hidden = layer(hidden, hidden, n_items, unseen)
        last = torch.arange(n_items, device=input_ids.device) * n_tokens + length - 1
        logits: Tensor = self.head(final(hidden[last], hidden, n_items, padding))
        return logits

    def _unseen(self, input_ids: Tensor, attention_mask: Tensor, column: Tensor) -> Tensor:
        """As :func:`~.model.prefix_mask`: a row sees what stands up to itself or in the context. ``(batch, 1, row, column)``.

        That excludes padding, which stands behind every token; what a row of padding sees nobody reads.
        """
        is_sep = (input_ids == self.sep_id) & attention_mask.bool()
        closing = torch.where(is_sep, column, 0).amax(dim=1)  # (batch,) the last of the context
        furthest = torch.maximum(column, closing[:, None])  # (batch, row)
        return _score(column <= furthest[:, :, None])[:, None]


class ServedLayer(nn.Module):
    """One layer for some tokens (``asking``) that look at all (``seen``)."""

    def __init__(self, layer: BertLayer, n_heads: int) -> None:
        super().__init__()
        attention, self.n_heads = layer.attention, n_heads
        self.key, self.value, self.joined = attention.self.key, attention.self.value, attention.output.dense
        self.query = _scaled(attention.self.query, math.sqrt(n_heads / attention.self.query.out_features))
        self.first_norm, self.last_norm = attention.output.LayerNorm, layer.output.LayerNorm
        self.wide, self.narrow = layer.intermediate.dense, layer.output.dense

    def forward(self, asking: Tensor, seen: Tensor, n_items: int, unseen: Tensor) -> Tensor:
        """``(batch * rows, width)``, ``(batch * n_tokens, width)`` and the scores' addend -> ``(batch * rows, width)``."""
        shape = (n_items, -1, self.n_heads, self.query.out_features // self.n_heads)
        query = self.query(asking).reshape(shape).transpose(1, 2)  # (batch, head, row, part)
        key = self.key(seen).reshape(shape).permute(0, 2, 3, 1)  # (batch, head, part, column)
        value = self.value(seen).reshape(shape).transpose(1, 2)
        shares = torch.softmax(query @ key + unseen, dim=-1)
        heard = (shares @ value).transpose(1, 2).reshape(-1, self.query.out_features)
        asking = self.first_norm(self.joined(heard) + asking)
        told: Tensor = self.last_norm(self.narrow(functional.gelu(self.wide(asking))) + asking)
        return told


def _score(is_seen: Tensor) -> Tensor:
    return torch.where(is_seen, 0.0, _UNSEEN)


def _scaled(linear: nn.Linear, factor: float) -> nn.Linear:
    scaled = nn.Linear(linear.in_features, linear.out_features)
    scaled.weight.data, scaled.bias.data = linear.weight.data * factor, linear.bias.data * factor
    return scaled
