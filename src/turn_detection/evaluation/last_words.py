"""The linear baseline: a logistic model over hashed features of the last words.

It sees the last one to four words, the endings of the last two, the length, the first words, and both ends of the bot's line; no grammar,
nothing in between. A network that does not clearly beat it has not learnt enough. Features are hashed into a fixed number of weights
(Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009) by CRC-32.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataFormatError, InputFileNotFoundError, InvalidInputError, MissingExtraError
from ..text import TEXT_VERSION, normalise
from ..types import AGENT, Context, as_messages
from ..writing import write_whole
from .judge import Pause

FORMAT, FORMAT_VERSION = "turn-detection-last-words", 1
N_WEIGHTS = 2**18
#: Least values of the buckets of lengths, in words.
_LENGTHS = (1, 2, 3, 4, 5, 6, 8, 11, 16)
_START = "^"


@dataclass(frozen=True, slots=True)
class WholeReply:
    """A finished reply to learn from: the bot's line before it, normalised with its question marks, and the normalised words."""

    line: tuple[str, ...] = field(repr=False)
    words: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, context: Context, text: str) -> WholeReply:
        return cls(tuple(_line(context)), tuple(normalise(text).split()))


@dataclass(frozen=True)
class LastWords:
    """``weights (N_WEIGHTS,) float32``; ``facts`` say what it was fitted to."""

    weights: np.ndarray = field(repr=False)
    bias: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    def probabilities(self, pauses: Sequence[Pause]) -> np.ndarray:
        """P(end of turn), ``(n_pauses,) float64``; 0 for a message without words."""
        found = np.zeros(len(pauses))
        for index, (context, message) in enumerate(pauses):
            words = normalise(message).split()
            if words:
                margin = float(self.weights[_hashed(_line(context), words)].sum()) + self.bias
                found[index] = 0.5 * (1.0 + math.tanh(0.5 * margin))
        return found


