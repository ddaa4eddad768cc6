"""Training that starts from a bundle instead of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from turn_detection import TurnDetector
from turn_detection.bundle import open_bundle
from turn_detection.config import load_config
from turn_detection.errors import ConfigurationError, ExportError
from turn_detection.export import export_bundle
from turn_detection.training.checkpoint import load_checkpoint
from turn_detection.training.from_bundle import bundle_checkpoint
from turn_detection.training.ngram_fit import NgramSettings, fit_to_run
from turn_detection.training.run import train

from .conftest import TrainedRun

pytestmark = pytest.mark.slow

ITEMS = [
    ("Чем могу помочь?", "мне нужен", "none"),
    ("Чем могу помочь?", "мне нужен билет на завтра", "none"),
    (None, "да", "none"),
    ("Ваш телефон?", "восемь девятьсот три", "none"),
]


@pytest.fixture(scope="module")
def with_ngrams(tiny_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("with_ngrams")
    fit_to_run(tiny_run.best, folder / "ngrams.npz", NgramSettings(n_slots=2**14, min_count=2, passes=3))
    export_bundle(
        tiny_run.best,
        folder / "bundle",
        overrides={"export.ngrams": str(folder / "ngrams.npz"), "export.ngram_weight": 0.3},
        plain=False,
    )
    return folder / "bundle"


def started_from(bundle: Path, overrides: list[str], *more: str) -> Path:
    """A run of one epoch on the demo's dialogues."""
    run = [*overrides, f"model.checkpoint={bundle}", f"train.teachers=[{bundle}]", "train.max_epochs=1", *more]
    return train(load_config(run)).best_checkpoint


def test_both_forms_of_a_graph_give_back_the_network(
    tiny_export: Path, with_ngrams: Path, tiny_run: TrainedRun
) -> None:
    trained = load_checkpoint(tiny_run.best).model.state_dict()
    for folder in (tiny_export, with_ngrams):
        found = bundle_checkpoint(open_bundle(folder)).model.state_dict()
        assert found.keys() == trained.keys()
        for name, weight in trained.items():
            if "embeddings" in name and "word" not in name:
                continue  # positions and types are one table in the graph
            assert torch.allclose(found[name].float(), weight.float(), atol=0.02 * float(weight.abs().max())), name


def test_a_run_without_a_rate_gives_the_bundle_it_started_from(
    with_ngrams: Path, tiny_overrides: list[str], tmp_path: Path
) -> None:
    still = ["train.learning_rate=0", "train.head_learning_rate=0", "run_name=still"]
    checkpoint = started_from(with_ngrams, tiny_overrides, *still)
    kept = {"export.ngrams": str(with_ngrams), "export.calibration": "keep"}
    export_bundle(checkpoint, tmp_path / "again", overrides=kept, plain=False)
    before, after = (
        [answer.eot_probability for answer in TurnDetector.load(folder).predict_batch(ITEMS)]
        for folder in (with_ngrams, tmp_path / "again")
    )
    assert np.ptp(before) > 0.05, "a constant would pass any comparison"
    np.testing.assert_allclose(after, before, atol=0.03)
    again, first = open_bundle(tmp_path / "again").manifest, open_bundle(with_ngrams).manifest
    assert (again.temperature, again.bias) == (first.temperature, first.bias)
    facts = again.provenance
    assert [run["run_name"] for run in facts["ancestry"]] == ["shared"]
    assert facts["ngrams"]["weight"] == 0.3, "few dialogues are no reason to weigh the n-grams anew"


def test_a_run_with_a_rate_moves_the_weights_and_keeps_the_vocabulary(
    tiny_export: Path, tiny_overrides: list[str]
) -> None:
    moved = load_checkpoint(started_from(tiny_export, tiny_overrides, "run_name=moved"))
    start = bundle_checkpoint(open_bundle(tiny_export))
    assert moved.encoder.tokenizer_json() == start.encoder.tokenizer_json()
    assert not torch.allclose(moved.model.head.weight, start.model.head.weight)
    assert not any(name.startswith("teacher") for name in moved.model.state_dict())


def test_what_cannot_be_taken_over_is_refused(tiny_run: TrainedRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="started from a bundle"):
        export_bundle(tiny_run.best, tmp_path / "never", overrides={"export.calibration": "keep"})
    with pytest.raises(ExportError, match="another tokenizer"):
        export_bundle(tiny_run.best, tmp_path / "never", overrides={"export.ngrams": "default"})
    assert not (tmp_path / "never").exists()


def test_a_bundle_that_reads_both_ways_is_trained_further_as_it_is(
    tiny_run: TrainedRun, tiny_overrides: list[str], tmp_path: Path
) -> None:
    both_ways = ["model.attention=full", "train.cuts=random", f"model.checkpoint={tiny_run.best}"]
    first = train(load_config([*tiny_overrides, *both_ways, "train.max_epochs=1", "run_name=both_ways"]))
    export_bundle(first.best_checkpoint, tmp_path / "bundle", plain=False)
    own = ["model.attention=null", "train.cuts=null", "run_name=own"]
    further = load_checkpoint(started_from(tmp_path / "bundle", tiny_overrides, *own))
    assert further.model.attention == "full"
    assert further.provenance["config"]["train"]["cuts"] == "random"
