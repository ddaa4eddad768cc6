"""Drawings that stand inside a page: matplotlib's SVG, with the page's colours and nothing that is fetched or that changes by the day."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from ..errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours to draw with; the page replaces each by the CSS variable of its name, so that a drawing follows the theme.
PAPER, INK, MUTED, GRID = "#010100", "#010200", "#010300", "#010400"
MODEL, SPEAK, WAIT = "#010500", "#010600", "#010700"
OTHERS = ("#010800", "#010900", "#010a00")
#: Dashes tell judges apart where colours cannot.
DASHES: tuple[Any, ...] = ((0, (5, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)))
VARIABLES = {
    PAPER: "paper",
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    MODEL: "model",
    SPEAK: "speak",
    WAIT: "wait",
    **{colour: f"other-{index + 1}" for index, colour in enumerate(OTHERS)},
}
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: smaller, sharp, readable by machines
    "svg.hashsalt": "turn-detection",  # without it, ids are drawn anew every time
    "text.parse_math": False,  # names come from data and may hold a dollar
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "legend.labelcolor": INK,
}
_REFERENCE = re.compile(r"#([\w-]+)")


@contextmanager
def drawing(width: float = 5.0, height: float = 4.0) -> Iterator[Figure]:
    """A figure to draw on, in inches of 72 points; finish it with :func:`inline_svg` inside the block.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("Drawing a report", "cpu", error.name) from error
    with matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def inline_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """The figure as an ``<svg>`` element for HTML. Equal figures give equal text.

    Args:
        figure: drawn with the colours of this module.
        name: of the drawing on its page; every id in it begins with it.
        title, description: for those who hear the page.
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(out.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith("metadata"):
                parent.remove(child)
    _localise(root, name)
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
        "class": "plot",
    }
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, id=f"{name}-{'description' if tag == 'desc' else tag}")
        element.text = text
        root.insert(place, element)
    text = ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    return text


def percent_ticks() -> Any:
    """How an axis of shares is labelled."""
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1.0, decimals=0, symbol=" %")


def _localise(root: ElementTree.Element, name: str) -> None:
    """Drop namespaces, which HTML does without, and the ids that nothing refers to; the others get the drawing's name."""
    referred = {
        match for element in root.iter() for value in element.attrib.values() for match in _REFERENCE.findall(value)
    }
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        identity = attributes.pop("id", None)
        attributes = {
            key: _REFERENCE.sub(
                lambda match: f"#{name}-{match[1]}" if f"#{match[1]}" not in VARIABLES else match[0], value
            )
            for key, value in attributes.items()
        }
        if identity in referred:
            attributes["id"] = f"{name}-{identity}"
        element.attrib = attributes
