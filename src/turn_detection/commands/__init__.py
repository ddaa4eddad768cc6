"""The command line: ``python -m turn_detection.commands`` and the console script ``turn-detection``.

Each module holds the commands of one stage. What they need is imported inside them, so that ``infer`` with a bundle runs on the light install.
"""

from . import (
    benching,
    dialogues,
    downloading,
    evaluating,
    hub,
    judging,
    plotting,
    registry,
    serving,
    sweeping,
    tabulating,
    training,
)
from .app import app, main

__all__ = [
    "app", "benching", "dialogues", "downloading", "evaluating", "hub", "judging", "main", "plotting", "registry", "serving", "sweeping", "tabulating", "training",
]  # fmt: skip
