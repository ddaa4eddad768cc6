"""A run as MLflow keeps it: settings, figures, origin, curves. A server that goes away costs a warning, not the training."""

from __future__ import annotations

import json
import logging
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from ..config import Config
from ..registry.place import FIRST_ANSWER_S, artifacts_beside, load_mlflow, patience, reason, shown, unreadable
from ..writing import write_whole
from .curves import METRICS, PLOTS, draw
from .origin import recorded_config
from .tracked import run_curves

logger = logging.getLogger(__name__)

#: Beside the checkpoints: figures that a dead server has not taken; ``--resume`` sends them.
UNSENT = "unsent_metrics.json"
#: Seconds until a silent server is asked again; twice as long after every vain try, up to the second.
_RETRY_S, _LONGEST_RETRY_S = 30.0, 600.0
#: What MLflow takes in one call.
_METRICS_AT_ONCE, _PARAMS_AT_ONCE, _LONGEST_PARAM = 1000, 100, 6000
#: Exit code of a process that SIGTERM ended, as shells count.
_TERMINATED = 128 + 15


class RunTracker(MLFlowLogger):
    """Lightning's MLflow logger for one run whose place has answered already.

    Args:
        uri: the tracking's address.
        experiment: made where it is missing.
        run_name: of a new run.
        folder: of the run's checkpoints.
        run_id: of the run that goes on; ``None`` begins one.
    """

    def __init__(self, uri: str, experiment: str, run_name: str, folder: Path, run_id: str | None = None) -> None:
        super().__init__(
            experiment, run_name, uri, artifact_location=artifacts_beside(uri), run_id=run_id, synchronous=True
        )
        self._unsent_file = folder / UNSENT
        self._unsent: list[Any] = []
        self._silent = self._gave_up = False
        self._next_try, self._pause_s = 0.0, _RETRY_S

    @rank_zero_only
    def describe(self, params: Mapping[str, Any], tags: Mapping[str, str], data: Mapping[str, str]) -> None:
        """Put down what is known before the first step; what a run that goes on has otherwise becomes a tag ``resumed_with/...``.

        Args:
            params: settings, nested.
            tags: facts that are no settings.
            data: ``name``, ``kind`` and ``fingerprint`` of the training data.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag

        client, flat = self.experiment, dict(_flat(params))
        run = client.get_run(self.run_id)
        known: dict[str, str] = run.data.params | run.data.tags
        new = [Param(key, value) for key, value in flat.items() if key not in known]
        facts = {key: value for key, value in tags.items() if key not in known}
        changed = {
            f"resumed_with/{key}": value for key, value in {**flat, **tags}.items() if known.get(key, value) != value
        }
        for start in range(0, len(new), _PARAMS_AT_ONCE):
            client.log_batch(self.run_id, params=new[start : start + _PARAMS_AT_ONCE])
        client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in {**facts, **changed}.items()])
        if not run.inputs.dataset_inputs:
            source = json.dumps({"name": data["name"]})
            read = Dataset(data["name"], data["fingerprint"], source_type=data["kind"], source=source)
            client.log_inputs(self.run_id, [DatasetInput(read, [InputTag("mlflow.data.context", "training")])])

    @rank_zero_only
    def go_on(self, folder: Path) -> None:
        """Take up a run that has stopped, with the figures that were not sent then and lie in ``folder``."""
        from mlflow.entities import Metric

        self.experiment.update_run(self.run_id, status="RUNNING")
        self._unsent_file = folder / UNSENT
        if self._unsent_file.is_file():
            kept = json.loads(self._unsent_file.read_text(encoding="utf-8"))
            self._unsent = [Metric(*entry) for entry in kept]
            self._send()

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send figures, or keep them until the server answers again. Raises nothing: training is worth more than its log."""
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        self._unsent += [Metric(name, float(value), now_ms, step or 0) for name, value in metrics.items()]
        if time.monotonic() >= self._next_try:
            self._send()

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """Called by Lightning when ``fit`` ends: ``"success"`` or ``"failed"``."""
        self.end("FAILED" if status == "failed" else "FINISHED")

    @rank_zero_only
    def end(self, status: str) -> None:
        """Send what is left and say how the run ended, in MLflow's word; what cannot be sent is written beside the checkpoints."""
        if self._gave_up:
            return
        self._send()
        if not self._silent:
            self._attempt("the end of the run", lambda: self.experiment.set_terminated(self.run_id, status))
        else:
            self._gave_up = True
            entries = [[metric.key, metric.value, metric.timestamp, metric.step] for metric in self._unsent]
            self._unsent_file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._unsent_file, json.dumps(entries))
            logger.warning("%d figures were not sent: %s; --resume sends them", len(entries), self._unsent_file)

    @rank_zero_only
    def keep_result(self, best_checkpoint: str) -> None:
        """After the last step: where the best checkpoint is, and the training curves as pictures."""
        if self._silent:
            return
        self._attempt(
            "the checkpoint", lambda: self.experiment.set_tag(self.run_id, "best_checkpoint", best_checkpoint)
        )
        self._attempt("the curves", self._keep_curves)

    def _keep_curves(self) -> None:
        run = run_curves(str(self.run_id), self._tracking_uri, METRICS)
        with tempfile.TemporaryDirectory() as folder:
            for plot in PLOTS:
                if plot.metric in run.curves:
                    (Path(folder) / plot.file).write_bytes(draw(plot, [run]))
            self.experiment.log_artifacts(self.run_id, folder, "plots")

    def _send(self) -> None:
        try:
            with patience(FIRST_ANSWER_S):
                while self._unsent:
                    self.experiment.log_batch(self.run_id, metrics=self._unsent[:_METRICS_AT_ONCE])
                    del self._unsent[:_METRICS_AT_ONCE]
        except Exception as error:  # what it raises depends on the kind of store
            if not self._silent:
                logger.warning(
                    "the tracking at %s does not answer (%s): training goes on, its figures are kept and sent later",
                    shown(self._tracking_uri),
                    reason(error),
                )
            self._silent = True
            self._next_try = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LONGEST_RETRY_S)
            return
        self._unsent_file.unlink(missing_ok=True)
        if self._silent:
            logger.warning("the tracking at %s answers again, no figure is lost", shown(self._tracking_uri))
        self._silent, self._next_try, self._pause_s = False, 0.0, _RETRY_S

    def _attempt(self, what: str, act: Any) -> None:
        try:
            act()
        except Exception as error:
            logger.warning("%s could not be tracked at %s (%s)", what, shown(self._tracking_uri), reason(error))


