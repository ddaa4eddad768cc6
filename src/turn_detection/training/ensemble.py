"""The network and the n-gram model in one graph: ``margin = network + weight * n-grams``."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..types import TurnLabel
from .ngram import HashedNgrams


class Ensemble(nn.Module):
    """What a bundle with n-grams holds. ``(batch, n_tokens)`` twice -> ``(batch, 2) float32``, columns ordered as ``TurnLabel``.

    Args:
        network: answers with ``(batch, 2)``; ``None`` lets the n-grams answer alone.
        ngrams: see :class:`~.ngram.HashedNgrams`.
        weight: of the n-grams' margin; half of it is added to one logit and half taken from the other.
    """

    def __init__(self, network: nn.Module | None, ngrams: HashedNgrams, weight: float) -> None:
        super().__init__()
        self.network, self.ngrams, self.weight = network, ngrams, weight
        share = [-weight / 2, weight / 2] if TurnLabel.SPEAK.column else [weight / 2, -weight / 2]
        self.share: Tensor
        self.register_buffer("share", torch.tensor(share))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        shares = self.ngrams.last(input_ids, attention_mask)[:, None] * self.share  # (batch, 2)
        if self.network is None:
            return shares
        logits: Tensor = self.network(input_ids, attention_mask)
        return logits + shares


def fit_weight(network: np.ndarray, ngrams: np.ndarray, is_end: np.ndarray) -> float:
    """The n-grams' weight beside the network by maximum likelihood: ``(n,)`` margins of both and labels.

    Zero if either would be turned round, or if there is one label only.
    """
    from sklearn.linear_model import LogisticRegression

    if is_end.all() or not is_end.any():
        return 0.0
    fitted = LogisticRegression(C=1e6).fit(np.stack([network, ngrams], axis=1), is_end)
    of_network, of_ngrams = (float(value) for value in fitted.coef_[0])
    return max(0.0, of_ngrams / of_network) if of_network > 1e-3 else 0.0
