"""The model card: everything in it is what the manifest says, and every source is named with its licence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from turn_detection import __version__
from turn_detection.bundle import FileRecord, Manifest, open_bundle
from turn_detection.encoding import EncodingSpec
from turn_detection.errors import BundleError
from turn_detection.evaluation.figures_origin import EXPORT_SETS, set_of, with_origin
from turn_detection.evaluation.metrics import binary_metrics
from turn_detection.evaluation.model_card import SOURCES, model_card

#: Licences of the training data at hand, as the project's notes on data give them (source, licence, whom to name).
LICENCES = {
    "anekdots": ("CC0", "Koziev/NLP_Datasets"),
    "movies": ("CC0", "Koziev/NLP_Datasets"),
    "plays": ("CC0", "RusDraCor"),
    "fiction": ("public domain", "novels"),
    "short_qa": ("CC0", "Koziev/NLP_Datasets"),
    "autoservice": ("MIT", "dapi/valera"),
    "smarthome": ("CC BY 4.0", "home-assistant/intents"),
    "tatoeba": ("CC BY 2.0 FR", "Tatoeba"),
    "assistant": ("Apache-2.0", "assistant"),
    "prompts": ("MIT", "prompts"),
    "commonvoice": ("CC0", "Common Voice"),
    "medical": ("CC0", "medical"),
    "mycroft": ("Apache-2.0", "Mycroft"),
}
PROVENANCE: dict[str, Any] = {
    "run_name": "run-7",
    "git_commit": "abcdef0123456789",
    "git_dirty": True,
    "seed": 11,
    "training_rows": 123456,
    "spoken_samples": 4321,
    "versions": {"torch": "2.7.1"},
    "data": {
        "train_dialogues_by_source": dict.fromkeys(LICENCES, 1234) | {"our_calls": 56},
        "shared_dialogues": 0,
        "shared_replies": 0,
    },
    "config": {
        "model": {"encoder": "intfloat/multilingual-e5-small", "n_layers": 6, "attention": "prefix"},
        "train": {
            "cuts": "every_word",
            "batch_size": 128,
            "max_epochs": 4,
            "max_minutes": 70.0,
            "learning_rate": 2e-4,
        },
    },
}


def manifest(**values: Any) -> Manifest:
    files = {"model.onnx": FileRecord("0" * 64, 12_000_000), "tokenizer.json": FileRecord("0" * 64, 1_500_000)}
    settings: dict[str, Any] = {
        "name": "toy-model",
        "model_file": "model.onnx",
        "files": files,
        "encoding": EncodingSpec(),
    }
    return Manifest(**(settings | values))


def scored(metrics: dict[str, float], **values: Any) -> Manifest:
    """A manifest whose figures all say who measured them."""
    provenance: dict[str, Any] = values.pop("provenance", {})
    for name in dict.fromkeys(map(set_of, metrics)):
        provenance = with_origin(provenance, metrics, name, command=f"measure {name}", data={"file": f"{name}.json"})
    return manifest(metrics=metrics, provenance=provenance, **values)


def rows(card: str, heading: str) -> dict[str, list[str]]:
    """Table rows of a section by their first cell."""
    section = card.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in cells}


@pytest.mark.parametrize("source", LICENCES)
def test_every_source_at_hand_is_attributed_with_its_licence(source: str) -> None:
    licence, whom = LICENCES[source]
    count, what, told = rows(model_card(manifest(provenance=PROVENANCE)), "Training")[source]
    assert count == "1,234"
    assert whom in what
    assert told.startswith(licence)


def test_the_public_set_that_everybody_trains_on_is_attributed_too() -> None:
    assert "inkoziev/Conversations" in SOURCES["conversations"][0]
    assert "conversations" not in rows(model_card(manifest(provenance=PROVENANCE)), "Training")


def test_data_of_the_users_own_are_said_to_be_that_and_made_speech_is_counted() -> None:
    table = rows(model_card(manifest(provenance=PROVENANCE)), "Training")
    assert table["our_calls"] == ["56", "the user's own data", "the user's"]
    assert table["spoken"][0] == "4,321 samples"


def test_a_source_that_was_not_trained_on_is_not_named() -> None:
    data = {"train_dialogues_by_source": {"plays": 3}}
    table = rows(model_card(manifest(provenance={"data": data})), "Training")
    assert set(table) & {*SOURCES, "spoken"} == {"plays"}


def test_the_run_can_be_found_again() -> None:
    card = model_card(manifest(provenance=PROVENANCE))
    for fact in (
        "run `run-7`, commit `abcdef012345` with uncommitted changes",
        "seed 11",
        "123,456 training rows",
        "or 70 minutes",
        "torch 2.7.1",
        "multilingual-e5-small by intfloat",
        "first 6 layers",
        "0 dialogues and 0 long replies on both sides",
    ):
        assert fact in card


def test_the_model_section_repeats_the_manifest() -> None:
    values = {"threshold": 0.37, "temperature": 1.234, "bias": -0.5, "precision": "int8"}
    card = model_card(manifest(**values, encoding=EncodingSpec(history_turns=3, max_context_tokens=44)))
    for fact in ("# toy-model\n", "threshold 0.37", "temperature 1.234", "bias -0.500", "weights: int8", "13.5 MB"):
        assert fact in card
    assert "up to 3 turns of context (44 tokens)" in card


def test_the_figures_are_the_manifests_and_no_others() -> None:
    metrics = {"validation/roc_auc": 0.91234, "validation/n": 12345.0, "bench/roc_auc": 0.85, "bench/f1": 0.7777}
    card = model_card(scored(metrics | {"parity_error": 2.5e-6}))
    assert rows(card, "Figures") == {
        "": ["validation", "bench"],
        "---": ["---", "---"],
        "samples": ["12,345", ""],
        "ROC-AUC": ["0.9123", "0.8500"],
        "F1 at the threshold": ["", "0.7777"],
    }
    assert "2.5e-06" in card
    assert "int8 against fp32" not in card


def test_every_figure_that_is_measured_has_a_row() -> None:
    figures = binary_metrics([True, False, True], [0.9, 0.2, 0.3])  # type: ignore[arg-type]
    card = model_card(scored({f"bench/{key}": 0.111 + n / 1000 for n, key in enumerate(figures)}))
    shown = {cells[0] for title, cells in rows(card, "Figures").items() if title not in ("", "---")}
    assert len(shown) == len(figures) - 1  # the share of whole replies describes the set and stands under "Limits"


def test_a_manifest_without_figures_gives_a_card_without_figures() -> None:
    card = model_card(manifest())
    assert "## Figures" not in card
    assert not re.search(r"\b[01]\.\d{4}", card)
    assert "about half of the validation samples" in card


def test_the_mix_of_labels_is_the_measured_one() -> None:
    assert "(57% of the validation samples" in model_card(scored({"validation/speak_share": 0.574}))


def test_int8_is_set_against_fp32_where_both_were_measured() -> None:
    metrics = {"validation/roc_auc": 0.9, "validation/roc_auc_fp32": 0.9011}
    assert "ROC-AUC 0.9000 against 0.9011" in model_card(scored(metrics))


def test_the_card_says_who_measured_each_set_on_what() -> None:
    data = {"file": "calls.json", "sha256": "0123456789abcdef" * 4}
    metrics = {"calls/f1": 0.8}
    provenance = with_origin({}, metrics, "calls", command="turn-detection score --as calls", data=data)
    card = model_card(manifest(metrics=metrics, provenance=provenance))
    assert (
        f"* calls: `turn-detection score --as calls`, file calls.json, sha256 0123456789ab; turn-detection {__version__}"
        in card
    )


def test_figures_that_nobody_measured_stay_out_of_the_card_and_are_named() -> None:
    card = model_card(scored({"bench/f1": 0.7777}))
    assert "0.7777" in card
    told = model_card(
        manifest(
            metrics={"bench/f1": 0.7777, "wish/f1": 0.9999},
            provenance=scored({"bench/f1": 0.7777}).provenance,
        )
    )
    assert "0.7777" in told
    assert "0.9999" not in told
    assert "left out, for the manifest does not say who measured them: wish" in told


@pytest.mark.parametrize("name", ["bench", "validation"])
@pytest.mark.parametrize("change", [{"f1": 0.8}, {"recall": 1.0}, {"f1": None}])
def test_figures_that_were_changed_by_hand_are_refused(name: str, change: dict[str, float | None]) -> None:
    sound = scored({f"{name}/f1": 0.7777, f"{name}/n": 12.0})
    metrics = {**sound.metrics, **{f"{name}/{key}": value for key, value in change.items()}}
    altered = manifest(
        metrics={key: value for key, value in metrics.items() if value is not None}, provenance=sound.provenance
    )
    model_card(sound)
    with pytest.raises(BundleError, match=f"figures of '{name}' are not those that were measured"):
        model_card(altered)


@pytest.mark.parametrize("name", EXPORT_SETS)
def test_an_export_from_before_origins_were_recorded_measured_its_own_run(name: str) -> None:
    metrics = {"validation/f1": 0.8123} if name == "validation" else {"parity_error": 8.123e-7}
    card = model_card(manifest(metrics=metrics, provenance={"run_name": "run-7"}))
    assert "8123" in card or "8.1e-07" in card
    assert "left out" in model_card(manifest(metrics=metrics))


def test_an_origin_survives_the_manifests_way_to_disk_and_back(tmp_path: Path) -> None:
    sound = scored({"bench/f1": 0.1 + 0.2, "bench/n": 5.0, "parity_error": 8.8e-7})
    read = Manifest.from_json(sound.to_json(), tmp_path)
    assert model_card(read) == model_card(sound)


def test_the_shipped_bundle_has_a_card_that_can_be_written_again() -> None:
    shipped = open_bundle().manifest
    assert f"{shipped.metrics['validation/roc_auc']:.4f}" in model_card(shipped)


def test_the_front_matter_is_what_the_hub_reads() -> None:
    yaml = pytest.importorskip("yaml")
    front = yaml.safe_load(model_card(manifest()).split("---\n")[1])
    assert (front["language"], front["license"], front["library_name"]) == ("ru", "mit", "turn-detection")


def test_weights_that_went_on_from_another_run_name_it_and_its_encoder() -> None:
    first = {
        "run_name": "run-1",
        "git_commit": "1234567890abcdef",
        "max_minutes": 70.0,
        "learning_rate": 2e-4,
        "training_rows": 484_203,
        "spoken_samples": 120_000,
        "encoder": "intfloat/multilingual-e5-small",
    }
    config = PROVENANCE["config"] | {"model": {"encoder": None, "checkpoint": "checkpoints/run-1/best.ckpt"}}
    card = model_card(manifest(provenance=PROVENANCE | {"config": config, "ancestry": [first]}))

    assert "multilingual-e5-small by intfloat" in card
    assert (
        "run `run-1`, commit `1234567890ab`: at most 70 minutes, peak rate 0.0002, 484,203 rows, 120,000 of them made speech"
        in card
    )