def start_tracking(
    config: Config, facts: dict[str, Any], folder: Path, resume: str | Path | None, resumed: Mapping[str, Any]
) -> RunTracker:
    """Begin a run, or go on with the one that a checkpoint names; ``facts`` gets ``tracking``, by which the next checkpoint names it.

    Args:
        config: of this run.
        facts: its provenance.
        folder: of its checkpoints.
        resume: the checkpoint that is gone on with, if there is one.
        resumed: its provenance.

    Raises:
        DataUnavailableError: the tracking cannot be written.
    """
    uri = config.train.tracking_uri
    load_mlflow("Tracking a run")
    tags = {
        "git_commit": facts["git_commit"],
        "git_dirty": str(facts["git_dirty"]),
        "data_fingerprint": facts["data"]["fingerprint"]["train"],
        "validation_fingerprint": facts["data"]["fingerprint"]["validation"],
        "last_checkpoint": str((folder / "last.ckpt").absolute()),
    }
    wanted = resumed.get("tracking", {}).get("run_id")
    try:
        going_on = wanted is not None and _is_there(uri, wanted)
        if wanted is not None and not going_on:
            logger.warning("the run %s of the checkpoint is not at %s; a new one goes on there", wanted, shown(uri))
            tags["resumed_from"] = wanted
        tracker = RunTracker(
            uri, config.train.experiment_name, facts["run_name"], folder, run_id=wanted if going_on else None
        )
        if going_on and resume is not None:
            tracker.go_on(Path(resume).parent)
        params = {**recorded_config(config), "versions": facts["versions"], "training_rows": facts["training_rows"]}
        data = {"name": config.data.name, "kind": config.data.kind, "fingerprint": tags["data_fingerprint"]}
        tracker.describe(params, tags, data)
        facts["tracking"] = {"run_id": tracker.run_id, "uri": shown(uri)}
    except Exception as error:
        raise unreadable(uri, error, option="--train.tracking_uri") from error
    return tracker


@contextmanager
def ended_by(tracker: RunTracker | None) -> Iterator[None]:
    """Whatever stops the block, no run stays RUNNING: KILLED by a signal, FAILED by an error.

    Ctrl-C, which Lightning turns into a plain exit, is a KeyboardInterrupt again, and SIGTERM ends with its own exit code.
    """
    try:
        yield
    except BaseException as stop:
        stopped = isinstance(stop, KeyboardInterrupt | SystemExit)
        if tracker is not None:
            tracker.end("KILLED" if stopped else "FAILED")
        if isinstance(stop, SIGTERMException):
            raise SystemExit(_TERMINATED) from stop
        if stopped:
            raise KeyboardInterrupt from stop
        raise


def _is_there(uri: str, run_id: str) -> bool:
    import mlflow

    try:
        stage = mlflow.MlflowClient(uri).get_run(run_id).info.lifecycle_stage
    except mlflow.MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return False
        raise
    return bool(stage == "active")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Settings by their path, ``train/batch_size``, in letters that MLflow takes."""
    for key, value in values.items():
        path = prefix + re.sub(r"[^\w.\- ]", "_", str(key))
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}/")
        else:
            yield path, str(value)[:_LONGEST_PARAM]
