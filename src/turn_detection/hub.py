"""Models of the Hugging Face hub: how they are named, the local cache, and what may go wrong on the way.

``huggingface_hub`` is imported only when a model of the hub is asked for. The hub's address (``HF_ENDPOINT``), the cache's place
(``HF_HOME``, ``HF_HUB_CACHE``), the token (``HF_TOKEN``, or what ``hf auth login`` stored) and ``HF_HUB_OFFLINE`` are the library's own.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .errors import BundleError, BundleNotFoundError, DataUnavailableError, MissingExtraError, TurnDetectionError

Opened = TypeVar("Opened")
MAIN = "main"
#: Without it a repository holds no bundle, and nothing of it is downloaded.
_MARKER = "manifest.json"
#: Letters, digits, "_", "-" and "."; not "-" or "." at either end (huggingface_hub's own rules for a repository's name).
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>[A-Za-z0-9_][A-Za-z0-9_./-]{{0,199}}))?")
#: What ends so is somebody's file that has moved, not a model.
_FILE_SUFFIXES = (".onnx", ".ckpt", ".json", ".jsonl", ".git")
#: A bundle lies at the top of its repository; folders hold what answering does not need, such as ``plain/``.
_FILES = ["*.json", "*.onnx", "README.md"]
_TOP = {"allow_patterns": _FILES, "ignore_patterns": ["*/*"]}
_WHOLE = {"allow_patterns": _FILES, "ignore_patterns": ["*/*/*"]}
#: How requests name the program that makes them.
_CALLER = {"library_name": "turn-detection"}
#: Seconds to wait for the hub's first answer; the library left alone asks a dead address for minutes.
_PATIENCE_S = 10.0
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class HubName:
    """A model at the hub.

    Attributes:
        repo: ``owner/name``.
        revision: branch, tag or commit.
    """

    repo: str
    revision: str = MAIN

    @classmethod
    def parse(cls, text: str) -> HubName | None:
        """Read ``owner/name`` or ``owner/name@revision``; ``None`` where the text cannot be one."""
        found = _NAME.fullmatch(text)
        if found is None or found["repo"].endswith(_FILE_SUFFIXES):
            return None
        revision = found["revision"] or MAIN
        if "--" in found["repo"] or ".." in found["repo"] or ".." in revision:
            return None
        return cls(found["repo"], revision)

    def __str__(self) -> str:
        return self.repo if self.revision == MAIN else f"{self.repo}@{self.revision}"


def open_copy(name: HubName, opens: Callable[[Path], Opened], *, newest: bool = False, whole: bool = False) -> Opened:
    """What ``opens`` makes of the local copy of a model. What is not in the cache, or damaged there, is fetched.

    Args:
        name: of the model; a branch or tag that is in the cache is not compared with the hub.
        opens: checks a folder and opens it.
        newest: ask the hub first, whatever is in the cache; with ``HF_HUB_OFFLINE`` the cache must do.
        whole: also fetch what lies in folders, such as ``plain/model.onnx``.

    Raises:
        BundleNotFoundError: the hub has no such model or revision, or it is no bundle.
        BundleError: the model does not fit this package, or is damaged and cannot be fetched anew.
        DataUnavailableError: the hub cannot be reached, refuses the token, or breaks off.
        MissingExtraError: huggingface_hub is not installed.
    """
    kept = None if newest and not _is_offline() else cached(name)
    folder = fetch(name, whole=whole) if kept is None else kept
    try:
        return opens(folder)
    except (BundleError, BundleNotFoundError) as error:
        damaged = discard_damaged(folder)
        # Older releases of the library take a half-downloaded copy for whole.
        if not damaged and (kept is None or not isinstance(error, BundleNotFoundError)):
            remedy = "" if kept is None else f"; 'turn-detection hub pull {name}' asks for a newer one"
            raise type(error)(f"the model {name} of the Hugging Face hub: {error}{remedy}") from error
    try:
        return opens(fetch(name, whole=whole))
    except DataUnavailableError as error:
        files = ", ".join(damaged) or "files are missing"
        raise BundleError(
            f"the copy of {name} in {folder} is damaged ({files}) and was not replaced: {error}"
        ) from error
    except (BundleError, BundleNotFoundError) as error:
        discard_damaged(folder)
        raise BundleError(f"the model {name} came damaged from the Hugging Face hub, try again: {error}") from error


def cached(name: HubName) -> Path | None:
    """The folder of a revision in the local cache, ``None`` if it is not there; the network is not asked.

    A branch or tag stands for the commit that it was when :func:`fetch` last asked.

    Raises:
        DataUnavailableError: the cache cannot be read.
        MissingExtraError: huggingface_hub is not installed.
    """
    library = library_for(f"{_no_folder(name)}asking the Hugging Face hub for {name}")
    try:
        return Path(library.snapshot_download(name.repo, revision=name.revision, local_files_only=True, **_TOP))
    except FileNotFoundError:  # LocalEntryNotFoundError is one in every release
        return None
    except OSError as error:
        raise DataUnavailableError(
            f"the cache of the Hugging Face hub cannot be read ({type(error).__name__}); mend it, or set HF_HOME"
        ) from error


def fetch(name: HubName, *, whole: bool = False) -> Path:
    """The folder of a revision in the local cache, after the hub was asked what that revision is now.

    Files that are there already are not downloaded again.

    Args:
        name: of the model.
        whole: also what lies in folders, such as ``plain/model.onnx``.

    Raises:
        BundleNotFoundError: the hub does not know the model or its revision, or it is no bundle; nothing is downloaded then.
        DataUnavailableError: the hub cannot be reached or may not (``HF_HUB_OFFLINE``), refuses the token, or breaks off.
        MissingExtraError: huggingface_hub is not installed.
    """
    library = library_for(f"{_no_folder(name)}asking the Hugging Face hub for {name}")
    if _is_offline():
        raise DataUnavailableError(
            f"{_no_folder(name)}the model {name} is not whole in the cache of the Hugging Face hub, and HF_HUB_OFFLINE is set: "
            "unset it once, or name a local bundle"
        )
    with hub_errors(name, f"{_no_folder(name)}cannot fetch the model {name} from the Hugging Face hub"):
        info = client().model_info(name.repo, revision=name.revision, timeout=_PATIENCE_S)
        if _MARKER not in {file.rfilename for file in info.siblings or ()}:
            raise BundleNotFoundError(f"the model {name} of the Hugging Face hub is no bundle: it has no {_MARKER}")
        patterns = _WHOLE if whole else _TOP
        return Path(library.snapshot_download(name.repo, revision=name.revision, **_CALLER, **patterns))


def _no_folder(name: HubName) -> str:
    """Who meant a folder shall read that it is not here."""
    return "" if Path(str(name)).exists() else f"there is no folder {name} here; "


def _is_offline() -> bool:
    try:
        from huggingface_hub.constants import HF_HUB_OFFLINE
    except ImportError:
        return False  # whoever goes on learns which extra is missing
    return bool(HF_HUB_OFFLINE)


def damaged_files(folder: Path) -> list[Path]:
    """Files of a cached copy that are not what the hub promised.

    A file of the cache is a link to content that is named after the hub's ETag: a SHA-256, or for small files git's hash or SHA-1.
    """
    return [link for link in sorted(folder.rglob("*")) if link.is_symlink() and not _as_promised(link.resolve())]


def discard_damaged(folder: Path) -> list[str]:
    """Remove :func:`damaged_files`, so that the next :func:`fetch` downloads them anew; their names."""
    links = damaged_files(folder)
    for link in links:
        link.resolve().unlink(missing_ok=True)
        link.unlink(missing_ok=True)
    return [link.relative_to(folder).as_posix() for link in links]


def _as_promised(content: Path) -> bool:
    promised = content.name
    if not content.is_file():
        return False
    if len(promised) not in (40, 64) or set(promised) - set("0123456789abcdef"):
        return True  # an ETag of another kind says nothing about the content
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
    git = hashlib.sha1(b"blob %d\0" % content.stat().st_size, usedforsecurity=False)
    with content.open("rb") as stream:
        while block := stream.read(_BLOCK):
            for digest in (sha256,) if len(promised) == 64 else (git, sha1):
                digest.update(block)
    return promised in (sha256.hexdigest(), git.hexdigest(), sha1.hexdigest())


def library_for(purpose: str) -> Any:
    """``huggingface_hub``, or the word which extra brings it."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtraError(purpose, "hub", error.name) from error
    return huggingface_hub


