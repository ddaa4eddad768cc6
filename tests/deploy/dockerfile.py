"""Just enough of a Dockerfile's grammar to compare it with the package."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """One ``FROM``: its instructions in order, as ``(name, rest of the line)``."""

    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.instructions if name == instruction]

    def one(self, instruction: str) -> str:
        (rest,) = self.all(instruction)
        return rest

    def exec_form(self, instruction: str) -> list[str]:
        """The JSON list of ``CMD`` or ``HEALTHCHECK ... CMD``; fails for the shell form."""
        command: list[str] = json.loads(self.one(instruction)[self.one(instruction).index("[") :])
        return command

    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for line in self.all("ENV") for pair in shlex.split(line))

    def copied(self) -> list[tuple[list[str], str]]:
        """Sources in the build context, and where they go."""
        lines = [rest.split() for rest in self.all("COPY") if not rest.startswith("--from")]
        return [(words[:-1], words[-1]) for words in lines]


def read_stages(path: Path) -> list[Stage]:
    """The stages; comments are left out and continued lines joined."""
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", " ", "\n".join(kept)).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append(Stage(rest.split()[-1]))
        elif name and stages:
            stages[-1].instructions.append((name, rest.strip()))
    return stages
