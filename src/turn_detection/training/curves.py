"""Training curves of tracked runs as pictures: loss and validation figures against steps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InvalidInputError, MissingExtraError, OutputError
from ..writing import write_whole
from .tracked import TrackedRun


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: its file, what is drawn, the axis's label; ``smooth`` adds a running mean to noisy figures."""

    file: str
    metric: str
    label: str
    smooth: bool = False


PLOTS = (
    Plot("train_loss.png", "train/loss", "training loss (cross-entropy, per batch)", smooth=True),
    Plot("validation_loss.png", "val/log_loss", "validation loss (cross-entropy)"),
    Plot("validation_roc_auc.png", "val/roc_auc", "validation ROC-AUC"),
)
METRICS = tuple(plot.metric for plot in PLOTS)
#: Points of the running mean.
_WINDOW = 15
#: Colours of a written picture, shades of the edges included.
_PALETTE = 256
_COLOURS = ("#1d5fa8", "#c2570c", "#2f7d4f", "#8a3ea8", "#a8324a", "#5b6470")
_STYLE: Any = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.edgecolor": "#7a828c",
    "axes.labelcolor": "#22272e",
    "grid.color": "#e3e6ea",
    "xtick.color": "#4b535d",
    "ytick.color": "#4b535d",
    "lines.linewidth": 1.8,
    "savefig.facecolor": "white",
}


def write_curves(runs: Sequence[TrackedRun], folder: str | Path) -> list[Path]:
    """Draw :data:`PLOTS` of ``runs``, one run after the other, into ``folder``; all are drawn before the first is written.

    Args:
        runs: in the order in which one's weights became the next one's.
        folder: created where it is missing; files of these names are replaced.

    Returns:
        The files.

    Raises:
        InvalidInputError: a figure that no run has tracked.
        OutputError: not writable.
        MissingExtraError: matplotlib is not installed.
    """
    pictures = {plot.file: draw(plot, runs) for plot in PLOTS}
    folder = Path(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            error.errno, f"cannot make the folder {folder}: {error.strerror}; nothing was written"
        ) from error
    for name, picture in pictures.items():
        write_whole(folder / name, picture)
    return [folder / name for name in pictures]


def draw(plot: Plot, runs: Sequence[TrackedRun]) -> bytes:
    """One picture as PNG. Equal runs give equal bytes.

    Raises:
        InvalidInputError: no run has tracked the figure.
        MissingExtraError: matplotlib is not installed.
    """
    if not any(plot.metric in run.curves for run in runs):
        names = ", ".join(run.name for run in runs)
        raise InvalidInputError(
            f"'{plot.metric}' is not tracked in {names}; wait for the first validation or name another run"
        )
    try:
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.ticker import StrMethodFormatter
    except ImportError as error:
        raise MissingExtraError("Drawing", "cpu", error.name) from error
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(8, 4.2), layout="constrained")
        axes = figure.add_subplot()
        offset = 0
        for index, run in enumerate(runs):
            _draw_run(axes, plot, run, offset, _COLOURS[index % len(_COLOURS)])
            offset += run.n_steps
            if index + 1 < len(runs):
                axes.axvline(offset, color="#9aa2ac", linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_xlim(0, 1.01 * max(offset, 1))
        axes.set_xlabel("optimiser steps")
        axes.set_ylabel(plot.label)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.legend(frameon=False, ncols=min(len(runs), 5), loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=110)
    return _small(drawn)


def _draw_run(axes: Any, plot: Plot, run: TrackedRun, offset: int, colour: str) -> None:
    curve = run.curves.get(plot.metric)
    if curve is None:
        return
    steps = offset + curve.steps + 1
    if not plot.smooth:
        axes.plot(steps, curve.values, color=colour, marker="o", markersize=4.5, label=run.name)
        return
    axes.plot(steps, curve.values, color=colour, alpha=0.3, linewidth=1.0)
    axes.plot(steps, running_mean(curve.values, _WINDOW), color=colour, label=run.name)


def _small(drawn: io.BytesIO) -> bytes:
    """The PNG with a palette, which takes fewer bytes and loses no line's colour, and without a mark of the program's version."""
    from PIL import Image  # matplotlib brings it

    out = io.BytesIO()
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(_PALETTE, method=Image.Quantize.MEDIANCUT).save(out, "PNG", optimize=True)
    return out.getvalue()


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over the ``window`` points around each, fewer at both ends; ``(n,)`` in, ``(n,) float64`` out."""
    kernel = np.ones(min(window, len(values)))
    n = np.convolve(np.ones(len(values)), kernel, mode="same")
    mean: np.ndarray = np.convolve(values, kernel, mode="same") / n
    return mean
