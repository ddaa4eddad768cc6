"""An alias of a registered model, such as ``champion``, moved to another version, if that is not worse."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..bundle import MANIFEST
from ..errors import BundleError, InvalidInputError, PromotionRefusedError
from .models import ARTIFACT, fetch, registered
from .place import placed

#: Figures of which less is better, by the end of their name.
_LESS_IS_BETTER = ("loss", "ece", "brier", "error", "_ms", "delay_s")
#: MLflow's rule for an alias; "latest" and "v3" are its own.
_ALIAS = re.compile(r"(?!latest$|v\d+$)[\w.-]{1,255}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Gate:
    """The new version's ``metric`` may be worse than the present one's by ``tolerance``, not more.

    ``metric`` is a figure of the manifest, as ``validation/roc_auc``, or else one of the run that logged the version, as ``report/roc_auc``.
    Less is better where its name ends in loss, ece, brier, error, ``_ms`` or ``delay_s``, else more.
    """

    tolerance: float
    metric: str = "validation/roc_auc"

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < math.inf:
            raise InvalidInputError(f"--not-worse-than must be a number from 0, got {self.tolerance:g}")

    def check(self, new: float, present: float) -> None:
        """Raise PromotionRefusedError if ``new`` is worse than ``present`` by more than the tolerance, or either is no number."""
        loss = new - present if self.metric.endswith(_LESS_IS_BETTER) else present - new
        # Figures are decimal: 0.9 - 0.898 is 0.002, whatever the binary says.
        if not loss <= self.tolerance + 1e-12:
            raise PromotionRefusedError(
                f"{self.metric} {new:.4f} is worse than the present {present:.4f} by more than {self.tolerance:g}; nothing was changed"
            )


@dataclass(frozen=True, slots=True)
class Promotion:
    """What was done: ``replaced`` is the version that had the alias, if there was one; ``note`` what a reader of the figures should know."""

    version: str
    replaced: str | None
    note: str | None = None


def promote(name: str, version: str, alias: str, uri: str, *, gate: Gate | None = None) -> Promotion:
    """Give ``alias`` of a registered model to a version.

    Args:
        name: of the registered model.
        version: its number.
        alias: such as ``champion``; it moves from the version that has it.
        uri: of the registry.
        gate: compared with the version that has the alias; the first one passes with any figure, but it must have one.

    Raises:
        InvalidInputError: no such version, or an alias that MLflow refuses.
        PromotionRefusedError: the gate; nothing was changed.
        BundleError: a version holds no bundle whose figures could be read.
        DataUnavailableError: the registry cannot be read or written.
        MissingExtraError: mlflow is not installed.
    """
    if not _ALIAS.fullmatch(alias):
        raise InvalidInputError(
            "an alias has Latin letters, digits, '_', '-' and '.'; 'latest' and 'v3' are MLflow's own"
        )
    with placed(uri, "Promoting a model") as mlflow:
        client = mlflow.MlflowClient()
        new = registered(client, f"{name}/{version}", uri)
        aliases = client.get_registered_model(name).aliases
        present = registered(client, f"{name}@{alias}", uri) if alias in aliases else None
        note = None if gate is None else _pass(mlflow, gate, new, present)
        client.set_registered_model_alias(name, alias, new.version)
    return Promotion(str(new.version), None if present is None else str(present.version), note)


def _pass(mlflow: Any, gate: Gate, new: Any, present: Any) -> str | None:
    manifest = _manifest(mlflow, new)
    figure = _figure(mlflow, gate.metric, new, manifest)
    if present is None or present.version == new.version:
        return None
    other = _manifest(mlflow, present)
    gate.check(figure, _figure(mlflow, gate.metric, present, other))
    measured_on, other_measured_on = _validation(manifest), _validation(other)
    if gate.metric.startswith("validation/") and None in (measured_on, other_measured_on):
        return "it is not recorded whether both were measured on the same validation data"
    if gate.metric.startswith("validation/") and measured_on != other_measured_on:
        return "the two were measured on different validation data"
    return None


def _manifest(mlflow: Any, version: Any) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = fetch(mlflow, version, f"artifacts/{ARTIFACT}/{MANIFEST}", folder)
        try:
            values: Mapping[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise BundleError(f"the manifest of version {version.version} of {version.name} cannot be read") from error
    return values


def _figure(mlflow: Any, metric: str, version: Any, manifest: Mapping[str, Any]) -> float:
    figures: dict[str, float] = dict(manifest.get("metrics", {}))
    if metric not in figures and version.run_id:
        figures = {**mlflow.MlflowClient().get_run(version.run_id).data.metrics, **figures}
    if metric not in figures:
        there = ", ".join(sorted(figures)[:12]) or "none"
        raise PromotionRefusedError(f"version {version.version} has no figure '{metric}'; it has: {there}")
    return float(figures[metric])


def _validation(manifest: Mapping[str, Any]) -> str | None:
    """Fingerprint of the validation data, ``None`` where it is not recorded."""
    found: str | None = manifest.get("provenance", {}).get("data", {}).get("fingerprint", {}).get("validation")
    return found
