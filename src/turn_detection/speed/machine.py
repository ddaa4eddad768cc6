"""What a figure of speed means nothing without: the CPU, its load, the versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .. import __version__

#: Instructions that int8 and bf16 matrix products profit from.
_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
#: Distributions whose version changes a figure.
_LIBRARIES = ("onnxruntime", "tokenizers", "numpy")
#: From this load average on somebody else was at work.
_BUSY = 0.5


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a figure was taken.

    Attributes:
        cpu: name of the processor.
        features: of its instruction set, as far as they matter here.
        n_cores: logical ones that this process may use.
        load_average: over the minute before the measurement; ``None`` where the system has none.
        system: operating system and architecture.
        versions: of Python, this package and the libraries, by name.
    """

    cpu: str
    features: tuple[str, ...]
    n_cores: int
    load_average: float | None
    system: str
    versions: Mapping[str, str]

    @property
    def was_busy(self) -> bool:
        """Whether something else was running: absolute times are then too long."""
        return self.load_average is not None and self.load_average >= _BUSY


def this_machine(*more: str) -> Machine:
    """Facts of this machine, now; ``more`` names further distributions whose version matters."""
    found = _cpuinfo()
    flags = set(found.get("flags", found.get("Features", "")).split())
    versions = {"python": platform.python_version(), "turn-detection": __version__}
    return Machine(
        cpu=found.get("model name") or platform.processor() or platform.machine() or "unknown",
        features=tuple(name for name in _FEATURES if name in flags),
        n_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        versions=versions | {name: metadata.version(name) for name in (*_LIBRARIES, *more)},
    )


def _cpuinfo() -> dict[str, str]:
    """First entry of ``/proc/cpuinfo``; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