def fit_last_words(replies: Iterable[WholeReply], *, max_rows: int = 1_000_000, strength: float = 0.1) -> LastWords:
    """Fit on every word boundary of ``replies``: 1 for the end, ``1 / (n - 1)`` for each of the other ``n - 1``, as in training.

    Args:
        replies: in an order that has nothing to do with their content; those beyond ``max_rows`` boundaries are left out.
        strength: inverse of the penalty on large weights (``C`` of scikit-learn).

    Raises:
        DataFormatError: not a whole reply of two words among them.
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("Fitting a baseline", "cpu", error.name) from error
    columns: list[np.ndarray] = []
    labels: list[bool] = []
    shares: list[float] = []
    n_replies = 0
    for reply in replies:
        if len(labels) >= max_rows:
            break
        n_replies += 1
        for columns_of, is_end, share in _boundaries(reply):
            columns.append(columns_of)
            labels.append(is_end)
            shares.append(share)
    if len(set(labels)) < 2:
        raise DataFormatError("the data holds no reply of two words or more; there is nothing to learn from")
    lengths = np.array([len(entry) for entry in columns])
    rows = csr_matrix(
        (np.ones(lengths.sum(), np.float32), np.concatenate(columns), np.append(0, np.cumsum(lengths))),
        shape=(len(labels), N_WEIGHTS),
    )
    model = LogisticRegression(C=strength, max_iter=200, tol=1e-3)
    model.fit(rows, np.array(labels), sample_weight=np.array(shares, np.float32))
    facts = {"replies": n_replies, "boundaries": len(labels), "iterations": int(model.n_iter_[0])}
    return LastWords(model.coef_[0].astype(np.float32), float(model.intercept_[0]), facts)


def save_last_words(model: LastWords, path: str | Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write a model for :func:`load_last_words`, whole or not at all; further ``facts`` are plain JSON.

    Raises:
        InvalidInputError: a name that does not end in ``.npz``, which is how such a file is known.
        OutputError: the folder is missing or not writable, or the disk is full.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise InvalidInputError(f"the file of a baseline is named *.npz, got {path}")
    about = {**_expected(), "bias": model.bias, "facts": {**model.facts, **(facts or {})}}
    content = io.BytesIO()
    np.savez_compressed(content, about=np.array(json.dumps(about, ensure_ascii=False)), weights=model.weights)
    write_whole(path, content.getvalue())


def load_last_words(path: str | Path) -> LastWords:
    """The model of a file; executes no code from it.

    Raises:
        InputFileNotFoundError: no such file.
        DataFormatError: not such a file, a damaged one, or one for other text rules.
    """
    path = Path(path)
    if not path.is_file():
        raise InputFileNotFoundError(f"no such file of a baseline: {path}; 'fit_baseline' writes one")
    try:
        with np.load(path, allow_pickle=False) as archive:
            about, weights = json.loads(str(archive["about"])), archive["weights"]
        bias, facts = float(about["bias"]), dict(about["facts"])
        stated = {key: about.get(key) for key in _expected()}
    except (
        *(zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, TypeError),
        *(AttributeError, IndexError, RuntimeError),
    ) as error:
        raise DataFormatError(
            f"{path} is no file of 'fit_baseline', or a damaged one ({type(error).__name__})"
        ) from error
    if stated != _expected() or weights.shape != (N_WEIGHTS,) or weights.dtype != np.float32:
        raise DataFormatError(f"{path} was not written by this version of 'fit_baseline'; fit it again")
    if not np.isfinite(weights).all() or not math.isfinite(bias):
        raise DataFormatError(f"{path} holds weights that are no numbers; fit it again")
    return LastWords(weights, bias, facts)


def _boundaries(reply: WholeReply) -> Iterator[tuple[np.ndarray, bool, float]]:
    """Hashed features, whether it is the end, and the weight of every word boundary of a reply."""
    n_words = len(reply.words)
    for n_said in range(1, n_words + 1):
        is_end = n_said == n_words
        yield _hashed(reply.line, reply.words[:n_said]), is_end, 1.0 if is_end else 1.0 / (n_words - 1)


def _expected() -> dict[str, str | int]:
    """What a file must say for its weights to mean here what they meant there."""
    features = list(_features(("a", "b", "?"), ("c", "d", "e", "f", "g")))
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "text_version": TEXT_VERSION,
        "features": hashlib.sha256(json.dumps(features).encode()).hexdigest(),
    }


def _line(context: Context) -> list[str]:
    """Words of the bot's last line; a question mark is a word."""
    for message in reversed(as_messages(context)):
        if message.role == AGENT and message.text:
            return normalise(message.text, keep_questions=True).split()
    return []


def _hashed(line: Sequence[str], words: Sequence[str]) -> np.ndarray:
    """Places of an item's weights, ``(n_features,) int32``; two features of one place count twice."""
    return np.array([zlib.crc32(feature.encode()) % N_WEIGHTS for feature in _features(line, words)], dtype=np.int32)


def _features(line: Sequence[str], words: Sequence[str]) -> Iterator[str]:
    last = [*[_START] * 3, *words][-4:]
    length = sum(len(words) >= least for least in _LENGTHS)
    yield from (f"w{n} {' '.join(last[-n:])}" for n in range(1, 5))
    yield f"s {last[-4]} {last[-2]} {last[-1]}"
    yield from (f"e{n} {last[-1][-n:]}" for n in range(1, 5))
    yield from (f"e{n} {last[-2][-2:]} {last[-1][-n:]}" for n in (2, 3))
    yield from (f"n {length}", f"n {length} {last[-1]}", f"n {length} {last[-1][-3:]}")
    yield from (
        f"f {words[0]}",
        f"f {words[0]} {length}",
        f"f {' '.join(words[:2])} {length}",
        f"f {words[0]} {last[-1]}",
    )
    ends = " ".join(line[-2:])
    yield from (f"k {ends}", f"k {ends} {length}", f"k {ends} {last[-1]}", f"k {' '.join(line[-1:])} {length}")
    yield from (
        f"o {' '.join(line[:1])} {length}",
        f"o {' '.join(line[:1])} {last[-1]}",
        f"o {' '.join(line[:2])} {words[0]}",
    )
