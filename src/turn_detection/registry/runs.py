"""Finding a tracked run by its name or id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import InvalidInputError
from .place import open_tracking, shown, unreadable

_NAMED_IN_ERRORS = 12


def every_run(uri: str, client: Any) -> Iterator[Any]:
    """All runs of a place, the last started first.

    Raises:
        DataUnavailableError: the place cannot be read.
    """
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


def pick_run(known: Sequence[tuple[str, Any, Any]], name: str, places: str) -> tuple[str, Any, Any]:
    """The first of ``(uri, client, run)`` whose run has this name or id; ``places`` is where they were looked for.

    Raises:
        InvalidInputError: none has; names some that there are.
    """
    for entry in known:
        if name in (entry[2].info.run_name, entry[2].info.run_id):
            return entry
    names = list(dict.fromkeys(str(run.info.run_name) for _, _, run in known))
    more = f" and {len(names) - _NAMED_IN_ERRORS} more" if len(names) > _NAMED_IN_ERRORS else ""
    there = ", ".join(names[:_NAMED_IN_ERRORS]) or "none"
    raise InvalidInputError(f"no run '{name}' at {places}; there are: {there}{more}")


def find_run(name: str, uri: str) -> tuple[Any, Any]:
    """A client of ``uri`` and the run of this name or id, of several the one that started last.

    Raises:
        InvalidInputError: no such run.
        DataUnavailableError: the place cannot be read.
        MissingExtraError: mlflow is not installed.
    """
    client = open_tracking(uri)
    _, _, run = pick_run([(uri, client, run) for run in every_run(uri, client)], name, shown(uri))
    return client, run
