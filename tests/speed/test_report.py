"""Figures as JSON and as tables."""

from __future__ import annotations

import json
from dataclasses import replace

from turn_detection.speed.machine import Machine
from turn_detection.speed.process import ProcessFigures
from turn_detection.speed.report import BenchReport, OriginalFigures
from turn_detection.speed.timing import Comparison, Latency, Throughput

from .remembering import round_of

MACHINE = Machine("Some CPU", ("avx2",), 4, 0.1, "Linux 6 x86_64", {"python": "3.11.7", "onnxruntime": "1.32.0"})
COMPARED = Comparison.of(32, [round_of(2.0, original_ms=90.0, padded_ms=1500.0)] * 3)
ORIGINAL = OriginalFigures(22, 149_606_402, 598_950_244, True, (COMPARED,), ProcessFigures(4.0, 3.9, 950.4, 3, 2))
REPORT = BenchReport(
    name="toy",
    precision="int8",
    n_bytes=25_037_899,
    measured_at="2026-11-25T12:00:00+00:00",
    quick=False,
    machine=MACHINE,
    latency=(Latency(32, 1, 500, 1.234, 1.5, 1.75), Latency(32, 2, 500, 0.9, 1.1, 1.2)),
    throughput=(Throughput(1, 32, 256, 800.4), Throughput(8, 32, 256, 1100.0)),
    process=ProcessFigures(0.41, 0.38, 125.2, 5, 200),
    original=ORIGINAL,
)


def test_the_tables_hold_every_figure() -> None:
    page = REPORT.to_markdown()
    for line in (
        "# Speed of toy (int8)",
        "| 32 | 1 | 1.23 | 1.50 | 1.75 | 500 |",
        "| 8 | 32 | 1100 |",
        "| start of the process to first answer, s | 0.41 | 4.00 |",
        "| memory over the bare interpreter, MB | 125 | 950 |",
        "| files, MB | 25 | 599 |",
        "| 32 | 2.00 | 2.00 | 90.0 | 1500 | 45.0 (45.0-45.0) | 90.0 | 750.0 (750.0-750.0) | 1500.0 |",
    ):
        assert line in page.splitlines(), line
    assert "22 layers, 150 million random weights, fp32" in page
    for fact in ("Some CPU (avx2), 4 cores, load 0.10", "python 3.11.7, onnxruntime 1.32.0", REPORT.measured_at):
        assert fact in page
    assert "**" not in page, "nothing to warn of"


def test_tables_are_whole() -> None:
    blocks = [block.splitlines() for block in REPORT.to_markdown().split("\n\n") if block.startswith("|")]
    assert len(blocks) == 4
    assert all(len({line.count("|") for line in block}) == 1 for block in blocks)


def test_a_stand_in_is_called_one_wherever_it_stands() -> None:
    page = replace(REPORT, quick=True, original=replace(ORIGINAL, n_layers=2, is_whole=False)).to_markdown()
    assert "| original" not in page
    assert "| 2-layer stand-in, ms |" in page
    assert "| 2-layer stand-in, padded |" in page
    assert "these ratios say nothing about the original" in page
    assert "quote none of its figures" in page


def test_a_page_without_the_comparison_says_how_to_get_it() -> None:
    page = replace(REPORT, original=None).to_markdown()
    assert "install the extra 'cpu'" in page
    assert "| files, MB | 25 |" in page


def test_a_busy_machine_and_unknown_facts_are_told() -> None:
    busy = replace(REPORT, machine=replace(MACHINE, load_average=3.0)).to_markdown()
    assert "The machine was busy" in busy
    bare = replace(
        REPORT,
        machine=replace(MACHINE, load_average=None, features=()),
        process=replace(REPORT.process, rss_mb=None),
    )
    assert "load unknown" in bare.to_markdown()
    assert "| memory over the bare interpreter, MB | not known here | 950 |" in bare.to_markdown()


def test_json_keeps_the_names() -> None:
    values = json.loads(json.dumps(REPORT.to_dict()))
    assert (values["format"], values["format_version"]) == ("turn-detection-bench", 1)
    assert values["latency"][0]["p99_ms"] == 1.75
    assert values["machine"]["cpu"] == "Some CPU"
    compared = values["original"]["comparisons"][0]
    assert compared["ratio"] == {"median": 45.0, "least": 45.0, "most": 45.0, "cpu_median": 90.0, "n_rounds": 3}
    assert replace(REPORT, original=None).to_dict()["original"] is None
