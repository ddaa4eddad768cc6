"""Dropout that costs a CPU next to nothing.

Drawing a random number for every activation takes a CPU longer than the matrix product that made it (docs/experiments.md). Here the
random mask is drawn once, long, and every call multiplies by a stretch of it that begins at a random place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Length of the mask: eight times the activations of a batch of 128 rows, 42 tokens, 384 wide; 32 MB as bfloat16.
_POOL = 1 << 24


class PooledDropout(nn.Module):
    """``nn.Dropout`` with masks cut out of one long random mask.

    Two calls may share a part of the mask only if their random beginnings fall within one activation's length of each other, and even then shifted
    against each other; over a run each activation meets millions of different masks.

    Args:
        p: share of activations set to zero; the others are scaled by ``1 / (1 - p)``.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._pool: Tensor | None = None  # (_POOL,) bfloat16; a plain attribute, so that no checkpoint carries it

    def forward(self, values: Tensor) -> Tensor:
        """Values of any shape; the same shape and type out."""
        if not self.training or not self.p:
            return values
        n = values.numel()
        if n > _POOL // 2:
            return nn.functional.dropout(values, self.p)
        if self._pool is None or self._pool.device != values.device:
            kept = torch.rand(_POOL, device=values.device) >= self.p
            self._pool = kept.to(torch.bfloat16) / (1.0 - self.p)
        start = int(torch.randint(_POOL - n, ()))
        return values * self._pool[start : start + n].view_as(values).to(values.dtype)


def set_dropout(network: nn.Module, share: float, *, pooled: bool) -> None:
    """Set every dropout of a network to ``share``.

    With ``pooled`` they become :class:`PooledDropout`, and attention weights, which libraries drop by a function of their own, are left
    alone.
    """
    for owner in list(network.modules()):
        for name, child in list(owner.named_children()):
            if not isinstance(child, nn.Dropout | PooledDropout):
                continue
            if pooled and share and "SelfAttention" in type(owner).__name__:
                setattr(owner, name, nn.Dropout(0.0))
            else:
                setattr(owner, name, PooledDropout(share) if pooled and share else nn.Dropout(share))
