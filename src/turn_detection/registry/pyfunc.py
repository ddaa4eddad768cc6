"""A bundle as MLflow's ``pyfunc``. MLflow copies this file into every logged model, so it names nothing but the public door.

Rows in: ``message`` (text) and ``context`` (the bot's last words, a list of ``{"role", "content"}``, or nothing). Rows out: ``p``, the
calibrated probability that the caller has finished, and ``verdict``, ``"speak"`` or ``"wait"``.
"""

from __future__ import annotations

from typing import Any

import mlflow
import pandas as pd  # type: ignore[import-untyped]
from mlflow.pyfunc import PythonModel, PythonModelContext

from turn_detection import Message, TurnDetector
from turn_detection.errors import InvalidTypeError


class TurnDetectionModel(PythonModel):  # type: ignore[misc]
    """Answers as :meth:`TurnDetector.predict_batch` does. Needs numpy, onnxruntime and tokenizers; no torch."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the model's artefact ``bundle``; its files are checked against the manifest."""
        self.detector = TurnDetector.load(context.artifacts["bundle"])

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> Any:
        """One row of ``p`` and ``verdict`` for each row.

        Raises:
            InvalidTypeError: names the row and the column, never what they hold.
        """
        contexts = model_input["context"] if "context" in model_input else [None] * len(model_input)
        items = [
            (_context(given, row), _message(message, row))
            for row, (given, message) in enumerate(zip(contexts, model_input["message"], strict=True))
        ]
        found = self.detector.predict_batch(items)
        answers = {"p": [p.eot_probability for p in found], "verdict": [p.label for p in found]}
        return pd.DataFrame(answers, index=model_input.index).astype({"p": "float64"})


def _message(value: Any, row: int) -> str:
    if not isinstance(value, str):
        raise InvalidTypeError(f"row {row}: 'message' must be a text, got {type(value).__name__}")
    return value


def _context(value: Any, row: int) -> str | list[Message] | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value != value:  # how pandas spells "missing"
        return None
    if not hasattr(value, "__iter__") or isinstance(value, dict):
        raise InvalidTypeError(f"row {row}: 'context' must be a text, a list of messages or missing")
    messages = []
    for place, message in enumerate(value):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise InvalidTypeError(f"row {row}: context[{place}] must be an object with a text 'role'")
        if not isinstance(message.get("content"), str | None):
            raise InvalidTypeError(f"row {row}: context[{place}].content must be a text")
        messages.append(Message(message["role"], message.get("content") or ""))
    return messages


mlflow.models.set_model(TurnDetectionModel())
