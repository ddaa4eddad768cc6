"""A sweep: training runs with other settings each, drawn by Optuna's TPE sampler, the bad ones stopped early."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import lightning
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import MLFlowLogger

from ..config import Config, load_config
from ..errors import (
    ConfigurationError,
    DataFormatError,
    DataUnavailableError,
    InputFileNotFoundError,
    MissingExtraError,
    TurnDetectionError,
)
from ..registry.place import artifacts_beside, check_answers, shown, unreadable
from .run import train
from .search_space import SearchSpace, read_space, written

if TYPE_CHECKING:
    from optuna import Study, Trial

logger = logging.getLogger(__name__)

#: What trials are judged by, the higher the better.
METRIC = "val/roc_auc"
#: Errors that other settings would not mend.
_HOPELESS = (DataUnavailableError, DataFormatError, InputFileNotFoundError, MissingExtraError)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What is known of a study after its last trial.

    Attributes:
        study: its name.
        n_trials: of the study, those of earlier and parallel runs included, by outcome: ``complete``, ``pruned``, ``fail``, ...
        best_trial: number of the best one, from 0.
        best_value: its ROC-AUC at its best validation.
        best_settings: what it drew, by the setting's key.
    """

    study: str
    n_trials: Mapping[str, int]
    best_trial: int
    best_value: float
    best_settings: Mapping[str, Any]


def sweep(
    overrides: Sequence[str],
    space: SearchSpace,
    *,
    storage: str,
    tell: Callable[[str], None] = print,
) -> SweepResult:
    """Run trials and name the best of the study.

    Trial ``n`` of a study draws from ``(seed, n)``, so that a sweep that goes on draws what it would have drawn, and workers that share
    a storage draw different settings.

    Args:
        overrides: settings of every trial, with the group ``sweep``.
        space: what to try beside ``sweep.space``; replaces its entries of the same key.
        storage: Optuna's, such as ``sqlite:///sweep.db``; a study of that name is gone on with.
        tell: gets a line for each trial.

    Raises:
        ConfigurationError: nothing to try, an unknown setting, several devices, a study with another space, no trial that worked.
        DataUnavailableError: the storage or the tracking does not answer, or as :func:`~.run.train` says.
        DataFormatError, InputFileNotFoundError: as :func:`~.run.train` says.
        MissingExtraError: Optuna is not installed.
    """
    optuna = _load_optuna()
    config = load_config(overrides)
    if config.sweep is None:
        raise ConfigurationError("nothing to try; name a file of configs/sweep: --sweep rates")
    space = {**read_space(config.sweep.space), **space}
    _check(config, space)
    check_answers(config.train.tracking_uri)
    study = _open_study(optuna, config, space, storage)
    parent = _parent_run(study, config)
    error: Exception | None = None
    for _ in range(config.sweep.n_trials):
        trial = study.ask()
        study.sampler = _sampler(optuna, config, trial.number)
        try:
            value, pruned = _run_trial(trial, overrides, space, study.study_name, parent)
        except (KeyboardInterrupt, *_HOPELESS):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            raise
        except Exception as caught:  # settings that do not go together, memory: the next ones may be better
            error = caught
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            reason = str(caught) if isinstance(caught, TurnDetectionError) else type(caught).__name__
            tell(f"trial {trial.number} failed: {reason} ({_shown(trial.params)})")
            logger.info("trial %d failed", trial.number, exc_info=caught)
            continue
        if pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, value)
        tell(f"trial {trial.number}: ROC-AUC {value:.4f}{', stopped early' if pruned else ''} ({_shown(trial.params)})")
    return _result(optuna, study, error)


class ReportValidations(Callback):
    """Tells Optuna what every validation found, and ends the run when it would rather see another one; tags the tracked run.

    Args:
        trial: Optuna's.
        tags: for MLflow.
    """

    def __init__(self, trial: Trial, tags: Mapping[str, str]) -> None:
        self._trial, self._tags = trial, tags
        self._n_validations = 0
        self.pruned = False

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.world_size > 1:
            raise ConfigurationError("a trial runs on one device; start a sweep for each device on one --storage")
        for name, value in self._tags.items():
            _tag(trainer, name, value)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        value = float(trainer.callback_metrics[METRIC])
        self._n_validations += 1
        self._trial.report(value, self._n_validations)
        if self._trial.should_prune():
            self.pruned = trainer.should_stop = True
            _tag(trainer, "sweep_pruned", "true")


def _tag(trainer: lightning.Trainer, name: str, value: str) -> None:
    for tracker in trainer.loggers:
        if isinstance(tracker, MLFlowLogger):
            tracker.experiment.set_tag(tracker.run_id, name, value)


