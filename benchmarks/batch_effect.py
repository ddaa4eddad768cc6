"""How far an answer moves with the company it is scored in: ``python benchmarks/batch_effect.py [BUNDLE]``. Needs no training library."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from turn_detection import TurnDetector
from turn_detection.data.samples import protocol_samples
from turn_detection.data.sources import read_dialogues

DIALOGUES = Path(__file__).parents[1] / "data" / "demo_dialogues.jsonl"


def main() -> None:
    detector = TurnDetector.load(*sys.argv[1:2])
    items = [(sample.context, sample.text) for sample in protocol_samples(read_dialogues([DIALOGUES]))]
    alone = np.array([detector.predict(message, context).eot_probability for context, message in items])
    for batch_size in (8, 32):
        together = np.array([p.eot_probability for p in detector.predict_batch(items, batch_size=batch_size)])
        moved = np.abs(together - alone)
        flipped = np.mean((together >= detector.threshold) != (alone >= detector.threshold))
        print(
            f"{len(items)} items, batches of {batch_size}: mean |delta p| {moved.mean():.4f}, 99th percentile "
            f"{np.quantile(moved, 0.99):.3f}, largest {moved.max():.3f}, changed verdicts {flipped:.2%}"
        )


if __name__ == "__main__":
    main()
