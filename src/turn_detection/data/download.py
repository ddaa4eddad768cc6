"""The dialogues that a configuration names, in one folder: fetched from the hub, or copied from where they lie.

The folder is what later steps read and what a version control of data keeps; the files in it are byte for byte those of the source.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import DataConfig
from ..errors import ConfigurationError, DataFormatError, InputFileNotFoundError
from ..writing import check_replaceable, folder_written_whole
from .formats.file import SUFFIXES, holds_calls
from .formats.options import ReadingOptions
from .hub import fetch_file
from .prepare import reading_options
from .sources import find_files

#: What was brought, and the folder beside it that the readers take.
LISTING, DIALOGUES = "sources.json", "dialogues"


@dataclass(frozen=True, slots=True)
class Download:
    """What was brought.

    Attributes:
        source: where from, in words for people.
        files: by their path inside the folder, sorted.
        n_bytes: of all files together.
        dialogues: the folder to name in ``data.paths``.
    """

    source: str
    files: tuple[str, ...]
    n_bytes: int
    dialogues: Path


def download_dialogues(config: DataConfig, output: str | Path) -> Download:
    """Fill ``output``, which is replaced as a whole: ``dialogues/`` with the files, ``sources.json`` with their sizes and SHA-256.

    Of local folders only files that training would read are taken; they keep the name of the folder they lie in, because a chat file's
    source is called by it. Equal files give an equal folder.

    Raises:
        ConfigurationError: ``kind: local`` without paths or with a path that holds the output, or a kind that is neither hub nor local.
        DataUnavailableError, InputFileNotFoundError, DataFormatError: as the readers say.
        OutputError: not writable.
        MissingExtraError: huggingface_hub is not installed.
    """
    if config.kind not in ("hub", "local"):
        raise ConfigurationError(
            f"data.kind={config.kind} names no dialogues to bring; set --data=local or a set of the hub"
        )
    output = Path(output)
    check_replaceable(output, LISTING)
    options = reading_options(config)
    if config.kind == "hub":
        fetched = fetch_file(config.repo_id, config.filename, revision=config.revision)
        wanted = {config.filename: fetched}
        # The cache's own layout: snapshots/COMMIT/FILE.
        commit = fetched.parents[len(Path(config.filename).parts) - 1].name
        origin = {"repo_id": config.repo_id, "revision": config.revision, "commit": commit}
        source = f"{config.repo_id} at {commit}"
    else:
        wanted = dict(_local_files(config, output, options))
        origin = {}
        source = ", ".join(config.paths)
    with folder_written_whole(output, replaces=LISTING) as folder:
        listed = [_copy(file, folder, name) for name, file in sorted(wanted.items())]
        content = {"data": config.name, "kind": config.kind, **origin, "files": listed}
        (folder / LISTING).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    names = tuple(str(entry["file"]) for entry in listed)
    return Download(source, names, sum(entry["n_bytes"] for entry in listed), output / DIALOGUES)


def _local_files(config: DataConfig, output: Path, options: ReadingOptions) -> Iterator[tuple[str, Path]]:
    """Name inside ``dialogues/`` and place of every file; several paths are numbered, so that equal names do not meet."""
    if not config.paths:
        raise ConfigurationError("data.paths is empty; name files or folders: --data.paths=[FILE_OR_FOLDER]")
    for index, path in enumerate(map(Path, config.paths)):
        if output.resolve().is_relative_to(path.resolve()):
            raise ConfigurationError(
                f"the output {output} lies inside {path}, which is to be copied; name another folder"
            )
        if path.is_file() and path.name.endswith(SUFFIXES) and not holds_calls(path, options):
            raise DataFormatError(
                f"{path} does not begin like calls and would not be read in a folder; 'turn-detection data check {path}' tells why"
            )
        number = f"{index:04}" if len(config.paths) > 1 else ""
        for file in find_files([path], options):
            inside = (
                Path(path.resolve().name, file.relative_to(path)) if path.is_dir() else Path(_folder(file), file.name)
            )
            yield Path(number, inside).as_posix(), file


def _folder(file: Path) -> str:
    return file.absolute().parent.name


def _copy(file: Path, folder: Path, name: str) -> dict[str, Any]:
    target = folder / DIALOGUES / name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source = file.open("rb")
    except OSError as error:
        raise InputFileNotFoundError(f"{file} cannot be read: {error.strerror}") from error
    with source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy)
    with target.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": f"{DIALOGUES}/{name}", "n_bytes": target.stat().st_size, "sha256": digest}
