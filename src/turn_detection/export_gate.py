"""What an export must pass, and the calibration of what passed it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .backends.onnx import OnnxBackend
from .calibration import Calibration
from .config import ExportConfig
from .data.samples import Sample
from .encoding import Encoder
from .errors import ExportError
from .evaluation.metrics import binary_metrics, roc_auc_loss
from .types import TurnLabel

logger = logging.getLogger(__name__)


def judge(
    encoder: Encoder,
    fp32: Path,
    int8: Path,
    samples: Sequence[Sample],
    config: ExportConfig,
    kept: Calibration | None,
) -> tuple[dict[str, float], Calibration]:
    """The quality gate, and the calibration of what passed it: ``kept``, or one fitted to the samples."""
    is_end = ends(samples)
    margins = graph_margins(encoder, int8, samples)
    exact = graph_margins(encoder, fp32, samples)
    fp32_auc = binary_metrics(is_end, sigmoid(exact))["roc_auc"]
    int8_auc = binary_metrics(is_end, sigmoid(margins))["roc_auc"]
    logger.info("validation ROC-AUC: fp32 %.4f, int8 %.4f", fp32_auc, int8_auc)
    chance = _chance_of_loss(is_end, exact, margins)
    if fp32_auc - int8_auc > config.max_auc_loss + chance:
        raise ExportError(
            f"int8 loses {fp32_auc - int8_auc:.4f} of validation ROC-AUC ({fp32_auc:.4f} -> {int8_auc:.4f}), allowed are "
            f"{config.max_auc_loss} and {chance:.4f} for chance; nothing was written"
        )
    calibration = kept if kept is not None else fit_calibration(margins, is_end)
    probabilities = sigmoid(margins / calibration.temperature + calibration.bias)
    metrics = {f"validation/{key}": value for key, value in binary_metrics(is_end, probabilities).items()}
    metrics["validation/roc_auc_fp32"] = fp32_auc
    return metrics, calibration


def _chance_of_loss(is_end: np.ndarray, exact: np.ndarray, rounded: np.ndarray) -> float:
    """Two standard errors of the loss: with some dozen samples a pair or two in another order look like much."""
    if min(is_end.sum(), (~is_end).sum()) < 2:
        return 0.0
    return 2.0 * roc_auc_loss(is_end, exact, rounded)[1]


def ends(samples: Sequence[Sample]) -> np.ndarray:
    return np.array([sample.label is TurnLabel.SPEAK for sample in samples])


def graph_margins(encoder: Encoder, path: Path, samples: Sequence[Sample]) -> np.ndarray:
    """``logit_speak - logit_wait`` of every sample, ``(n,)``."""
    backend = OnnxBackend(path, n_threads=2)
    rows = [encoder.encode(sample.context, sample.text) for sample in samples]
    margins = np.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for start in range(0, len(order), 32):
        chosen = order[start : start + 32]
        logits = backend.logits(encoder.pad([rows[index] for index in chosen]))
        margins[chosen] = logits[:, TurnLabel.SPEAK.column] - logits[:, TurnLabel.WAIT.column]
    return margins


def fit_calibration(margins: np.ndarray, is_end: np.ndarray) -> Calibration:
    """Platt scaling by maximum likelihood (Platt 1999): ``(n,)`` margins and labels to temperature and bias.

    A slope that is not positive would turn the model's order round; the margins are then left as they are.
    """
    from sklearn.linear_model import LogisticRegression

    if is_end.all() or not is_end.any():
        return Calibration()
    fitted = LogisticRegression(C=1e6).fit(margins[:, None], is_end)
    slope, bias = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return Calibration(1.0 / slope, bias) if slope > 1e-3 else Calibration()


def sigmoid(margins: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * margins))