def client() -> Any:
    """The library's client, under this project's name."""
    from huggingface_hub import HfApi

    return HfApi(**_CALLER)


@contextmanager
def hub_errors(name: HubName, doing: str) -> Iterator[None]:
    """One line about whatever goes wrong inside.

    The library's error is not kept as a cause: what a transport says of a header may quote the token.

    Raises:
        BundleNotFoundError, DataUnavailableError: see :func:`fetch`.
    """
    with _quiet():
        try:
            yield
        except TurnDetectionError:
            raise
        except Exception as error:  # depends on the library's release and its transport (requests, httpx, httpx2)
            raise _told(name, doing, error) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars but on a terminal, and no log of the transport, which at INFO holds the signed addresses of large files."""
    from huggingface_hub import utils

    transports = [logging.getLogger(transport) for transport in ("httpx", "httpx2")]
    levels = [transport.level for transport in transports]
    hides_bars = not sys.stderr.isatty() and not utils.are_progress_bars_disabled()
    for transport in transports:
        transport.setLevel(logging.WARNING)
    if hides_bars:
        utils.disable_progress_bars()
    try:
        yield
    finally:
        for transport, level in zip(transports, levels, strict=True):
            transport.setLevel(level)
        if hides_bars:
            utils.enable_progress_bars()


def _told(name: HubName, doing: str, error: Exception) -> TurnDetectionError:
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.RevisionNotFoundError):
        return BundleNotFoundError(f"the model {name.repo} of the Hugging Face hub has no revision '{name.revision}'")
    if isinstance(error, errors.GatedRepoError):
        return DataUnavailableError(f"{doing}: ask its owners for access on its page, then set HF_TOKEN")
    if isinstance(error, errors.RepositoryNotFoundError) and status != 403:
        return BundleNotFoundError(
            f"{doing}: it has no such model; check the spelling, or set HF_TOKEN if the model is private"
        )
    if status == 401 or isinstance(error, errors.LocalTokenNotFoundError):
        return DataUnavailableError(f"{doing}: it wants a valid token; set HF_TOKEN to one")
    if status == 403:
        return DataUnavailableError(f"{doing}: the token in HF_TOKEN may not do that")
    cause = type(error.__cause__ or error).__name__ + (f", status {status}" if status else "")
    return DataUnavailableError(
        f"{doing} ({cause}); try again, set HF_ENDPOINT to a hub that can be reached, or name a local bundle"
    )
