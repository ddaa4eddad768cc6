"""Time and rounding of graphs side by side: ``python benchmarks/graph_speed.py BUNDLE [GRAPH ...]``. Needs no training library.

The bundle must hold ``plain/model.onnx``, which says what is exact and how long that takes. Calls alternate between the graphs, so that
whatever else the machine does meets all of them; compare ratios. One thread, one item; every timed call follows another of its graph.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from turn_detection.backends.onnx import OnnxBackend
from turn_detection.bundle import open_bundle
from turn_detection.calibration import Calibration
from turn_detection.data.samples import protocol_samples
from turn_detection.data.sources import read_dialogues
from turn_detection.encoding import EncodedBatch, Encoder

DIALOGUES = Path(__file__).parents[1] / "data" / "demo_dialogues.jsonl"
N_TOKENS, N_CALLS = 32, 300


def main() -> None:
    bundle = open_bundle(sys.argv[1])
    folder = bundle.model_path.parent
    paths = [folder / "plain" / "model.onnx", bundle.model_path, *map(Path, sys.argv[2:])]
    graphs = [OnnxBackend(path) for path in paths]
    encoder, calibration = bundle.encoder(), Calibration(bundle.manifest.temperature, bundle.manifest.bias)
    ms = timed(graphs, item(encoder))
    rows = [encoder.encode(s.context, s.text) for s in protocol_samples(read_dialogues([DIALOGUES]))]
    exact = answers(graphs[0], encoder, rows, calibration, 32)
    for path, graph, times in zip(paths, graphs, ms, strict=True):
        together = answers(graph, encoder, rows, calibration, 32)
        alone = answers(graph, encoder, rows, calibration, 1)
        moved, company = np.abs(together - exact), np.abs(together - alone)
        print(
            f"{path}: {times.min():.2f} / {np.median(times):.2f} ms (least / median), ratio to fp32 "
            f"{times.min() / ms[0].min():.2f} / {np.median(times) / np.median(ms[0]):.2f}; {len(rows)} items, |delta p| to fp32 mean "
            f"{moved.mean():.4f}, largest {moved.max():.3f}, changed verdicts {np.mean((together >= 0.5) != (exact >= 0.5)):.2%}; "
            f"batches of 32 against alone {company.mean():.4f} / {company.max():.4f}"
        )


def item(encoder: Encoder) -> EncodedBatch:
    ids = np.random.default_rng(0).integers(10, encoder.vocabulary_size - 10, (1, N_TOKENS))
    ids[0, 0], ids[0, N_TOKENS // 2] = encoder.cls_id, encoder.sep_id
    return EncodedBatch(ids, np.ones_like(ids))


def timed(graphs: list[OnnxBackend], batch: EncodedBatch) -> list[np.ndarray]:
    """Milliseconds of each call, ``(N_CALLS,)`` for each graph."""
    times: list[list[float]] = [[] for _ in graphs]
    for _ in range(N_CALLS):
        for graph, taken in zip(graphs, times, strict=True):
            graph.logits(batch)
            started = time.perf_counter()
            graph.logits(batch)
            taken.append((time.perf_counter() - started) * 1e3)
    return [np.array(taken) for taken in times]


def answers(
    graph: OnnxBackend, encoder: Encoder, rows: list[list[int]], calibration: Calibration, batch_size: int
) -> np.ndarray:
    """Probabilities, ``(n_rows,)``; rows of like length share a batch, as in the detector."""
    found = np.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        found[chosen] = calibration.probabilities(graph.logits(encoder.pad([rows[index] for index in chosen])))
    return found


if __name__ == "__main__":
    main()
