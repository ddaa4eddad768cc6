"""Start-up and memory in processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from turn_detection.errors import BackendError
from turn_detection.speed.process import Loading, process_figures
from turn_detection.speed.run import Subject

pytestmark = pytest.mark.slow


def test_a_new_process_is_timed_from_its_start_and_its_memory_taken(toy_bundle: Path) -> None:
    found = process_figures(Subject.of_bundle(toy_bundle).loading, n_runs=2, n_answers=5)
    assert 0 < found.import_load_answer_s < found.cold_start_s < 60
    assert found.rss_mb is not None
    assert 10 < found.rss_mb < 500
    assert (found.n_runs, found.n_answers) == (2, 5)


def test_a_process_that_cannot_load_is_told_in_one_line() -> None:
    with pytest.raises(BackendError, match="no such detector") as caught:
        process_figures(Loading("raise SystemExit('no such detector')"), n_runs=1)
    assert "\n" not in str(caught.value)