def _run_trial(
    trial: Trial, overrides: Sequence[str], space: SearchSpace, study: str, parent: str | None
) -> tuple[float, bool]:
    drawn = [f"{key}={written(entry.draw(key, trial))}" for key, entry in space.items()]
    config = replace(load_config([*overrides, *drawn, f"run_name={study}-{trial.number}"]), sweep=None)
    tags = {"sweep": study, "sweep_trial": str(trial.number)}
    if parent is not None:
        tags["mlflow.parentRunId"] = parent
    watcher = ReportValidations(trial, tags)
    result = train(config, callbacks=[watcher])
    if not math.isfinite(result.roc_auc):
        raise ConfigurationError("the run measured no ROC-AUC")
    return result.roc_auc, watcher.pruned


def _load_optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("A sweep", "sweep", error.name) from error
    # Every trial is told here in a line; Optuna would tell it once more, with the traceback of a failed one.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _check(config: Config, space: SearchSpace) -> None:
    if not space:
        raise ConfigurationError(
            "nothing to try: name a file of configs/sweep (--sweep rates) or ranges ('train.learning_rate=interval(1e-5,5e-4)')"
        )
    for key in space:
        group, _, rest = key.partition(".")
        owner = getattr(config, group, None)
        if group in ("sweep", "run_name") or owner is None or (rest and not hasattr(owner, rest.partition(".")[0])):
            raise ConfigurationError(f"the sweep would try '{key}', which is no setting of a training run")
    if str(config.train.devices) != "1" or config.train.num_nodes != 1:
        raise ConfigurationError(
            "a trial runs on one device: leave train.devices=1, and start a sweep for each device with the same --storage"
        )
    if not config.debug.keep or config.debug.one_batch or config.debug.overfit_batches:
        raise ConfigurationError("a sweep needs whole runs; leave --debug out")


def _sampler(optuna: Any, config: Config, number: int) -> Any:
    assert config.sweep is not None
    seed = (config.seed * 1_000_003 + number) % 2**32
    return optuna.samplers.TPESampler(
        n_startup_trials=config.sweep.startup_trials, seed=seed, multivariate=False, constant_liar=True
    )


def _open_study(optuna: Any, config: Config, space: SearchSpace, storage: str) -> Study:
    assert config.sweep is not None
    described = {key: repr(entry) for key, entry in space.items()}
    try:
        study: Study = optuna.create_study(
            storage=storage,
            study_name=config.sweep.name,
            direction="maximize",
            sampler=_sampler(optuna, config, 0),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=config.sweep.startup_trials),
            load_if_exists=True,
        )
        known = study.user_attrs.get("space", described)
        if known == described:
            study.set_user_attr("space", described)
            return study
    except Exception as error:  # what it raises depends on the kind of storage
        raise DataUnavailableError(
            f"the study's storage at {shown(storage)} cannot be used ({type(error).__name__}); write --storage sqlite:///sweep.db"
        ) from error
    raise ConfigurationError(
        f"the study '{config.sweep.name}' at {shown(storage)} tries other values; give this one another name: --sweep.name=NAME"
    )


def _parent_run(study: Study, config: Config) -> str:
    """The tracked run that the trials' runs are shown under: that of the study, made where it is missing."""
    uri = config.train.tracking_uri
    known = study.user_attrs.get("tracked", {})
    if known.get("uri") == shown(uri):
        return str(known["run_id"])
    try:
        tracker = MLFlowLogger(
            config.train.experiment_name,
            f"sweep {study.study_name}",
            uri,
            tags={"sweep": study.study_name},
            artifact_location=artifacts_beside(uri),
        )
        run_id = str(tracker.run_id)
        for key, entry in study.user_attrs["space"].items():
            tracker.experiment.log_param(run_id, f"space/{key}", entry)
        tracker.finalize()
    except Exception as error:
        raise unreadable(uri, error, option="--train.tracking_uri") from error
    study.set_user_attr("tracked", {"uri": shown(uri), "run_id": run_id})
    return run_id


def _result(optuna: Any, study: Study, error: Exception | None) -> SweepResult:
    trials = study.get_trials(deepcopy=False)
    counts: dict[str, int] = {}
    for trial in trials:
        counts[trial.state.name.lower()] = counts.get(trial.state.name.lower(), 0) + 1
    if not counts.get("complete"):
        raise ConfigurationError(
            f"no trial of the study '{study.study_name}' was finished; the last one said: "
            f"{error if isinstance(error, TurnDetectionError) else type(error).__name__}"
        ) from error
    best = study.best_trial
    assert best.value is not None
    return SweepResult(study.study_name, counts, best.number, best.value, best.params)


def _shown(params: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}" for key, value in params.items()
    )
