"""The tables of an evaluation report, from the plain ``report.json`` layout; see ``report.py`` for what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .report_endpointing import endpointing_tables
from .report_table import NONE, Cell, Column, Table, Tone, count, escaped, figure, number, p_value, share, word

Report = Mapping[str, Any]

METRICS: Mapping[str, str] = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "tnr_at_tpr_993": "TNR at TPR 99.3 %",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "ece": "ECE",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall (ends recognised)",
    "specificity": "specificity (pauses recognised)",
    "accuracy": "accuracy",
}
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece"})
MISSES_SHOWN = 200
_SLICE_METRICS = ("accuracy", "roc_auc", "f1", "recall", "specificity", "log_loss")
_COUNTS = {
    "true_speak": "speak → speak",
    "false_wait": "speak → wait",
    "true_wait": "wait → wait",
    "false_speak": "wait → speak",
}
_THRESHOLDS = {"own": "the model's own", "half": "one half"}
_CONTEXTS = {"true": "as they were", "none": "left out", "shuffled": "of another item"}


def report_tables(report: Report) -> list[Table]:
    """All tables that the report has figures for, in the order of the page."""
    return [
        overall_table(report["overall"]),
        thresholds_table(report["overall"]),
        *(endpointing_tables(report["endpointing"]) if report["endpointing"] else []),
        *([slices_table(report["slices"])] if report["slices"] else []),
        *([tiers_table(report["tiers"])] if report["tiers"] else []),
        *([categories_table(report["cases"]["by_category"])] if report["cases"]["by_category"] else []),
        *(table for index, one in enumerate(report["comparisons"]) for table in comparison_tables(report, one, index)),
        *([stability_table(report["stability"])] if report["stability"] else []),
        *([context_table(report["context_use"])] if report["context_use"] else []),
        *([reliability_table(report["overall"])] if report["overall"]["plots"]["reliability"] else []),
        *([misses_table(report["cases"]["misses"])] if report["cases"]["misses"] else []),
        facts_table(report["facts"]),
    ]


def tables_markdown(report: Report) -> str:
    """Every table but the list of misses as Markdown, for a README or a model card."""
    facts = report["facts"]
    parts = [f"# Evaluation of {escaped(facts['model']['name'])} on {escaped(facts['data']['name'])}"]
    for table in report_tables(report):
        if table.name != "misses":
            parts += [f"## {escaped(table.caption)}", table.to_markdown()]
    parts += [f"* {escaped(note)}" for note in report["notes"]]
    return "\n\n".join(parts) + "\n"


def overall_table(overall: Report) -> Table:
    rows = tuple((word(METRICS[key]), figure(band)) for key, band in overall["metrics"].items())
    return Table("overall", "Figures that need no threshold", (Column("", is_number=False), Column("figure")), rows)


def thresholds_table(overall: Report) -> Table:
    at = overall["at_thresholds"]
    columns = (Column("", is_number=False), *(Column(_THRESHOLDS.get(one["name"], one["name"])) for one in at))
    rows = [(word("threshold"), *(number(one["threshold"], 2) for one in at))]
    rows += [(word(METRICS[key]), *(figure(one["figures"][key]) for one in at)) for key in at[0]["figures"]]
    rows += [(word(title), *(count(one["counts"][key]) for one in at)) for key, title in _COUNTS.items()]
    return Table("thresholds", "Decisions at a threshold (counts: label → verdict)", columns, tuple(rows))


def slices_table(slices: list[Report]) -> Table:
    columns = (
        *(Column(title, is_number=False) for title in ("slice", "by")),
        *(Column(title) for title in ("items", "whole turns")),
        *(Column(_short(key), bars=key == "accuracy") for key in _SLICE_METRICS),
    )
    rows = tuple(
        (
            word(one["name"]),
            word(one["group"]),
            count(one["n"]),
            count(one["n_speak"]),
            *(figure(one["metrics"][key], 3) for key in _SLICE_METRICS),
        )
        for one in slices
    )
    return Table("slices", "By what is in the reply and around it", columns, rows, grouped=1)


def tiers_table(tiers: Report) -> Table:
    rows: list[tuple[Cell, ...]] = []
    clear = tiers["unambiguous"]
    if clear:
        figures = (figure(clear["metrics"][key]) for key in ("roc_auc", "accuracy", "log_loss"))
        rows.append((word("unambiguous"), count(clear["n"]), *figures))
    unclear = (word(NONE), word(NONE), figure(tiers["ambiguous_log_loss"]))
    rows.append((word("ambiguous"), count(tiers["n_ambiguous"]), *unclear))
    columns = (Column("tier", is_number=False), Column("items"), *map(Column, ("ROC-AUC", "accuracy", "log-loss")))
    return Table("tiers", "Unambiguous and ambiguous items", columns, tuple(rows))


def categories_table(categories: list[Report]) -> Table:
    columns = (
        Column("category", is_number=False),
        Column("items"),
        Column("right"),
        Column("accuracy", bars=True),
        *(Column(title) for title in _COUNTS.values()),
    )
    rows = tuple(
        (
            word(one["category"]),
            count(one["n"]),
            count(one["n_right"]),
            figure(one["accuracy"], 3),
            *(count(one["counts"][key]) for key in _COUNTS),
        )
        for one in categories
    )
    return Table("categories", "Confusion by category (counts: label → verdict)", columns, rows)


def comparison_tables(report: Report, comparison: Report, index: int) -> Iterator[Table]:
    """Figures of both with their difference, and how often one is right where the other is wrong."""
    this, other = report["facts"]["model"]["name"], comparison["other"]["judge"]["name"]
    columns = (
        Column("", is_number=False),
        Column(this),
        Column(other),
        Column("difference", bars=True, reference=0.0),
        Column("p"),
        Column(f"{this} is", is_number=False),
    )
    rows = []
    for one in comparison["differences"]:
        tone = verdict(one["metric"], one["difference"])
        said = {"good": "better", "bad": "worse", "": "not clearly different"}[tone]
        has_interval = one["difference"]["low"] is not None
        rows.append(
            (
                word(METRICS[one["metric"]]),
                number(one["this"]),
                number(one["other"]),
                figure(one["difference"], signed=True),
                p_value(one["p"]),
                Cell(said, tone=tone) if has_interval else word(None),
            )
        )
    yield Table(f"comparison-{index + 1}", f"{this} against {other}", columns, tuple(rows))
    pairs = comparison["mcnemar"]
    keys = ("both_right", "only_this_right", "only_other_right", "both_wrong")
    titles = ("both right", f"only {this}", f"only {other}", "both wrong")
    yield Table(
        f"mcnemar-{index + 1}",
        f"Who was right: {this} and {other} on the same items (McNemar)",
        (Column("", is_number=False), *map(Column, titles), Column("p")),
        ((word("items"), *(count(pairs[key]) for key in keys), p_value(pairs["p"])),),
    )


def verdict(metric: str, difference: Report) -> Tone:
    """Good or bad where the interval leaves zero out, else nothing."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None or low <= 0 <= high:
        return ""
    return "good" if (low > 0) != (metric in LOWER_IS_BETTER) else "bad"


