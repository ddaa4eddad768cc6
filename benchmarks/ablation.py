"""What each part of the recipe gains: short runs on the same share of the data, one change each.

    python benchmarks/ablation.py --encoder encoders/e5ru --share 0.15 [--only base,no_spoken] [--output ablation.json] [KEY=VALUE ...]

Every variant is one ordinary ``train`` of one pass over a share of the replies, then judged on the protocol's validation samples and on
made speech whose templates were held out. Prints a Markdown table; the figures of a small share rank ideas, they are not the shipped
model's. ``student`` learns from the network that ``12_layers`` left, so it comes after it.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from turn_detection.config import load_config
from turn_detection.evaluation.metrics import binary_metrics
from turn_detection.training.checkpoint import checkpoint_detector, load_checkpoint
from turn_detection.training.rows import spoken
from turn_detection.training.run import train
from turn_detection.types import TurnLabel

SOURCES = ("anekdots", "movies", "plays", "fiction", "short_qa", "autoservice", "smarthome")

FOLDER = "ablation"

#: Overrides of each variant over the shipped recipe.
VARIANTS: dict[str, list[str]] = {
    "base": [],
    "random_cut": ["train.cuts=random"],
    "both_ways_random_cut": ["train.cuts=random", "model.attention=full"],
    "no_spoken": ["data.spoken_samples=0"],
    "no_context": ["model.history_turns=0"],
    "12_layers": ["model.n_layers=12"],
    "3_layers": ["model.n_layers=3"],
    "student": [f"train.teachers=[{FOLDER}/ablation-12_layers/best.ckpt]", "train.teacher_share=0.5"],
}


@dataclass(frozen=True)
class Outcome:
    """One variant's figures; ``seconds`` is wall time of training with its reading and encoding."""

    variant: str
    roc_auc: float
    best_f1: float
    log_loss: float
    spoken_accuracy: float
    seconds: float


def run(variant: str, settings: list[str], *, n_spoken: int) -> Outcome:
    started = time.monotonic()
    result = train(load_config([*settings, *VARIANTS[variant], f"run_name=ablation-{variant}"]))
    seconds = time.monotonic() - started
    checkpoint = load_checkpoint(result.best_checkpoint)
    figures = checkpoint.metrics
    detector = checkpoint_detector(checkpoint)
    made = spoken(n_spoken, seed=7, part="validation")
    answers = detector.predict_batch([(sample.context, sample.text) for sample in made])
    p = np.array([answer.eot_probability for answer in answers])
    is_end = np.array([sample.label is TurnLabel.SPEAK for sample in made])
    return Outcome(
        variant,
        figures["val/roc_auc"],
        figures["val/best_f1"],
        figures["val/log_loss"],
        binary_metrics(is_end, p)["accuracy"],
        seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True, help="folder of the pretrained encoder")
    parser.add_argument("--data", default="../shared/data/dialogues", help="folder of the dialogue files")
    parser.add_argument("--share", type=float, default=0.15, help="of the replies of every source")
    parser.add_argument("--spoken", type=int, default=18_000, help="made samples in training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default=",".join(VARIANTS), help="variants, comma separated")
    parser.add_argument("--output", type=Path, help="JSON")
    parser.add_argument("settings", nargs="*", help="KEY=VALUE for all variants, e.g. data.openings=false")
    arguments = parser.parse_args()
    settings = [
        "experiment=e5ru",
        "data=shared",
        f"data.paths=[{arguments.data}]",
        *(f"data.source_shares.{source}={arguments.share}" for source in SOURCES),
        f"data.spoken_samples={arguments.spoken}",
        f"model.encoder={arguments.encoder}",
        f"train.n_threads={arguments.threads}",
        "train.max_epochs=1",
        "train.max_minutes=null",
        "train.validations=1",
        f"train.checkpoint_dir={FOLDER}",
        "train.tracking_uri=sqlite:///ablation.db",
        *arguments.settings,
    ]
    outcomes = []
    print("| variant | ROC-AUC | best F1 | log-loss | made speech, accuracy | seconds |\n|---|---|---|---|---|---|")
    for variant in arguments.only.split(","):
        outcome = run(variant, settings, n_spoken=4000)
        outcomes.append(outcome)
        print(
            f"| {outcome.variant} | {outcome.roc_auc:.4f} | {outcome.best_f1:.4f} | {outcome.log_loss:.4f} | "
            f"{outcome.spoken_accuracy:.3f} | {outcome.seconds:.0f} |",
            flush=True,
        )
        if arguments.output:
            arguments.output.write_text(json.dumps([asdict(entry) for entry in outcomes], indent=2) + "\n")


if __name__ == "__main__":
    main()
