"""Figures of a file of predictions, and their way into a bundle's manifest and model card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from turn_detection import __version__
from turn_detection.bundle import MANIFEST, TOKENIZER, Manifest, open_bundle, record_file
from turn_detection.encoding import EncodingSpec
from turn_detection.errors import (
    BundleError,
    BundleNotFoundError,
    DataFormatError,
    InputFileNotFoundError,
    InvalidInputError,
)
from turn_detection.evaluation.figures_origin import ORIGIN, figures_digest
from turn_detection.evaluation.metrics import binary_metrics
from turn_detection.evaluation.score import misses, record_score, score_predictions


def item(label: str, speak: float, **more: Any) -> dict[str, Any]:
    return {
        "context": "Да?",
        "message": "секрет",
        "label": label,
        "probas": {"wait": 1 - speak, "speak": speak},
        **more,
    }


def predictions(folder: Path, *items: Any) -> Path:
    path = folder / "predictions.json"
    path.write_text(json.dumps(list(items), ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder that passes for a bundle: the files are never run, only compared with the manifest."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in ("model.onnx", TOKENIZER):
        (folder / name).write_bytes(name.encode())
    files = {name: record_file(folder / name) for name in ("model.onnx", TOKENIZER)}
    manifest = Manifest(
        name="toy",
        model_file="model.onnx",
        files=files,
        encoding=EncodingSpec(),
        threshold=0.4,
        provenance={"run_name": "run-7"},
        metrics={"validation/roc_auc": 0.9, "bench/roc_auc": 0.1, "bench/gone": 0.2, "bench2/n": 5.0},
    )
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return folder


def test_all_comes_first_then_groups_by_size(tmp_path: Path) -> None:
    file = predictions(
        tmp_path,
        item("speak", 0.9, source="b"),
        item("wait", 0.2, source="a"),
        item("speak", 0.4, source="a"),
        item("wait", 0.6, category="c", source=""),
        item("wait", 0.1),
    )
    figures = score_predictions(file)
    assert list(figures) == ["all", "a", "b", "c"]
    assert [figures[name]["n"] for name in figures] == [5, 2, 1, 1]
    assert figures["all"] == binary_metrics([True, False, True, False, False], [0.9, 0.2, 0.4, 0.6, 0.1])  # type: ignore[arg-type]
    assert figures["a"]["roc_auc"] == 1
    assert figures["a"]["accuracy"] == 0.5


def test_a_source_by_the_name_of_all_does_not_count_twice(tmp_path: Path) -> None:
    file = predictions(tmp_path, item("speak", 0.9, source="all"), item("wait", 0.2))
    assert score_predictions(file)["all"]["n"] == 2


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"label": None}, "label"),
        ({"label": "SPEAK"}, "label"),
        ({"label": ["speak"]}, "label"),
        ({"probas": None}, "probas"),
        ({"probas": {"wait": 0.5}}, "probas"),
        ({"probas": {"speak": "много"}}, "probas"),
        ({"probas": {"speak": 1.5}}, "probas"),
        ({"probas": {"speak": float("nan")}}, "probas"),
        ({"probas": 0.5}, "probas"),
    ],
)
def test_an_item_without_a_label_or_an_answer_is_named(tmp_path: Path, wrong: dict[str, Any], key: str) -> None:
    file = predictions(tmp_path, item("speak", 0.9), item("wait", 0.2) | wrong)
    with pytest.raises(DataFormatError, match=f"item 1: '{key}'") as caught:
        score_predictions(file)
    assert str(file) in str(caught.value)
    assert "секрет" not in str(caught.value)


def test_a_label_that_is_missing_is_named_as_well(tmp_path: Path) -> None:
    unlabelled = item("speak", 0.9)
    del unlabelled["label"]
    with pytest.raises(DataFormatError, match="item 0: 'label' must be one of wait, speak"):
        score_predictions(predictions(tmp_path, unlabelled))


def test_what_infer_has_not_seen_is_sent_there(tmp_path: Path) -> None:
    file = predictions(tmp_path, {"message": "да", "label": "speak"})
    with pytest.raises(DataFormatError, match="run infer first"):
        score_predictions(file)


def test_no_items_or_no_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="holds no items"):
        score_predictions(predictions(tmp_path))
    with pytest.raises(InputFileNotFoundError):
        score_predictions(tmp_path / "nothing.json")


def test_a_recorded_score_stands_in_the_manifest_and_in_the_card(bundle: Path, tmp_path: Path) -> None:
    file = predictions(tmp_path, *(item("speak", 0.5 + n / 40) for n in range(20)), item("wait", 0.71234567))
    figures = score_predictions(file)["all"]
    record_score(bundle, "bench", figures, file)

    recorded = open_bundle(bundle).manifest.metrics
    assert {key.removeprefix("bench/") for key in recorded if key.startswith("bench/")} == set(
        figures
    )  # «gone» is gone
    assert {f"bench/{key}": recorded[f"bench/{key}"] for key in figures} == pytest.approx(
        {f"bench/{key}": value for key, value in figures.items()}, abs=1e-6
    )
    assert recorded["validation/roc_auc"] == 0.9
    assert recorded["bench2/n"] == 5
    card = (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| | validation | bench |" in card
    assert "who measured them: bench2" in card
    assert f"| ROC-AUC | 0.9000 | {figures['roc_auc']:.4f} |" in card


def test_nothing_else_in_the_manifest_changes_and_the_bundle_stays_sound(bundle: Path) -> None:
    before = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    record_score(bundle / "model.onnx", "cases", {"roc_auc": 0.5})
    after = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    assert after.pop("metrics") == before.pop("metrics") | {"cases/roc_auc": 0.5}
    assert list(after["provenance"].pop(ORIGIN)) == ["cases"]
    assert after == before
    assert sorted(file.name for file in bundle.iterdir()) == ["MODEL_CARD.md", MANIFEST, "model.onnx", TOKENIZER]


def test_the_origin_tells_command_version_and_the_digest_of_the_predictions(bundle: Path, tmp_path: Path) -> None:
    file = predictions(tmp_path, item("speak", 0.9), item("wait", 0.2))
    record_score(bundle, "bench", score_predictions(file)["all"], file)
    record_score(bundle, "calls", {"f1": 0.5})
    manifest = open_bundle(bundle).manifest
    origins = manifest.provenance[ORIGIN]
    assert origins["bench"] == {
        "command": "turn-detection score --as bench",
        "data": {"file": "predictions.json", "sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
        "turn_detection": __version__,
        "figures_sha256": figures_digest(manifest.metrics, "bench"),
    }
    assert origins["calls"]["data"] == {}
    assert str(tmp_path) not in json.dumps(manifest.provenance)


def test_a_set_that_is_recorded_again_replaces_figures_that_were_changed_by_hand(bundle: Path) -> None:
    record_score(bundle, "bench", {"f1": 0.5})
    place = bundle / MANIFEST
    place.write_text(place.read_text(encoding="utf-8").replace('"bench/f1": 0.5', '"bench/f1": 0.9'), encoding="utf-8")
    altered = place.read_bytes()
    with pytest.raises(BundleError, match="'bench' are not those that were measured"):
        record_score(bundle, "calls", {"f1": 0.5})
    assert place.read_bytes() == altered, "nothing is written by halves"
    record_score(bundle, "bench", {"f1": 0.6})
    assert open_bundle(bundle).manifest.metrics["bench/f1"] == 0.6


@pytest.mark.parametrize("name", ["validation", "export", "", "a/b", "a b", "a|b"])
def test_a_name_that_can_be_no_set_is_refused(bundle: Path, name: str) -> None:
    before = (bundle / MANIFEST).read_bytes()
    with pytest.raises(InvalidInputError, match="cannot name a set"):
        record_score(bundle, name, {"f1": 0.5})
    assert (bundle / MANIFEST).read_bytes() == before


def test_predictions_that_are_gone_are_said_so(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match="gone.json"):
        record_score(bundle, "bench", {"f1": 0.5}, tmp_path / "gone.json")


def test_figures_that_are_no_numbers_stay_out_of_the_manifest(bundle: Path, tmp_path: Path) -> None:
    figures = score_predictions(predictions(tmp_path, item("speak", 0.9), item("speak", 0.2)))["all"]
    record_score(bundle, "bench", figures)
    text = (bundle / MANIFEST).read_text(encoding="utf-8")

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    metrics = json.loads(text, parse_constant=refuse)["metrics"]
    assert "bench/roc_auc" not in metrics
    assert metrics["bench/recall"] == 0.5
    assert "nan" not in (bundle / "MODEL_CARD.md").read_text(encoding="utf-8").lower()


def test_a_folder_that_is_no_sound_bundle_is_refused_and_left_alone(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError):
        record_score(tmp_path / "nowhere", "bench", {"n": 1.0})
    (bundle / "model.onnx").write_bytes(b"altered")
    before = (bundle / MANIFEST).read_bytes()
    with pytest.raises(BundleError):
        record_score(bundle, "bench", {"n": 1.0})
    assert (bundle / MANIFEST).read_bytes() == before
    assert not (bundle / "MODEL_CARD.md").exists()


def test_misses_are_named_without_words_the_surest_first(tmp_path: Path) -> None:
    items = [
        {
            "id": "a",
            "category": "phone",
            "context": "",
            "message": "секрет",
            "label": "wait",
            "probas": {"wait": 0.4, "speak": 0.6},
        },
        {"context": "", "message": "секрет", "label": "speak", "probas": {"wait": 0.9, "speak": 0.1}},
        {"id": "c", "context": "", "message": "секрет", "label": "speak", "probas": {"wait": 0.1, "speak": 0.9}},
    ]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(items), encoding="utf-8")

    found = misses(path)

    assert [(miss.item, miss.group, miss.label, miss.eot_probability) for miss in found] == [
        ("1", "", "speak", 0.1),
        ("a", "phone", "wait", 0.6),
    ]
    assert "секрет" not in repr(found)