def stability_table(stability: Report) -> Table:
    columns = (
        Column("another spelling", is_number=False),
        *map(Column, ("items it changes", "verdicts it changes", "mean change of p", "largest change of p")),
    )
    rows = tuple(
        (
            word(one["name"]),
            count(one["n"]),
            share(one["changed_verdicts"], 2),
            number(one["mean_delta_p"]),
            number(one["largest_delta_p"]),
        )
        for one in stability["edits"]
    )
    return Table("stability", "Does spelling change the answer?", columns, rows)


def context_table(context: Report) -> Table:
    keys = list(context["rows"][0]["metrics"])
    columns = (
        Column("the bot's words", is_number=False),
        *(Column(_short(key)) for key in keys),
        *map(Column, ("verdicts changed", "mean change of p")),
    )
    rows: list[tuple[Cell, ...]] = []
    for one in context["rows"]:
        changes = (share(one["changed_verdicts"]), number(one["mean_delta_p"], 3))
        name = _CONTEXTS.get(one["context"], one["context"])
        rows.append((word(name), *(figure(one["metrics"][key], 3) for key in keys), *changes))
        if one["differences"]:
            differences = (figure(one["differences"][key], 3, signed=True) for key in keys)
            rows.append((word(f"{name}: difference"), *differences, word(None), word(None)))
    return Table("context", "What the bot's words are worth", columns, tuple(rows))


def reliability_table(overall: Report) -> Table:
    columns = (
        Column("probability", is_number=False),
        *map(Column, ("items", "mean probability", "turns that were over")),
    )
    rows = tuple(
        (
            word(f"{one['low']:.1f} to {one['high']:.1f}"),
            count(one["n"]),
            share(one["mean_p"]),
            share(one["speak_share"]),
        )
        for one in overall["plots"]["reliability"]
    )
    return Table("reliability", "Probability against frequency", columns, rows)


def misses_table(misses: list[Report]) -> Table:
    """The first :data:`MISSES_SHOWN`, the surest first."""
    columns = (
        *(Column(title, is_number=False) for title in ("item", "category", "source", "should be")),
        Column("probability of the end"),
    )
    rows = tuple(
        (word(one["id"]), word(one["category"]), word(one["source"]), word(one["label"]), number(one["p"], 3))
        for one in misses[:MISSES_SHOWN]
    )
    shown = f"the {MISSES_SHOWN} surest of {len(misses):,}" if len(misses) > MISSES_SHOWN else f"{len(misses):,}"
    return Table("misses", f"Wrong verdicts at the model's own threshold: {shown}", columns, rows)


def facts_table(facts: Report) -> Table:
    model, data = facts["model"], facts["data"]
    digest = f"{model['sha256']} ({model['sha256_of']})" if model["sha256"] else None
    weights = f", {model['precision']}" if model["precision"] else ""
    pairs = {
        "model": f"{model['name']} ({model['kind']}{weights}), threshold {model['threshold']:g}",
        "SHA-256 of the model": digest,
        "data": f"{data['name']} ({data['kind']})",
        "items": f"{data['n_items']:,}: {data['n_speak']:,} whole turns, {data['n_wait']:,} unfinished",
        **{f"SHA-256 of {file['name']}": f"{file['sha256']} ({file['n_bytes']:,} bytes)" for file in data["files"]},
        "intervals": f"{facts['confidence']:.0%}, {facts['n_resamples']:,} resamples of {data['n_groups']:,} groups "
        f"(by {data['grouping']}), seed {facts['seed']}",
        "command": facts["command"],
        "created": facts["created"],
        "machine": f"{facts['cpu']}, {facts['platform']}; took {facts['seconds']:.1f} s",
        "versions": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
    }
    rows = tuple((word(key), word(value)) for key, value in pairs.items())
    return Table("facts", "Facts of this run", (Column("", is_number=False), Column("", is_number=False)), rows)


def _short(key: str) -> str:
    return METRICS[key].split(" (")[0]
