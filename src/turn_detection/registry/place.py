"""Where MLflow keeps things: a database, a folder or a server, and how long it is waited for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..errors import DataUnavailableError, MissingExtraError, TurnDetectionError

#: Where ``train`` tracks its runs unless told otherwise.
TRACKING_URI = "sqlite:///mlflow.db"
_SQLITE = "sqlite:///"
#: Seconds until a server that does not answer a first question counts as not there.
FIRST_ANSWER_S = 10
#: Seconds of silence in any later exchange; a model is sent in one.
_ANSWER_S = 60


def load_mlflow(purpose: str) -> Any:
    """``mlflow``, told once not to ask a dead server for minutes and to send its maker no statistics of use; settings of yours stay.

    Raises:
        MissingExtraError: it is not installed.
    """
    for name, value in (
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0"),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", str(_ANSWER_S)),
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("MLFLOW_LOGGING_LEVEL", "WARNING"),
        ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
        ("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true"),  # with the password of the address
    ):
        os.environ.setdefault(name, value)
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtraError(purpose, "cpu", error.name) from error
    return mlflow


def open_tracking(uri: str) -> Any:
    """A client of the tracking at ``uri``. Nothing is created: a database or folder must be there.

    Raises:
        DataUnavailableError: there is none.
        MissingExtraError: mlflow is not installed.
    """
    scheme, _, path = uri.partition(":///") if "://" in uri else ("file", "", uri)
    if scheme in ("sqlite", "file") and not Path(path).exists():
        raise DataUnavailableError(f"no tracked runs at {shown(uri)}: no such file; name the place by --tracking-uri")
    mlflow = load_mlflow("Reading tracked runs")
    try:
        return mlflow.MlflowClient(uri)
    except Exception as error:  # what it raises depends on the kind of store
        raise unreadable(uri, error) from error


def check_answers(uri: str) -> None:
    """Ask the tracking at ``uri`` something before long work begins; a database is made where it is missing.

    Raises:
        DataUnavailableError: nothing answers in seconds, or something that is not MLflow.
        MissingExtraError: mlflow is not installed.
    """
    mlflow = load_mlflow("Tracking a run")
    try:
        with patience(FIRST_ANSWER_S):
            mlflow.MlflowClient(uri).search_experiments(max_results=1)
    except Exception as error:
        raise DataUnavailableError(
            f"the tracking at {shown(uri)} does not answer ({reason(error)}); start its server, name another by "
            f"--train.tracking_uri, or leave it out: runs are then kept in the file of {TRACKING_URI}"
        ) from error


def artifacts_beside(uri: str) -> str | None:
    """Where a database in a file keeps the files of its runs: in ``mlruns`` beside it. ``None``: the place itself decides."""
    if not uri.startswith(_SQLITE):
        return None
    database = uri.removeprefix(_SQLITE).partition("?")[0]
    return str(Path(database).absolute().parent / "mlruns")


@contextmanager
def placed(uri: str, purpose: str) -> Iterator[Any]:
    """``mlflow`` with tracking and registry at ``uri``; what goes wrong with them inside becomes one line.

    Raises:
        DataUnavailableError: the place cannot be read or written.
        MissingExtraError: mlflow is not installed.
    """
    mlflow = load_mlflow(purpose)
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    try:
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        yield mlflow
    except TurnDetectionError:
        raise
    except Exception as error:
        raise unreadable(uri, error) from error
    finally:
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])


def unreadable(uri: str, error: Exception, *, option: str = "--tracking-uri") -> DataUnavailableError:
    """Say in one line that a tracking place failed; the library's own text may hold passwords of the address."""
    return DataUnavailableError(
        f"the tracking at {shown(uri)} cannot be used ({reason(error)}); is it MLflow's, running and reachable? "
        f"name another by {option}"
    )


def reason(error: Exception) -> str:
    """What went wrong, in a word or two: the library's whole text may quote an address or a value."""
    code = getattr(error, "error_code", None)
    return type(error).__name__ if code in (None, "INTERNAL_ERROR") else f"{type(error).__name__} {code}"


def shown(uri: str) -> str:
    """The address without a user's name and password."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    """Wait so long for answers inside the block, if nobody has set another time than :func:`load_mlflow`."""
    name = "MLFLOW_HTTP_REQUEST_TIMEOUT"
    before = os.environ.get(name)
    if before != str(_ANSWER_S):
        yield
        return
    os.environ[name] = str(seconds)
    try:
        yield
    finally:
        os.environ[name] = before
