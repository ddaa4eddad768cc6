"""Share of verdicts that change with the spelling of the same speech.

    python benchmarks/stability.py --data ../shared/data/dialogues [--bundle DIR] [--replies 2000] [--spoken 2000]

Items are raw replies of held-out dialogues with one raw prefix each, and made speech from held-out templates. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from itertools import islice

from turn_detection import TurnDetector
from turn_detection.config import load_config
from turn_detection.data.prepare import configured_split
from turn_detection.data.samples import Reply, cut, replies
from turn_detection.data.split import unit_hash
from turn_detection.data.spoken import spoken_samples
from turn_detection.evaluation.stability import surface_stability
from turn_detection.types import Context


def moments(reply: Reply) -> list[tuple[Context, str]]:
    """The reply as it was written, and a prefix of it by its own spaces."""
    words = reply.text.split()
    n_words = min(cut(reply) or 0, len(words) - 1)
    found: list[tuple[Context, str]] = [(reply.context, reply.text)]
    return [*found, (reply.context, " ".join(words[:n_words]))] if n_words > 0 else found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data/dialogues", help="folder of the dialogue files")
    parser.add_argument("--bundle", help="folder; the shipped bundle by default")
    parser.add_argument("--replies", type=int, default=2000)
    parser.add_argument("--spoken", type=int, default=2000)
    arguments = parser.parse_args()
    config = load_config(["data=shared", f"data.paths=[{arguments.data}]", "data.utterances=[]"])
    held_out = [
        reply for dialogue in configured_split(config.data, config.seed).validation for reply in replies(dialogue)
    ]
    held_out.sort(key=lambda reply: unit_hash("stability", reply.identity))
    sets = {
        "written dialogue": [moment for reply in held_out[: arguments.replies] for moment in moments(reply)],
        "made speech": [
            (made.context, made.text) for made in islice(spoken_samples(arguments.spoken, 11, part="validation"), None)
        ],
    }
    detector = TurnDetector.load(arguments.bundle)
    print("| items | edit | n | changed verdicts | mean abs. delta p | largest |\n|---|---|---|---|---|---|")
    for name, items in sets.items():
        for edit, figure in surface_stability(detector, items).items():
            print(
                f"| {name} | {edit} | {figure.n} | {100 * figure.changed_verdicts:.2f} % | {figure.mean_delta:.4f} | "
                f"{figure.largest_delta:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
