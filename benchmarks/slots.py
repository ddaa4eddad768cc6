"""What counting slots changes: verdicts with the rule off, from the bot's line (``auto``) and, on made speech, per family.

    python benchmarks/slots.py [--data ../shared/data/dialogues] [--bundle DIR] [--spoken 20000] [--seed 11] [--replies 4000] [--show]

Made speech is from held-out templates (``--part train`` to look at the others while working on the rules); dialogues are the held-out part
of the original protocol, whole replies and one prefix each. Prints Markdown tables; ``--show`` adds the items that the rule gets wrong.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turn_detection import TurnDetector
from turn_detection.config import load_config
from turn_detection.data.prepare import configured_split
from turn_detection.data.samples import labelled_prefixes, replies
from turn_detection.data.split import unit_hash
from turn_detection.data.spoken import spoken_samples
from turn_detection.detector import SLOT_MODES
from turn_detection.slots import shifted
from turn_detection.types import Context

HEADER = (
    "| items | n | accuracy off | accuracy auto | touched | verdicts changed | of them now wrong | partial: wait | complete: speak |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """An item with its truth."""

    group: str
    context: Context
    text: str
    is_end: bool


def made_speech(n: int, seed: int, part: str) -> list[Labelled]:
    drawn = spoken_samples(n, seed, part="train" if part == "train" else "validation")
    return [Labelled(made.family, made.context, made.text, made.label == "speak") for made in drawn]


def dialogues(folder: str, n_replies: int) -> list[Labelled]:
    config = load_config(["data=shared", f"data.paths=[{folder}]", "data.utterances=[]"])
    held_out = [
        reply
        for dialogue in configured_split(config.data, config.seed).validation
        for reply in replies(dialogue, history_turns=1)
    ]
    held_out.sort(key=lambda reply: unit_hash("validation", config.seed, reply.identity))
    return [
        Labelled(f"dialogues: {reply.source}", sample.context, sample.text, sample.label == "speak")
        for reply in held_out[:n_replies]
        for sample in labelled_prefixes(reply, seed=config.seed)
    ]


def compare(bundle: str | None, items: Sequence[Labelled], *, show: bool) -> None:
    """Print a row per group and one for all. The model is asked once: the rule only shifts what it answered."""
    off, auto = TurnDetector.load(bundle, slots="off"), TurnDetector.load(bundle, slots="auto")
    pairs = [(item.context, item.text) for item in items]
    plain = np.array([p.eot_probability for p in off.predict_batch(pairs)])
    steps = auto.encode_items(pairs).progress
    ruled = np.array([shifted(float(p), step) for p, step in zip(plain, steps, strict=True)])
    progress, truth = np.array(list(map(str, steps))), np.array([item.is_end for item in items])
    groups = np.array([item.group for item in items])
    for name in [*sorted(set(groups.tolist())), "all"]:
        mask = np.full(len(items), True) if name == "all" else groups == name
        row(name, plain >= off.threshold, ruled >= off.threshold, truth, progress, mask)
    if show:
        for index in np.flatnonzero(((progress == "partial") & truth) | ((progress == "complete") & ~truth)):
            print(progress[index], items[index])


def row(
    name: str, off: np.ndarray, auto: np.ndarray, truth: np.ndarray, progress: np.ndarray, mask: np.ndarray
) -> None:
    changed = mask & (off != auto)
    partial, complete = mask & (progress == "partial"), mask & (progress == "complete")
    print(
        f"| {name} | {mask.sum()} | {100 * np.mean(off[mask] == truth[mask]):.2f} | {100 * np.mean(auto[mask] == truth[mask]):.2f} | "
        f"{(partial | complete).sum()} | {changed.sum()} | {(auto[changed] != truth[changed]).sum()} | "
        f"{(~truth[partial]).sum()} of {partial.sum()} | {truth[complete].sum()} of {complete.sum()} |",
        flush=True,
    )


def seconds_per_item(bundle: str | None, items: Sequence[Labelled]) -> None:
    """Cost of reading the line and the message, beside that of encoding."""
    pairs = [(item.context, item.text) for item in items]
    for mode in SLOT_MODES:
        detector = TurnDetector.load(bundle, slots=mode)
        started = time.perf_counter()
        detector.encode_items(pairs)
        print(f"slots={mode}: {1e6 * (time.perf_counter() - started) / len(pairs):.1f} us an item before the engine")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data/dialogues", help="folder of the dialogue files")
    parser.add_argument("--bundle", help="folder; the shipped bundle by default")
    parser.add_argument("--spoken", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--part", choices=("validation", "train"), default="validation")
    parser.add_argument("--replies", type=int, default=4000)
    parser.add_argument("--show", action="store_true", help="print items that the rule gets wrong")
    arguments = parser.parse_args()
    sets = [
        made_speech(arguments.spoken, arguments.seed, arguments.part),
        dialogues(arguments.data, arguments.replies) if arguments.replies else [],
    ]
    print(HEADER)
    for items in filter(None, sets):
        compare(arguments.bundle, items, show=arguments.show)
    for items in filter(None, sets):
        seconds_per_item(arguments.bundle, items)


if __name__ == "__main__":
    main()
