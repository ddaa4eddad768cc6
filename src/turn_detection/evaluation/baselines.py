"""Judges that any model must beat: what a voice bot has without one, and a linear model over the last words.

* ``timer``: a silence timer knows nothing of words: the same probability for every pause;
* ``punctuation``: a recogniser's final mark is believed: ``.``, ``!`` or ``?`` ends the turn;
* a file of ``fit_baseline``: see :mod:`.last_words`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import InvalidInputError
from .judge import Judge, Pause
from .last_words import load_last_words
from .report import JudgeFacts

#: The two rules say how sure they are with a round number, so that log-loss has something to punish.
_SURE = 0.9
_CLOSING = (".", "!", "?")
_AFTER_MARK = " \t\n\"'»”)"


def is_baseline(name: str | Path) -> bool:
    """True for what :func:`baseline` takes: the name of a rule, or an ``.npz``."""
    return str(name) in RULES or Path(name).suffix == ".npz"


def baseline(name: str | Path) -> Judge:
    """A baseline by its name, or by the file that ``fit_baseline`` wrote.

    Raises:
        InvalidInputError: neither.
        InputFileNotFoundError, DataFormatError: no such file, or not of this kind.
    """
    if str(name) in RULES:
        return RULES[str(name)]
    path = Path(name)
    if path.suffix != ".npz":
        raise InvalidInputError(f"a baseline is {', '.join(RULES)} or an .npz of 'fit_baseline', got {name}")
    model = load_last_words(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Judge(JudgeFacts("last words", "baseline", 0.5, digest, path.name), model.probabilities)


def _timer(pauses: Sequence[Pause]) -> np.ndarray:
    return np.full(len(pauses), 0.5)


def _punctuation(pauses: Sequence[Pause]) -> np.ndarray:
    """Dots that trail off («…», «...») close nothing."""
    said = [message.rstrip(_AFTER_MARK) for _, message in pauses]
    closed = [text.endswith(_CLOSING) and not text.endswith("..") for text in said]
    return np.where(closed, _SURE, 1.0 - _SURE)


#: Rules by the name that the command line takes.
RULES: dict[str, Judge] = {
    "timer": Judge(JudgeFacts("silence timer", "baseline", 0.5), _timer),
    "punctuation": Judge(JudgeFacts("punctuation rule", "baseline", 0.5), _punctuation),
}
