"""Cut-offs against delay, next to a silence timer on the same pauses.

    python benchmarks/endpointing.py [--bundle DIR] [--data ../shared/data/dialogues] [--turns 4000] [--spoken 4000] [--json FILE] [--curve FILE]

Turns are replies of held-out dialogues and whole turns of made speech whose templates were held out. Prints Markdown; what the figures
mean stands in docs/endpointing_metrics.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turn_detection import EndpointingPolicy, TurnDetector
from turn_detection.config import load_config
from turn_detection.data.prepare import configured_split
from turn_detection.data.split import unit_hash
from turn_detection.evaluation.endpointing_curve import EndpointingCurve, endpointing_curve
from turn_detection.evaluation.moments import HeldOutTurn, ScoredTurns, moments_of
from turn_detection.evaluation.pause_lengths import DEFAULT_PAUSES, STRESS_PAUSES
from turn_detection.evaluation.pauses import PauseKind
from turn_detection.evaluation.tally import Band, tally
from turn_detection.held_out import dialogue_turns, spoken_turns

#: Points of the printed Pareto lines, in seconds of mean delay.
SHOWN_S = (0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0)
INSIDE_SENTENCES = [kind for kind in PauseKind if kind is not PauseKind.SENTENCE]


def shown(band: Band, scale: float, digits: int) -> str:
    if band.value != band.value:
        return "out of reach"
    width = f" ({scale * band.low:.{digits}f} to {scale * band.high:.{digits}f})" if band.low == band.low else ""
    return f"{scale * band.value:.{digits}f}{width}"


def print_readings(curve: EndpointingCurve) -> None:
    limits = [str(reading.limit) for reading in next(iter(curve.lines.values())).readings]
    print("| | " + " | ".join(f"{limit}, {'%' if 'ms' in limit else 'ms'} | ratio" for limit in limits) + " |")
    print("|---" * (1 + 2 * len(limits)) + "|")
    for name, line in curve.lines.items():
        cells = []
        for reading in line.readings:
            scale, digits = (100.0, 1) if reading.limit.max_delay_s is not None else (1000.0, 0)
            cells += [shown(reading.figure, scale, digits), shown(reading.ratio, 1.0, 2)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def print_lines(curve: EndpointingCurve) -> None:
    """Cut-offs per pause and per turn of the best policy within each mean delay."""
    print(
        "\n| cut-offs per pause / per turn, % | " + " | ".join(f"<= {1000 * delay:.0f} ms" for delay in SHOWN_S) + " |"
    )
    print("|---" * (1 + len(SHOWN_S)) + "|")
    for name, line in curve.lines.items():
        places = line.pareto()
        delays = line.outcomes.delay_s[places]
        cells = []
        for delay in SHOWN_S:
            within = places[delays <= delay + 1e-9]
            last = within[-1] if len(within) else None
            rates = (line.outcomes.per_pause, line.outcomes.per_turn)
            cells.append("–" if last is None else " / ".join(f"{100 * rate[last]:.1f}" for rate in rates))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def print_kinds(scored: ScoredTurns) -> None:
    """The fitted continuous line by kind of pause."""
    print(
        "\n| kind of pause | n | cut-offs at <= 300 ms, % | ratio | cut-offs at <= 600 ms, % | ratio |\n|---|---|---|---|---|---|"
    )
    groups: dict[str, Sequence[PauseKind]] = {kind.value: [kind] for kind in PauseKind}
    for name, kinds in {**groups, "all inside sentences": INSIDE_SENTENCES}.items():
        chosen = scored.only(kinds)
        if min(len(half.pause_turn) for half in chosen.halves()) < 30:
            continue
        readings = endpointing_curve(chosen).lines["continuous, fitted"].readings
        cells = [
            shown(figure, *form)
            for reading in readings[:2]
            for figure, form in ((reading.figure, (100, 1)), (reading.ratio, (1, 2)))
        ]
        print(f"| {name} | {len(chosen.pause_turn)} | " + " | ".join(cells) + " |", flush=True)


def score(detector: TurnDetector, turns: Sequence[HeldOutTurn]) -> ScoredTurns:
    moments = moments_of(turns)
    return moments.scored([answer.eot_probability for answer in detector.predict_batch(moments.items)])


def page_curve(curve: dict[str, Any]) -> dict[str, Any]:
    """What the server's page shows of a curve: its lines, without readings and differences."""
    lines = {
        name: {"line": [[round(figure, 4) for figure in point] for point in line["line"]]}
        for name, line in curve["lines"].items()
    }
    data = "whole turns of made speech, templates held out"
    return {"data": data, "pauses": curve["pauses"], "n": curve["n"], "lines": lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", help="folder; the shipped bundle by default")
    parser.add_argument(
        "--data", default="../shared/data/dialogues", help="folder of the dialogue files; empty for none"
    )
    parser.add_argument("--turns", type=int, default=4000)
    parser.add_argument("--spoken", type=int, default=4000, help="samples; half of them are whole turns")
    parser.add_argument("--json", type=Path, help="also write all lines here")
    parser.add_argument("--curve", type=Path, help="also write the curve.json of a bundle: the lines of made speech")
    arguments = parser.parse_args()
    detector = TurnDetector.load(arguments.bundle)
    sets: dict[str, list[HeldOutTurn]] = {}
    if arguments.data:
        config = load_config(["data=shared", f"data.paths=[{arguments.data}]", "data.utterances=[]"])
        replies = list(dialogue_turns(configured_split(config.data, config.seed).validation))
        # Whole dialogues, chosen by hash, so that turns stay with their neighbours when dialogues are resampled.
        replies.sort(key=lambda turn: (unit_hash("endpointing", turn.dialogue_id), turn.turn_id))
        sets["written dialogue"] = replies[: arguments.turns]
    sets["made speech"] = list(spoken_turns(arguments.spoken, 11))
    written: dict[str, list[dict[str, Any]]] = {}
    for name, turns in sets.items():
        scored = score(detector, turns)
        for lengths in (DEFAULT_PAUSES, *STRESS_PAUSES):
            curve = endpointing_curve(scored, lengths)
            written.setdefault(name, []).append(curve.to_dict())
            print(
                f"\n### {name}, pauses {curve.pauses}: {curve.n_turns} turns of {curve.n_dialogues} dialogues, "
                f"{curve.n_pauses} mid-turn pauses\n"
            )
            print_readings(curve)
            print_lines(curve)
            default = tally([EndpointingPolicy()], scored.halves()[1], lengths).outcomes()
            print(
                f"\ndefault policy: {100 * default.per_pause[0]:.1f} % cut-offs per pause, {100 * default.per_turn[0]:.1f} % per turn, "
                f"{1000 * default.delay_s[0]:.0f} ms"
            )
        print_kinds(scored)
    if arguments.json:
        arguments.json.write_text(json.dumps(written, ensure_ascii=False) + "\n", encoding="utf-8")
    if arguments.curve:
        arguments.curve.write_text(json.dumps(page_curve(written["made speech"][0]), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
