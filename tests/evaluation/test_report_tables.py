"""The tables of a report say what the report says, and no words of callers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from turn_detection.evaluation.endpointing_curve import TIMER
from turn_detection.evaluation.report import JudgeCurves
from turn_detection.evaluation.report_table import Table
from turn_detection.evaluation.report_tables import MISSES_SHOWN, report_tables, tables_markdown, verdict

from .made_report import bare_report, curve, made_report


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return {table.name: table for table in report_tables(made_report().to_dict())}


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_a_full_report_has_every_table_under_a_name_of_its_own(tables: dict[str, Table]) -> None:
    assert list(tables) == [
        "overall", "thresholds", "endpointing-1", "endpointing-2", "slices", "tiers", "categories", "comparison-1",
        "mcnemar-1", "stability", "context", "reliability", "misses", "facts",
    ]  # fmt: skip


def test_a_bare_report_has_only_what_it_knows() -> None:
    names = [table.name for table in report_tables(bare_report().to_dict())]
    assert names == ["overall", "thresholds", "reliability", "facts"]
    markdown = tables_markdown(bare_report().to_dict())
    assert "| ROC-AUC | – |" in markdown
    assert "| log-loss | 0.3000 |" in markdown
    assert "nan" not in markdown.lower()


def test_counts_and_figures_stand_at_both_thresholds(tables: dict[str, Table]) -> None:
    rows = {row[0]: row[1:] for row in texts(tables["thresholds"])}
    assert rows["threshold"] == ["0.52", "0.50"]
    assert rows["speak → wait"] == ["26", "26"]
    assert rows["wait → speak"] == ["22", "22"]


def test_the_silence_timer_comes_first_and_once_then_every_detector(tables: dict[str, Table]) -> None:
    rows = texts(tables["endpointing-1"])
    assert rows[0] == [TIMER, "one delay", "80.0 %", "40.0 %", "1,500 ms", "1,100 ms"]
    assert [row[0] for row in rows[1:]] == ["toy-ru-int8"] * 3 + ["last words"] * 3
    assert rows[1][1].startswith("delay by probability")
    assert rows[1][2] == "48.0 %"
    assert [row[0] for row in texts(tables["endpointing-2"])] == [TIMER] + ["toy-ru-int8"] * 3


def test_a_timer_that_was_compared_with_is_not_told_twice() -> None:
    report = made_report()
    assert report.endpointing is not None
    judges = (*report.endpointing.judges, JudgeCurves(TIMER, (curve("eot-bench", 1.0),)))
    told = replace(report, endpointing=replace(report.endpointing, judges=judges)).to_dict()
    (table,) = (table for table in report_tables(told) if table.name == "endpointing-1")
    assert [row[0].text for row in table.rows].count(TIMER) == 1


@pytest.mark.parametrize(
    ("metric", "low", "high", "said"),
    [
        ("roc_auc", 0.01, 0.02, "good"),
        ("roc_auc", -0.02, -0.01, "bad"),
        ("log_loss", -0.02, -0.01, "good"),
        ("ece", 0.01, 0.02, "bad"),
        ("f1", -0.01, 0.02, ""),
        ("f1", 0.0, 0.02, ""),
        ("f1", None, None, ""),
    ],
)
def test_better_is_said_only_where_the_interval_leaves_zero_out(
    metric: str, low: float | None, high: float | None, said: str
) -> None:
    assert verdict(metric, {"value": 0.01, "low": low, "high": high}) == said


def test_a_comparison_says_in_words_who_is_better(tables: dict[str, Table]) -> None:
    rows = {row[0]: row for row in texts(tables["comparison-1"])}
    assert [rows[name][-1] for name in ("ROC-AUC", "log-loss", "ECE", "F1")] == [
        "better", "better", "worse", "not clearly different",
    ]  # fmt: skip
    assert rows["ROC-AUC"][3] == "+0.1000"
    assert texts(tables["mcnemar-1"]) == [["items", "310", "42", "15", "33", "< 0.0001"]]


def test_of_many_misses_the_surest_are_shown_and_all_are_counted(tables: dict[str, Table]) -> None:
    assert len(tables["misses"].rows) == MISSES_SHOWN
    assert "the 200 surest of 230" in tables["misses"].caption
    assert texts(tables["misses"])[0] == ["made:0", "phone", "spoken", "wait", "0.990"]


def test_markdown_holds_every_table_but_the_misses_and_the_notes() -> None:
    report = made_report().to_dict()
    markdown = tables_markdown(report)
    assert markdown.startswith("# Evaluation of toy-ru-int8 on made speech\n")
    for table in report_tables(report):
        assert (table.to_markdown() in markdown) == (table.name != "misses")
    assert "* Items without a dialogue" in markdown


def test_facts_name_model_data_command_and_versions(tables: dict[str, Table]) -> None:
    facts = dict(texts(tables["facts"]))
    assert facts["SHA-256 of demo.jsonl"].startswith("ab" * 32)
    assert facts["SHA-256 of the model"].startswith("9f" * 32)
    assert facts["intervals"] == "95%, 1,000 resamples of 102 groups (by dialogue), seed 0"
    assert facts["command"].startswith("turn-detection evaluate")
    assert "numpy 2.4.6" in facts["versions"]
