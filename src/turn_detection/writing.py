"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError, TurnDetectionError


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file so that a reader, a full disk or a kill sees either the old content or all of the new.

    The content goes to a hidden neighbour first, reaches the disk, and takes the name in one step (``os.replace``).
    A link keeps its place and what it points to is written; a device or pipe (``/dev/stdout``) is written to, never replaced.

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full; an existing file is untouched.
    """
    path = Path(os.path.realpath(path)) if os.path.islink(path) and os.path.isfile(path) else Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(data)
            return
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would lock colleagues out
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise OutputError(error.errno, f"cannot write {path}: {error.strerror}; nothing was changed") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


@contextmanager
def folder_written_whole(path: str | Path, *, replaces: str) -> Iterator[Path]:
    """A folder to fill that takes ``path``'s place when the block ends well, and leaves no trace when it does not.

    A folder that stood there before is moved aside just before and removed just after, if it is empty or holds a file named
    ``replaces``, which tells an older output from somebody's own folder.

    Raises:
        OutputError: something else stands there, the parent is missing or not writable, or the disk is full.
    """
    path = Path(path)
    check_replaceable(path, replaces)
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    except OSError as error:
        raise OutputError(error.errno, f"cannot write beside {path}: {error.strerror}; nothing was changed") from error
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        _take_place(temporary, path)
    except TurnDetectionError:
        raise  # what went wrong inside the block explains itself
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(error.errno, f"cannot write {path}: {reason}; nothing was changed") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_replaceable(path: str | Path, marker: str) -> None:
    """Raise OutputError if ``path`` is a folder with contents but without the file ``marker``; worth asking before long work."""
    path = Path(path)
    if path.is_dir() and any(path.iterdir()) and not (path / marker).is_file():
        raise OutputError(
            errno.ENOTEMPTY,
            f"the folder {path} is not empty and holds no {marker}, so it is not an older output; name another folder",
        )


def _take_place(temporary: Path, path: Path) -> None:
    """Give the folder ``temporary`` the name ``path``; if that fails, what had the name keeps it."""
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    aside = temporary.with_suffix(".old")
    if path.exists():
        path.rename(aside)
    try:
        temporary.rename(path)
    except OSError:
        if aside.exists():
            aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
