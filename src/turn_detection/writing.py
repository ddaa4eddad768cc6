"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file so that a reader, a full disk or a kill sees either the old content or all of the new.

    The content goes to a hidden neighbour first, reaches the disk, and takes the name in one step (``os.replace``).

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full; an existing file is untouched.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would lock colleagues out
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise OutputError(error.errno, f"cannot write {path}: {error.strerror}; nothing was changed") from error


@contextmanager
def folder_written_whole(path: str | Path) -> Iterator[Path]:
    """A folder to fill that takes ``path``'s place when the block ends well, and leaves no trace when it does not.

    A folder that stood there before is moved aside just before and removed just after.

    Raises:
        OutputError: the parent is missing or not writable, or the disk is full.
    """
    path = Path(path)
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    except OSError as error:
        raise OutputError(error.errno, f"cannot write beside {path}: {error.strerror}; nothing was changed") from error
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        aside = temporary.with_suffix(".old")
        if path.exists():
            path.rename(aside)
        temporary.rename(path)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise OutputError(error.errno, f"cannot write {path}: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
