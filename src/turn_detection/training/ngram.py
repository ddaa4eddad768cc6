"""Short memory beside the network: a logistic model over hashed n-grams of token ids, small enough to live in the same graph.

At a judged token it sees the last pieces and words of the message, its opening, its length, the bag of its pieces, and the ends of the
context's turn before it. A feature is a few such symbols, hashed by a random linear function modulo a prime (Carter and Wegman,
"Universal classes of hash functions", 1979), so that all features of a token are one product. Everything is integer arithmetic below
2^63 that torch and ONNX (opset 18) do alike.

Only features that training met often have a weight. Each lies in one of two slots (Azar et al., "Balanced allocations", 1999) with a
byte that tells it from strangers. Plain feature hashing into a million shared buckets lost half of the gain on validation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from ..encoding import Encoder

#: What a feature may be made of. Zero stands for "not there".
SYMBOLS = (
    *(
        "p0",
        "p1",
        "p2",
        "p3",
        "p4",
    ),  # pieces of the message from the judged one backwards; the separator marks the start
    *("h0", "h1"),  # its first pieces
    *("c0", "c1"),  # last pieces of the context, the very last first: «?» for a question
    *(
        "w0",
        "w1",
        "w2",
        "w3",
    ),  # words from the judged one backwards, each as the bag of its pieces; the separator again
    "f0",  # first word
    *("k0", "k1"),  # last words of the context's last turn
    "o0",  # first word of that turn
    "bag",  # all pieces of the message so far
    *("np", "nw"),  # how many pieces and words, in buckets
)
#: Chosen on validation: without those of words nearly half of the gain was gone, without those of pieces a third.
FEATURES = (
    *("p0", "p0 p1", "p0 p1 p2", "p0 p1 p2 p3", "p0 p1 p2 p3 p4", "p0 p2", "p0 p1 p3"),
    *("np", "p0 np", "p0 h0", "h0 h1 np", "p0 c0", "p0 c0 c1", "p0 p1 c0"),
    *("w0", "w0 w1", "w0 w1 w2", "w0 w1 w2 w3", "w0 w2", "w0 w3", "w1 w2"),
    *("nw", "w0 nw", "w0 w1 nw", "f0 nw", "w0 f0", "w0 f0 nw", "bag"),
    *("w0 c0", "w0 w1 c0", "c0 nw", "w0 k0", "w0 k0 k1", "k0 k1 nw", "bag k0 k1"),
    *("w0 o0", "f0 o0", "o0 nw", "bag o0"),
)
#: Least values of the buckets of lengths.
LENGTHS = (2, 3, 4, 5, 6, 8, 11, 15, 20, 30)
PRIME = 2**31 - 1  # of keys; a product of two stays below 2^62
WORD_PRIME = 67_108_859  # of words; the largest below 2^26
_SPREAD, _SECOND, _TELL = 1_103_515_245, 16_807, 48_271
EMPTY = -128


class HashedNgrams(nn.Module):
    """Margin (logit of speak minus wait) at tokens of a message.

    Args:
        table: ``(n_slots, 2) int8``: a weight in units of ``scale``, and the byte that tells its feature (``EMPTY`` in a free slot).
        scale, bias: of the margin.
        sep_id: id of the token that closes the context's turns.
        word_starts: ``(vocabulary,) bool``, see :func:`word_starts`.
    """

    def __init__(self, table: Tensor, scale: float, bias: float, sep_id: int, word_starts: Tensor) -> None:
        super().__init__()
        self.table: Tensor
        self.word_starts: Tensor
        self.coefficients: Tensor
        self.offsets: Tensor
        self.scale, self.bias, self.sep_id = scale, bias, sep_id
        self.register_buffer("table", table)
        self.register_buffer("word_starts", word_starts)
        coefficients = [
            [_number(feature, symbol) if symbol in feature.split() else 0 for symbol in SYMBOLS] for feature in FEATURES
        ]
        self.register_buffer("coefficients", torch.tensor(coefficients))
        self.register_buffer("offsets", torch.tensor([_number(feature, "") for feature in FEATURES]))

    @classmethod
    def empty(cls, encoder: Encoder, n_slots: int = 1) -> HashedNgrams:
        """A model that knows nothing; its keys are those of every other model over this tokenizer."""
        table = torch.tensor([[0, EMPTY]], dtype=torch.int8).repeat(n_slots, 1)
        return cls(table, 1.0, 0.0, encoder.sep_id, torch.from_numpy(word_starts(encoder)))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Margins at every token, meaningful at those of the message.

        Args:
            input_ids: ``(batch, n_tokens) int64``, laid out as in ``encoding.py``.
            attention_mask: ``(batch, n_tokens) int64``, 1 for tokens, 0 for padding on the right.

        Returns:
            ``(batch, n_tokens) float32``.
        """
        n_rows, n_tokens = input_ids.shape
        row, position = torch.arange(n_rows), torch.arange(n_tokens)
        keys = self.keys(
            input_ids, attention_mask, row.repeat_interleave(n_tokens), position.repeat(n_rows)
        )  # (batch * n_tokens, n_features)
        return self.margins(keys).reshape(n_rows, n_tokens)

    def last(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Margins at the last token, ``(batch,) float32``: what a bundle needs."""
        row = torch.arange(input_ids.shape[0])
        return self.margins(self.keys(input_ids, attention_mask, row, attention_mask.sum(dim=1) - 1))

    def keys(self, input_ids: Tensor, attention_mask: Tensor, row: Tensor, position: Tensor) -> Tensor:
        """Hashes of the features at tokens ``position (n,)`` of rows ``row (n,)``: ``(n, n_features) int64`` below ``PRIME``."""
        symbols = self._symbols(input_ids, attention_mask, row, position)
        # The remainder comes before the sum: onnxruntime 1.32's sum of int64 is inexact above 2^53.
        terms = symbols[:, None, :] * self.coefficients % PRIME
        return (terms.sum(dim=2) + self.offsets) % PRIME

    def slots(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Where features may lie, ``(..., 2)``, and by which byte they are told, ``(...)`` from -127 to 127; int64."""
        n_slots = self.table.shape[0]
        choices = torch.stack([keys % n_slots, keys * _SECOND % PRIME % n_slots], dim=-1)
        return choices, keys * _TELL % PRIME % 255 - 127

    def margins(self, keys: Tensor) -> Tensor:
        """``(n, n_features)`` to ``(n,) float32``."""
        slots, tells = self.slots(keys)  # (n, n_features, 2), (n, n_features)
        cells = self.table.index_select(0, slots.reshape(-1)).float()
        cells = cells.reshape(-1, keys.shape[1], 2, 2)  # (n, n_features, choice, weight and byte)
        hits = (cells[..., 1] == tells[:, :, None].float()).float()
        return (cells[..., 0] * hits).sum(dim=(1, 2)) * self.scale + self.bias

    def _symbols(self, input_ids: Tensor, attention_mask: Tensor, row: Tensor, position: Tensor) -> Tensor:
        """``(n, n_symbols) int64``, columns as in ``SYMBOLS``."""
        places = torch.ones_like(input_ids).cumsum(dim=1) - 1
        is_sep = (input_ids == self.sep_id) & attention_mask.bool()
        sep = torch.where(is_sep, places, 0).amax(dim=1)  # (batch,) closes the context
        turn = torch.where(is_sep & (places < sep[:, None]), places, 0).amax(
            dim=1
        )  # (batch,) stands before its last turn
        # From here on rows lie end to end, so that places are plain numbers: ``(batch * n_tokens,)``.
        ids = input_ids.reshape(-1)
        first = row * input_ids.shape[1]
        at, sep, turn = first + position, first + sep[row], first + turn[row]
        length = _bucket(at - sep)

        back, head, tail = (
            at[:, None] - torch.arange(5),
            sep[:, None] + 1 + torch.arange(2),
            sep[:, None] - 1 - torch.arange(2),
        )
        there = torch.cat([back >= sep[:, None], head <= at[:, None], tail > first[:, None]], dim=1)
        pieces = ids[_inside(torch.cat([back, head, tail], dim=1), at)] + 1
        pieces = torch.where(there, pieces, 0)

        starts = self.word_starts[ids] | torch.cat([torch.ones_like(ids[:1]), (ids == self.sep_id).long()[:-1]]).bool()
        number = starts.long().cumsum(dim=0) - 1  # of the word that a token belongs to
        begins = torch.cat([starts.long(), torch.ones_like(ids[:1])]).nonzero()[
            :, 0
        ]  # of every word, and the end of all
        sums = torch.cat([torch.zeros_like(ids[:1]), _scatter(ids).cumsum(dim=0)])
        here, closing, before = number[at][:, None], number[sep][:, None], number[turn][:, None]
        back, tail = here - torch.arange(4), closing - 1 - torch.arange(2)
        there = torch.cat([back >= closing, closing < here, tail > before, before + 1 < closing], dim=1)
        chosen = _inside(torch.cat([back, closing + 1, tail, before + 1], dim=1), here[:, 0])
        ends = torch.minimum(begins[chosen + 1], at[:, None] + 1)  # the judged word ends here, whatever follows
        words = torch.where(there, (sums[ends] - sums[begins[chosen]]) % WORD_PRIME + 1, 0)
        bag = (sums[at + 1] - sums[sep + 1]) % WORD_PRIME
        n_words = _bucket(here[:, 0] - closing[:, 0])
        return torch.cat([pieces, words, torch.stack([bag, length, n_words], dim=1)], dim=1)


def word_starts(encoder: Encoder) -> np.ndarray:
    """Which pieces begin a word, ``(vocabulary,) bool``: by Metaspace's «▁», byte-level «Ġ» or WordPiece's «##»; else all do."""
    text = encoder.tokenizer_json()
    special = {entry["id"] for entry in json.loads(text)["added_tokens"]} | {
        encoder.cls_id,
        encoder.sep_id,
        encoder.pad_id,
    }
    pieces = Tokenizer.from_str(text).get_vocab(with_added_tokens=True)
    starts = np.ones(max(pieces.values()) + 1, dtype=bool)
    marked = [mark for mark in ("▁", "Ġ") if sum(piece.startswith(mark) for piece in pieces) > len(pieces) / 100]
    for piece, index in pieces.items():
        if index not in special:
            starts[index] = piece.startswith(marked[0]) if marked else not piece.startswith("##")
    return starts


def _number(feature: str, symbol: str) -> int:
    """A random number from 1 to ``PRIME - 1`` that depends on the names alone."""
    digest = hashlib.sha256(f"{feature}/{symbol}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (PRIME - 1) + 1


def _scatter(ids: Tensor) -> Tensor:
    """A number below ``WORD_PRIME`` for each id, far from linear: sums of two must tell apart which two."""
    spread = (ids + 1) * _SPREAD % PRIME
    for _ in range(2):
        spread = (spread * spread + 1) % PRIME
    return spread % WORD_PRIME


def _bucket(length: Tensor) -> Tensor:
    return (length[:, None] >= torch.tensor(LENGTHS)).long().sum(dim=1) + 1


def _inside(index: Tensor, largest: Tensor) -> Tensor:
    """Places of symbols that are not there, moved to where something can be read; the reader drops it."""
    return torch.minimum(index, largest[:, None]).clamp(min=0)


def last_margins(ngrams: HashedNgrams, encoder: Encoder, rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Margins at the last tokens of encoded items, ``(n_items,) float64``."""
    parts = []
    for start in range(0, len(rows), 256):
        batch = encoder.pad(rows[start : start + 256])
        parts.append(ngrams.last(torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)).numpy())
    return np.concatenate(parts).astype(np.float64)
