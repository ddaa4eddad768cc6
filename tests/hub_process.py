"""Processes that talk to a stand-in of the hub: huggingface_hub reads its environment once, when it is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .hub_stand_in import TOKEN

_SOURCE = Path(__file__).resolve().parents[1] / "src"
_SCRIPT = """
import json, sys
from turn_detection import TurnDetectionError, TurnDetector
try:
    detector = TurnDetector.load(sys.argv[1])
    answer = {"p": detector.predict("да", "Вам удобно?").eot_probability, "threshold": detector.threshold}
except TurnDetectionError as error:
    answer = {"error": type(error).__name__, "message": str(error)}
print("ANSWER " + json.dumps(answer))
"""


@dataclass(frozen=True)
class Desk:
    """Somebody's machine: a working folder, a cache, an address of the hub, perhaps a token."""

    folder: Path
    endpoint: str
    token: str | None = TOKEN
    offline: bool = False

    @property
    def cache(self) -> Path:
        return self.folder / "hf"

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.folder.mkdir(exist_ok=True)
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("HF_") and "proxy" not in key.lower() and key != "PYTHONPATH"
        }
        paths = [str(_SOURCE), os.environ.get("PYTHONPATH", "")]
        environment = kept | {
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.cache),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "1" if self.offline else "0",
        }
        if self.token is not None:
            environment["HF_TOKEN"] = self.token
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """``turn-detection`` with these arguments."""
        return self.python("-m", "turn_detection.commands", *map(str, arguments))

    def load(self, name: str) -> Loaded:
        """``TurnDetector.load`` and one answer."""
        done = self.python("-c", _SCRIPT, name)
        told = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
        assert told, f"loading crashed:\n{done.stderr}"
        values: dict[str, Any] = json.loads(told[-1].removeprefix("ANSWER "))
        return Loaded(**values, output=done.stdout + done.stderr)

    def cached(self) -> list[Path]:
        """Everything that holds content in the cache: blobs, half blobs and links to them."""
        places = [path for folder in ("blobs", "snapshots") for path in self.cache.rglob(f"{folder}/**/*")]
        return [path for path in places if path.is_symlink() or path.is_file()]

    def copy_of(self, name: str) -> Path:
        """The content behind a file of the cache."""
        (link,) = self.cache.rglob(f"snapshots/*/{name}")
        return link.resolve()


@dataclass(frozen=True)
class Loaded:
    """What came of loading: an answer, or an error."""

    output: str
    p: float | None = None
    threshold: float | None = None
    error: str = ""
    message: str = ""
