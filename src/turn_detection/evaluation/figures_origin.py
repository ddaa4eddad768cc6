"""Who measured the figures of a manifest: a record beside them, with a digest, so that no other figure passes for measured.

``Manifest.metrics`` names a figure ``set/figure``. ``provenance["metrics_origin"]`` holds, by set, what was run on what, and the
SHA-256 of the set's figures as they were then. Figures without a name of a set (``parity_error``) belong to the set ``export``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .. import __version__
from ..bundle import Manifest
from ..errors import BundleError

#: Key in a manifest's provenance.
ORIGIN = "metrics_origin"
#: Sets that the export itself measures.
EXPORT_SETS = ("validation", "export")


def set_of(figure: str) -> str:
    """``bench/roc_auc`` belongs to ``bench``, ``parity_error`` to ``export``."""
    return figure.rpartition("/")[0] or "export"


def with_origin(
    provenance: Mapping[str, Any], metrics: Mapping[str, float], name: str, *, command: str, data: Mapping[str, str]
) -> dict[str, Any]:
    """``provenance`` with a record for the set ``name`` of ``metrics``.

    Args:
        provenance: of the manifest.
        metrics: of the manifest, the measured ones already in it.
        name: of the set.
        command: what measured them, without this machine's folders.
        data: what they were measured on: names and ``sha256`` where there is a file.
    """
    record = {
        "command": command,
        "data": dict(data),
        "turn_detection": __version__,
        "figures_sha256": figures_digest(metrics, name),
    }
    return {**provenance, ORIGIN: {**provenance.get(ORIGIN, {}), name: record}}


def figures_digest(metrics: Mapping[str, float], name: str) -> str:
    """SHA-256 over the figures of a set, in the order of their names."""
    figures = {key: metrics[key] for key in sorted(metrics) if set_of(key) == name}
    return hashlib.sha256(json.dumps(figures).encode()).hexdigest()


def measured(manifest: Manifest) -> tuple[dict[str, float], list[str]]:
    """The figures of a manifest that somebody measured, and the names of the sets of which nobody knows who did.

    Raises:
        BundleError: a set is not what was measured: a figure was changed, added or taken out by hand.
    """
    origins: Mapping[str, Any] = manifest.provenance.get(ORIGIN, {})
    sets = list(dict.fromkeys(map(set_of, manifest.metrics)))
    for name in sets:
        if name in origins and origins[name].get("figures_sha256") != figures_digest(manifest.metrics, name):
            raise BundleError(
                f"the manifest's figures of '{name}' are not those that were measured; "
                + ("export the bundle again" if name in EXPORT_SETS else "record them again: turn-detection score")
            )
    # Exports before origins were recorded wrote no other figures than what they measured on their own run.
    known = {name for name in sets if name in origins or (name in EXPORT_SETS and "run_name" in manifest.provenance)}
    figures = {key: value for key, value in manifest.metrics.items() if set_of(key) in known}
    return figures, [name for name in sets if name not in known]
