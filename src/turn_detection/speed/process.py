"""Start-up and memory of a detector, each time in a new process of this interpreter."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from ..errors import BackendError

_BEFORE = """
import json, sys, time
def rss_mb():
    try:
        with open("/proc/self/status") as stream:
            return next(int(line.split()[1]) for line in stream if line.startswith("VmRSS")) * 1024 / 1e6
    except OSError:
        return None
bare_mb = rss_mb()
started_s = time.perf_counter()
"""
_AFTER = """
detector.predict("да", context="Вам удобно говорить?")
answered_s, answered_at_s = time.perf_counter() - started_s, time.monotonic()
for _ in range(int(sys.argv[1])):
    detector.predict("мне нужен билет на завтра утром", context="Чем могу помочь?")
full_mb = rss_mb()
print(json.dumps({"answered_s": answered_s, "answered_at_s": answered_at_s,
                  "rss_mb": None if full_mb is None else full_mb - bare_mb}))
"""


@dataclass(frozen=True, slots=True)
class Loading:
    """How a new process gets the detector.

    Attributes:
        source: Python that binds ``detector``; it finds ``arguments`` in ``sys.argv[2:]``.
        arguments: paths and the like.
    """

    source: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """Medians over ``n_runs`` processes, files already in the page cache.

    Attributes:
        cold_start_s: from the start of the process, interpreter included, to the first answer.
        import_load_answer_s: the same without the interpreter's own start.
        rss_mb: resident memory (10^6 bytes) over the bare interpreter after ``n_answers`` more answers; ``None`` where the system has
            no ``/proc``.
    """

    cold_start_s: float
    import_load_answer_s: float
    rss_mb: float | None
    n_runs: int
    n_answers: int


def process_figures(loading: Loading, *, n_runs: int, n_answers: int = 200) -> ProcessFigures:
    """Start ``n_runs`` processes, one after another.

    Raises:
        BackendError: such a process failed.
    """
    runs = [_run(loading, n_answers) for _ in range(n_runs)]
    memory = [run["rss_mb"] for run in runs if run["rss_mb"] is not None]
    return ProcessFigures(
        cold_start_s=statistics.median(run["cold_start_s"] or 0.0 for run in runs),
        import_load_answer_s=statistics.median(run["answered_s"] or 0.0 for run in runs),
        rss_mb=statistics.median(memory) if memory else None,
        n_runs=n_runs,
        n_answers=n_answers,
    )


def _run(loading: Loading, n_answers: int) -> dict[str, float | None]:
    script = f"{_BEFORE}\n{loading.source}\n{_AFTER}"
    command = [sys.executable, "-c", script, str(n_answers), *loading.arguments]
    # The monotonic clock is the system's, so two processes may subtract its readings.
    started_at_s = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        run: dict[str, float | None] = json.loads(result.stdout)
    except json.JSONDecodeError as error:
        last = (result.stderr.strip().splitlines() or ["no output"])[-1]
        raise BackendError(f"a new process could not load the detector: {last}") from error
    return {**run, "cold_start_s": (run["answered_at_s"] or 0.0) - started_at_s}
