"""The whole exception tree.

Every class says two things at once: it is a :class:`TurnDetectionError`, so that one ``except`` covers the package, and it is the
built-in that a caller who never heard of this package would catch (``ValueError``, ``FileNotFoundError``, ...). Messages name the
place of the fault and the remedy; they never contain what a caller said.
"""

from __future__ import annotations


class TurnDetectionError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidInputError(TurnDetectionError, ValueError):
    """A value has the wrong shape or range: a text that is not a string, a threshold of 7, a record without ``message``."""


class InvalidTypeError(InvalidInputError, TypeError):
    """A value has the wrong type; it is a ``ValueError`` and a ``TypeError``, so either ``except`` clause works."""


class ConfigurationError(TurnDetectionError, ValueError):
    """A setting is unknown, missing or out of range."""


class InputFileNotFoundError(TurnDetectionError, FileNotFoundError):
    """A file or folder that was named does not exist."""


class OutputError(TurnDetectionError, OSError):
    """An output could not be written; whatever stood there before is untouched."""


class DataFormatError(TurnDetectionError, ValueError):
    """A data file is not in a format that this project reads; names the file and, where there is one, the line or item."""


class DataUnavailableError(TurnDetectionError, ConnectionError):
    """A data set or model cannot be fetched; names the setting that points to local files instead."""


class BundleNotFoundError(TurnDetectionError, FileNotFoundError):
    """There is no bundle at the given place, or one of its files is missing."""


class BundleError(TurnDetectionError, ValueError):
    """A bundle does not fit: altered file, unknown format, or made for another version of the text rules."""


class CheckpointError(TurnDetectionError, ValueError):
    """A training checkpoint is missing, damaged or made by something else."""


class ExportError(TurnDetectionError, RuntimeError):
    """An export did not pass its gate (parity or quality); nothing was written."""


class BackendError(TurnDetectionError, RuntimeError):
    """The inference engine refused the model or failed on a batch."""


class BackendUnavailableError(BackendError, ConnectionError):
    """A remote engine cannot be asked now: not reachable, its model not loaded, its queue full; ask again later."""


class BackendTimeoutError(BackendError, TimeoutError):
    """A remote engine did not answer in time."""


class PromotionRefusedError(TurnDetectionError, RuntimeError):
    """A model did not pass the gate of a registry; the alias stays where it was."""


class MissingExtraError(TurnDetectionError, ImportError):
    """An optional dependency is not installed; the text says which extra brings it."""

    def __init__(self, purpose: str, extra: str, missing: str | None = None) -> None:
        cause = f" ({missing} is not installed)" if missing else ""
        super().__init__(f"{purpose} needs the extra '{extra}'{cause}: pip install 'turn-detection[{extra}]'")
        self.extra = extra
