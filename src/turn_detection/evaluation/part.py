"""Parts of a report: frozen values that turn into plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from .tally import Band


class Part:
    """A part of the report: its fields become the keys of a JSON object."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, bands as ``{"value", "low", "high"}``."""
        return {entry.name: plain(getattr(self, entry.name)) for entry in fields(self)}  # type: ignore[arg-type]


def plain(value: Any) -> Any:
    if isinstance(value, Part | Band):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None  # six digits: a p of 1e-30 is not zero
    assert not is_dataclass(value), type(value)
    return value
