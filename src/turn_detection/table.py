"""Predictions as a table for a terminal; asked for explicitly, because it shows what callers said."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .records import Record
from .types import TurnPrediction


def print_predictions(
    records: Sequence[Record], predictions: Sequence[TurnPrediction], console: Console | None = None
) -> None:
    """Print context, message, P(speak), verdict and suggested silence, one row an item."""
    table = Table("context", "message", "P(speak)", "verdict", "silence, s")
    for record, prediction in zip(records, predictions, strict=True):
        context = record.context
        if context is not None and not isinstance(context, str):
            context = " / ".join(message.text for message in context)
        table.add_row(
            Text(context or ""),
            Text(record.message),
            f"{prediction.eot_probability:.3f}",
            Text(prediction.label, style="green" if prediction.label == "speak" else "yellow"),
            f"{prediction.delay_s:.2f}",
        )
    (console or Console()).print(table)
