"""What tracked runs measured, read back from MLflow: a database, a folder or a server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from ..errors import DataFormatError, DataUnavailableError, InputFileNotFoundError, InvalidInputError, MissingExtraError

#: Where ``train`` tracks its runs unless told otherwise.
TRACKING_URI = "sqlite:///mlflow.db"
_NAMED_IN_ERRORS = 12


@dataclass(frozen=True, slots=True)
class Curve:
    """One figure of one run: ``steps (n,) int64`` ascending, counted from 0, and ``values (n,) float64``."""

    steps: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run's curves by the metric's name (``train/loss``, ``val/roc_auc``, ...)."""

    name: str
    curves: Mapping[str, Curve]

    @property
    def n_steps(self) -> int:
        """Steps up to the last one that was tracked."""
        return max((int(curve.steps[-1]) + 1 for curve in self.curves.values()), default=0)


def read_runs(names: Sequence[str], metrics: Sequence[str], uris: Sequence[str] = (TRACKING_URI,)) -> list[TrackedRun]:
    """Read runs in the order of ``names``.

    Args:
        names: names or ids of runs; of several by one name the one that started last. None at all means the run that started last.
        metrics: what to read; a metric that a run did not track is left out of its curves.
        uris: where to look, the first that knows the name counts.

    Raises:
        InvalidInputError: no such run.
        DataUnavailableError: a tracking place cannot be read.
        MissingExtraError: mlflow is not installed.
    """
    clients = [(uri, open_tracking(uri)) for uri in uris]
    known = [(uri, client, run) for uri, client in clients for run in _runs(uri, client)]
    places = ", ".join(shown(uri) for uri in uris)
    if not known:
        raise InvalidInputError(f"no run is tracked at {places}; train one, or name another --tracking-uri")
    chosen = [_pick(known, name, places) for name in names] or [known[0]]
    return [
        TrackedRun(str(run.info.run_name), _curves(uri, client, run.info.run_id, metrics))
        for uri, client, run in chosen
    ]


def log_report(folder: str | Path, run: str, uri: str = TRACKING_URI) -> str:
    """Keep the files of an evaluation report with the run that they judge, as artefacts under ``report``, its figures as ``report/...``.

    Args:
        folder: what ``write_report`` filled.
        run: its id or name; of several by one name the one that started last.
        uri: where it was tracked.

    Returns:
        The run's id.

    Raises:
        InputFileNotFoundError: no such folder, or no ``report.json`` in it.
        DataFormatError: a ``report.json`` of something else.
        InvalidInputError: no such run.
        DataUnavailableError: the tracking place cannot be read or written.
        MissingExtraError: mlflow is not installed.
    """
    folder = Path(folder)
    if not (folder / "report.json").is_file():
        raise InputFileNotFoundError(f"{folder} holds no report.json; 'turn-detection evaluate' writes one")
    figures = _report_figures(folder / "report.json")
    client = open_tracking(uri)
    known = [(uri, client, found) for found in _runs(uri, client)]
    _, _, found = _pick(known, run, shown(uri))
    run_id = str(found.info.run_id)
    try:
        client.log_artifacts(run_id, str(folder), artifact_path="report")
        for name, value in figures.items():
            client.log_metric(run_id, f"report/{name}", value)
    except Exception as error:
        raise unreadable(uri, error) from error
    return run_id


def _report_figures(path: Path) -> dict[str, float]:
    try:
        overall = json.loads(path.read_text(encoding="utf-8"))["overall"]
        own = {name: band["value"] for name, band in overall["at_thresholds"][0]["figures"].items()}
        found = {name: band["value"] for name, band in overall["metrics"].items()} | own
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataFormatError(f"{path} is no report of 'turn-detection evaluate' ({type(error).__name__})") from error
    return {name: value for name, value in found.items() if value is not None}


def open_tracking(uri: str) -> Any:
    """A client of the tracking at ``uri``. Nothing is created: a database or folder must be there.

    Raises:
        DataUnavailableError: there is none.
        MissingExtraError: mlflow is not installed.
    """
    scheme, _, path = uri.partition(":///") if "://" in uri else ("file", "", uri)
    if scheme in ("sqlite", "file") and not Path(path).exists():
        raise DataUnavailableError(f"no tracked runs at {shown(uri)}: no such file; name the place by --tracking-uri")
    # The client's own patience with a server that is not there is minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise MissingExtraError("Reading tracked runs", "cpu", error.name) from error
    try:
        return MlflowClient(uri)
    except Exception as error:  # what it raises depends on the kind of store
        raise unreadable(uri, error) from error


def unreadable(uri: str, error: Exception) -> DataUnavailableError:
    """Say in one line that a tracking place failed; the library's own text may hold passwords of the address."""
    return DataUnavailableError(
        f"the tracking at {shown(uri)} cannot be used ({type(error).__name__}); is it MLflow's, running and reachable? "
        "name another by --tracking-uri"
    )


def _runs(uri: str, client: Any) -> Iterator[Any]:
    """All runs of a place, the last started first."""
    try:
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        token = None
        while experiments:
            page = client.search_runs(experiments, order_by=["attributes.start_time DESC"], page_token=token)
            yield from page
            token = page.token
            if not token:
                return
    except Exception as error:
        raise unreadable(uri, error) from error


def _pick(known: list[tuple[str, Any, Any]], name: str, places: str) -> tuple[str, Any, Any]:
    for entry in known:
        if name in (entry[2].info.run_name, entry[2].info.run_id):
            return entry
    names = list(dict.fromkeys(str(run.info.run_name) for _, _, run in known))
    more = f" and {len(names) - _NAMED_IN_ERRORS} more" if len(names) > _NAMED_IN_ERRORS else ""
    raise InvalidInputError(f"no run '{name}' at {places}; there are: {', '.join(names[:_NAMED_IN_ERRORS])}{more}")


def _curves(uri: str, client: Any, run_id: str, metrics: Sequence[str]) -> dict[str, Curve]:
    curves = {}
    for metric in metrics:
        try:
            history = client.get_metric_history(run_id, metric)
        except Exception as error:
            raise unreadable(uri, error) from error
        # A step that was measured twice counts as it was measured last.
        values = {point.step: point.value for point in sorted(history, key=lambda point: point.timestamp)}
        if values:
            steps = np.array(sorted(values), dtype=np.int64)
            curves[metric] = Curve(steps, np.array([values[int(step)] for step in steps], dtype=np.float64))
    return curves


def shown(uri: str) -> str:
    """The address without a user's name and password."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri
