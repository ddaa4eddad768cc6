"""``evaluate`` and ``fit_baseline`` as a user runs them; the report against its schema; no words of the data in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from turn_detection.evaluation.report_schema import report_schema

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
DEMO = Path(__file__).resolve().parents[2] / "data" / "demo_dialogues.jsonl"
QUICK = ("--n-resamples", "40", "--sample", "40")
WORDS = ("кабачок", "гиппопотам", "шестерёнка", "телескоп", "ананас", "барабан")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def execute(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "120"}
        return subprocess.run(
            [sys.executable, "-m", "turn_detection.commands", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    return execute


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Items with words that occur nowhere else, so that a leak into the report shows."""
    items = []
    for index in range(48):
        word = WORDS[index % len(WORDS)]
        item = {"id": f"case-{index}", "category": ("hold", "list")[index % 2], "dialogue": f"call-{index // 4}"}
        items += [
            {**item, "context": f"Что с {word}?", "message": f"это {word} да", "label": "speak"},
            {**item, "id": f"cut-{index}", "context": f"Что с {word}?", "message": "это на", "label": "wait"},
        ]
    path = tmp_path / "labelled.json"
    path.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    return path


def read(folder: Path) -> dict:
    """The report, checked against the schema that ships."""
    schema = json.loads((files("turn_detection") / "evaluation" / "report.schema.json").read_text(encoding="utf-8"))
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(report)
    assert (folder / "index.html").stat().st_size > 20_000
    assert (folder / "tables.md").read_text(encoding="utf-8").startswith("# Evaluation of ")
    return report


def test_the_schema_that_ships_is_the_one_of_the_types() -> None:
    shipped = json.loads((files("turn_detection") / "evaluation" / "report.schema.json").read_text(encoding="utf-8"))
    assert shipped == report_schema()
    Draft202012Validator.check_schema(shipped)


def test_labelled_items_next_to_baselines(run: Run, labelled: Path, toy_bundle: Path, tmp_path: Path) -> None:
    result = run("evaluate", str(toy_bundle), "labelled.json", "--against", "timer", "--against", "punctuation", *QUICK)
    assert result.returncode == 0, result.stderr
    assert "roc_auc" in result.stdout
    report = read(tmp_path / "report")
    data = report["facts"]["data"]
    assert (data["n_items"], data["n_groups"], data["grouping"]) == (96, 12, "dialogue")
    assert [one["other"]["judge"]["name"] for one in report["comparisons"]] == ["silence timer", "punctuation rule"]
    assert {row["category"] for row in report["cases"]["by_category"]} == {"hold", "list"}
    assert report["stability"]["n_sampled"] == 40
    assert [row["context"] for row in report["context_use"]["rows"]] == ["true", "none", "shuffled"]
    for name in ("report.json", "index.html", "tables.md"):
        text = (tmp_path / "report" / name).read_text(encoding="utf-8").lower()
        assert not [word for word in WORDS if word in text], name


def test_the_same_seed_gives_the_same_figures(run: Run, labelled: Path, toy_bundle: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        result = run("evaluate", str(toy_bundle), "labelled.json", "--report", name, "--seed=5", *QUICK)
        assert result.returncode == 0, result.stderr
    one, two = (read(tmp_path / name) for name in ("one", "two"))
    for report in (one, two):
        del report["facts"]
    assert one == two


def test_a_baseline_is_fitted_judged_and_compared(run: Run, tmp_path: Path) -> None:
    result = run("fit_baseline", "words.npz", "--data=local", f"--data.paths=[{DEMO}]")
    assert result.returncode == 0, result.stderr
    result = run("evaluate", "words.npz", str(DEMO), "--against", "timer", *QUICK)
    assert result.returncode == 0, result.stderr
    report = read(tmp_path / "report")
    assert report["facts"]["model"]["kind"] == "baseline"
    assert report["endpointing"]["on_data"] is True
    lines = report["endpointing"]["judges"][0]["curves"][0]["lines"]
    assert "silence timer" in lines
    # Replaced as a whole the second time.
    assert run("evaluate", "words.npz", str(DEMO), *QUICK).returncode == 0
    assert read(tmp_path / "report")["comparisons"] == []


def test_two_models_of_one_name_are_told_apart(
    run: Run, labelled: Path, toy_bundle: Path, bundle_writer: Callable[..., Path], tmp_path: Path
) -> None:
    other = bundle_writer(threshold=0.9)
    result = run("evaluate", str(toy_bundle), "labelled.json", "--against", str(other), *QUICK)
    assert result.returncode == 0, result.stderr
    report = read(tmp_path / "report")
    this, that = report["facts"]["model"], report["comparisons"][0]["other"]["judge"]
    assert this["name"] == f"toy ({this['sha256'][:8]})"
    assert that["name"] == f"toy ({that['sha256'][:8]})"
    assert this["name"] != that["name"]


@pytest.mark.parametrize("name", ["calls.csv", "calls.jsonl.gz", "cases.json", "folder"])
def test_a_lone_argument_that_names_data_is_judged_by_the_shipped_model(name: str, tmp_path: Path) -> None:
    from turn_detection.commands.evaluating import _is_data

    (tmp_path / "folder").mkdir()
    assert _is_data(str(tmp_path / name))


def test_a_lone_argument_that_names_a_model_is_the_model(toy_bundle: Path) -> None:
    from turn_detection.commands.evaluating import _is_data

    assert not any(map(_is_data, (str(toy_bundle), f"{toy_bundle}/model.onnx", "last.ckpt", "words.npz", "timer")))


def test_data_with_one_label_say_which_figures_cannot_be_had(run: Run, tmp_path: Path) -> None:
    items = [{"context": "Что?", "message": f"да {index}", "label": "speak"} for index in range(12)]
    (tmp_path / "ends.json").write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    result = run("evaluate", "timer", "ends.json", "--n-resamples", "40", "--sample", "0")
    assert result.returncode == 0, result.stderr
    assert "nan" not in result.stdout
    assert "needs both labels" in result.stdout
    assert read(tmp_path / "report")["overall"]["metrics"]["roc_auc"]["value"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("timer", "none.json"), "none.json"),
        (("timer", "unlabelled.json"), "label"),
        (("coin.npz", "labelled.json"), "fit_baseline"),
        (("timer", "labelled.json", "--against", "timer"), "one name"),
        (("timer", "labelled.json", "--n-resamples", "3"), "n_resamples"),
        (("timer", "labelled.json", "--report", "own"), "own"),
        (("no-such-model", "labelled.json"), "no-such-model"),
    ],
)
def test_bad_input_is_one_line_and_harms_nothing(
    run: Run, labelled: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "unlabelled.json").write_text('[{"context": "?", "message": "да"}]', encoding="utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letter.txt").write_text("mine", encoding="utf-8")
    result = run("evaluate", *arguments)
    assert result.returncode == 2, result.stdout + result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert words in result.stderr
    assert (tmp_path / "own" / "letter.txt").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "report").exists()
