"""Somebody's machine: a clone with what the pipeline needs, DVC from an environment of its own, stages in the environment of the tests."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "dvc.md"
_FILES = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "dvc.yaml", "params.yaml")
#: Nobody's caches and checkpoints; the shipped weights, which no stage of these tests reads.
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "raw", "prepared", "*.onnx")
#: Stands before the output of every line.
_MARK = "\x1e"
_DVC = f"""
import shlex, sys
from dvc.cli import main
for line in sys.argv[1:]:
    print({_MARK!r}, end="", flush=True)
    code = main(shlex.split(line)[1:])
    if code:
        sys.exit(code)
"""
OUTPUTS = ("data/raw", "data/prepared", "outputs")
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def guide_blocks() -> dict[tuple[str, int], list[str]]:
    """The commands of the guide without comments, by section and place in it."""
    return {
        (section, place): [re.sub(r"\s+#.*$", "", line) for line in block.splitlines()]
        for section, text in _SECTION.findall(GUIDE.read_text(encoding="utf-8"))
        for place, block in enumerate(_BLOCK.findall(text))
    }


def guide(section: str, place: int = 0) -> list[str]:
    return guide_blocks()[section, place]


@dataclass(frozen=True)
class Desk:
    """``dvc`` and ``git`` as typed in the folder; Git and DVC know nothing of the machine's own settings."""

    folder: Path
    python: Path

    def run(self, *lines: str, **environment: str) -> str:
        """Run lines as the guide writes them, all by ``dvc`` or all by ``git``; the output of the last one, errors included."""
        return self.outputs(*lines, **environment)[-1]

    def outputs(self, *lines: str, **environment: str) -> list[str]:
        """What each line put out. Those of DVC run in one process: starting it takes longer than most of what it does."""
        (program,) = {line.split()[0] for line in lines}
        if program == "dvc":
            told = self._execute([str(self.python), "-c", _DVC, *lines], environment)
            return told.split(_MARK)[1:]
        return [self._execute(shlex.split(line), environment) for line in lines]

    def _execute(self, command: list[str], environment: dict[str, str]) -> str:
        foreign = ("HF_", "AWS_", "DVC_", "GIT_")
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(foreign) and "proxy" not in key.lower()
        }
        author = {
            f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        places = {
            f"DVC_{kind}_DIR": str(self.folder.parent / "dvc")
            for kind in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")
        }
        own = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(self.folder / "src"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "HF_HUB_OFFLINE": "1",
            "COLUMNS": "200",
        }
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=kept | author | places | own | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def set(self, file: str, old: str, new: str) -> None:
        """Change one setting as with an editor."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def digests(self) -> dict[str, str]:
        """SHA-256 of every file that the stages wrote, by its path."""
        files = sorted(file for place in OUTPUTS for file in (self.folder / place).rglob("*") if file.is_file())
        return {str(file.relative_to(self.folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def forget(self) -> None:
        """Lose the cache and everything that the stages wrote."""
        for place in (*OUTPUTS, ".dvc/cache"):
            shutil.rmtree(self.folder / place)
        assert self.digests() == {}


def clone(folder: Path, python: Path) -> Desk:
    """What a clone of the working tree holds, as the first commit of a repository of its own."""
    folder.mkdir()
    for name in _FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("configs", "data", "src/turn_detection"):
        shutil.copytree(ROOT / name, folder / name, ignore=_LEFT_OUT)
    desk = Desk(folder, python)
    desk.run("git init --quiet", "git add .", "git commit --quiet -m start")
    return desk


def ran(output: str) -> list[str]:
    """The stages that a ``dvc repro`` ran, in order."""
    return re.findall(r"^Running stage '(\w+)'", output, re.MULTILINE)
