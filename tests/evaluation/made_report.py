"""A report with every part filled, from figures that are made up but hang together; its values are those of the real report."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from turn_detection.evaluation.endpointing_curve import TIMER
from turn_detection.evaluation.report import (
    AtThreshold,
    Cases,
    Category,
    Comparison,
    ContextRow,
    ContextUse,
    Counts,
    DataFacts,
    Difference,
    Edit,
    Endpointing,
    Facts,
    FileFacts,
    JudgeCurves,
    JudgeFacts,
    JudgeFigures,
    McNemar,
    Missed,
    Plots,
    Report,
    Slice,
    Stability,
    Tiers,
)
from turn_detection.evaluation.tally import Band

METRICS = ("roc_auc", "average_precision", "tnr_at_tpr_993", "log_loss", "brier", "ece")
VERDICTS = ("f1", "precision", "recall", "specificity", "accuracy")
UNKNOWN = Band(math.nan, math.nan, math.nan)


def band(value: float, reach: float = 0.01) -> Band:
    return Band(value, value - reach, value + reach)


def figures(name: str, kind: str = "baseline", skill: float = 0.9) -> JudgeFigures:
    """Curves of a judge whose ROC is ``fpr ** (1 - skill)``."""
    rates = [step / 50 for step in range(51)]
    power = 1 - skill
    counts = Counts(true_speak=165, false_speak=22, true_wait=187, false_wait=26)
    return JudgeFigures(
        judge=JudgeFacts(name, kind, 0.52, "9f" * 32, f"{name}.npz", None),
        metrics={key: band(skill if key in METRICS[:3] else 1 - skill) for key in METRICS},
        at_thresholds=tuple(
            AtThreshold(which, threshold, counts, {key: band(skill) for key in VERDICTS})
            for which, threshold in (("own", 0.52), ("half", 0.5))
        ),
        plots=Plots(
            roc=tuple((rate, rate**power) for rate in rates),
            precision_recall=tuple((rate, 1 - 0.5 * rate ** (1 / power)) for rate in rates),
            reliability=tuple(
                {"low": n / 10, "high": (n + 1) / 10, "n": 20 + 10 * abs(n - 5), "mean_p": n / 10 + 0.05, "speak_share": n / 10 + 0.04}
                for n in range(10)
            ),
            histogram={
                "edges": tuple(n / 20 for n in range(21)),
                "speak": tuple(n * n / 10 for n in range(20)),
                "wait": tuple((19 - n) ** 2 / 10 for n in range(20)),
            },
        ),
    )  # fmt: skip


def curve(pauses: str, gain: float) -> dict[str, Any]:
    """Lines as ``EndpointingCurve.to_dict`` writes them; ``gain`` is how far the model's lie under the silence timer's."""
    delays = [0.2 + step / 20 for step in range(50)]

    def line(share: float) -> dict[str, Any]:
        rows = [
            [round(delay, 5), share * math.exp(-2 * (delay - 0.2)), 0.7 * share * math.exp(-2 * (delay - 0.2))]
            for delay in delays
        ]
        readings = [
            {
                "limit": limit,
                "figure": Band(figure, figure - 0.01, figure + 0.01).to_dict(),
                "ratio_to_silence_timer": band(share).to_dict(),
                "policy": {"min_delay_s": 0.2, "max_delay_s": 1.0, "threshold": 0.5, "gamma": 0.4, "mode": "binary"},
                "cutoffs_per_pause": rows[place][1],
                "cutoffs_per_turn": rows[place][2],
                "delay_s": rows[place][0],
            }
            for place, limit, figure in (
                (2, "cut-offs at <= 300 ms", share * 0.8),
                (8, "cut-offs at <= 600 ms", share * 0.4),
                (30, "delay at <= 5 % cut-offs", 1.5),
                (20, "delay at <= 10 % cut-offs", 1.1),
            )
        ]  # fmt: skip
        return {"readings": readings, "line": rows}

    return {
        "pauses": pauses,
        "n": {"dialogues": 82, "turns": 198, "pauses": 425, "ends": 198},
        "lines": {
            TIMER: line(1.0),
            "binary": line(0.9 * gain),
            "binary, fitted": line(0.95 * gain),
            "continuous, fitted": line(gain),
        },
    }


def a_slice(group: str, name: str) -> Slice:
    metrics = {key: band(0.9) for key in ("roc_auc", "accuracy", "f1", "recall", "specificity", "log_loss", "brier")}
    return Slice(group, name, 220, 103, 117, 55, metrics)


def made_report(model: str = "toy-ru-int8") -> Report:
    this = figures(model, "bundle", 0.9)
    other = figures("last words", skill=0.8)
    counts = Counts(200, 9, 201, 10)
    return Report(
        facts=Facts(
            created="2026-11-25T12:00:00+00:00",
            command="turn-detection evaluate --against last_words.npz --report report",
            model=this.judge,
            data=DataFacts("made speech", "made", (FileFacts("demo.jsonl", "ab" * 32, 81599),), 400, 188, 212, 102, "dialogue"),
            seed=0,
            n_resamples=1000,
            confidence=0.95,
            sample=200,
            cpu="Some CPU @ 2.5 GHz",
            platform="Linux",
            versions={"turn-detection": "0.1.0", "numpy": "2.4.6"},
            seconds=41.2,
        ),
        overall=this,
        slices=(a_slice("reply length", "1 word"), a_slice("reply length", "2 words"), a_slice("context", "none")),
        cases=Cases(
            by_category=(Category("phone", 420, 401, band(0.95), counts), Category("email", 210, 180, band(0.85), counts)),
            misses=tuple(Missed(f"made:{n}", "phone", "spoken", "wait", 0.99 - n / 1000) for n in range(230)),
        ),
        tiers=Tiers(a_slice("tier", "unambiguous"), 31, 0, band(0.58)),
        stability=Stability(200, (Edit("upper case", 200, 0.0, 0.0, 0.0), Edit("all", 400, 0.0025, 0.0011, 0.21))),
        context_use=ContextUse(
            170,
            (
                ContextRow("true", {"roc_auc": band(0.9)}, {}, 0.0, 0.0),
                ContextRow("none", {"roc_auc": band(0.88)}, {"roc_auc": band(-0.02, 0.005)}, 0.06, 0.05),
            ),
        ),
        comparisons=(
            Comparison(
                other,
                (
                    Difference("roc_auc", 0.9, 0.8, band(0.1), 0.002),
                    Difference("log_loss", 0.1, 0.2, band(-0.1), 0.002),
                    Difference("ece", 0.1, 0.02, band(0.08), 0.002),
                    Difference("f1", 0.9, 0.899, band(0.001), 0.7),
                ),
                McNemar(310, 42, 15, 33, 1.3e-31),
            ),
        ),
        endpointing=Endpointing(
            "whole turns of made speech",
            False,
            (
                JudgeCurves(model, (curve("eot-bench", 0.6), curve("p95=1.4", 0.7))),
                JudgeCurves("last words", (curve("eot-bench", 0.8),)),
            ),
        ),
        notes=("Items without a dialogue were resampled by identical context.",),
    )  # fmt: skip


def bare_report() -> Report:
    """A report of few items with one label and nothing to compare with: every part that may be missing is."""
    full = made_report()
    counts = Counts(true_speak=3, false_speak=0, true_wait=0, false_wait=1)
    rates = {
        "f1": band(0.86),
        "precision": band(1.0),
        "recall": band(0.75),
        "specificity": UNKNOWN,
        "accuracy": band(0.75),
    }
    unknown = {key: UNKNOWN if key in METRICS[:3] else Band(0.3, math.nan, math.nan) for key in METRICS}
    return replace(
        full,
        overall=replace(
            full.overall,
            metrics=unknown,
            at_thresholds=tuple(replace(one, counts=counts, figures=rates) for one in full.overall.at_thresholds),
            plots=replace(full.overall.plots, roc=(), precision_recall=()),
        ),
        slices=(),
        cases=Cases((), ()),
        tiers=None,
        stability=None,
        context_use=None,
        comparisons=(),
        endpointing=None,
        notes=(),
    )  # fmt: skip
