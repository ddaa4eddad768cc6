"""Data sets from the Hugging Face hub, or a clear word about what to do without one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import DataUnavailableError, MissingExtraError

_BLOCK = 1 << 20


def fetch_file(repo_id: str, filename: str, *, revision: str = "main") -> Path:
    """Path of a data set's file in the local cache, downloaded once and resumed where the connection broke off.

    The address of the hub is ``HF_ENDPOINT``, the cache's place ``HF_HOME``; with ``HF_HUB_OFFLINE=1`` only the cache is asked.
    Where the hub does not answer, a copy in the cache is taken. A large file's name in the cache is the SHA-256 that the hub gave for
    it, which the content is checked against.

    Raises:
        DataUnavailableError: the hub cannot be reached, does not know the file, or sent something else than it promised.
        MissingExtraError: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    except ImportError as error:
        raise MissingExtraError("Downloading a data set", "cpu", error.name) from error
    # The hub is asked once before: hf_hub_download, left alone, asks a dead address for up to six minutes. What either call raises
    # depends on the library's release and its transport (requests, httpx, httpx2), hence the broad clauses; nothing is lost by them.
    silent: Exception | None = None
    try:
        get_hf_file_metadata(hf_hub_url(repo_id, filename, repo_type="dataset", revision=revision))
    except Exception as error:
        silent = error
    try:
        path = Path(
            hf_hub_download(
                repo_id, filename, repo_type="dataset", revision=revision, local_files_only=silent is not None
            )
        )
    except Exception as error:
        cause = silent or error
        raise DataUnavailableError(
            f"cannot fetch {filename} of the data set {repo_id} ({type(cause).__name__}); to train without the hub, "
            "use local files: --data=local --data.paths=[FILE_OR_FOLDER]"
        ) from cause
    _check(path)
    return path


def _check(path: Path) -> None:
    """Compare a file with the SHA-256 in its blob's name; small files have a git hash there and are left alone."""
    blob = path.resolve()
    if len(blob.name) != 64 or set(blob.name) - set("0123456789abcdef"):
        return
    digest = hashlib.sha256()
    with blob.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != blob.name:
        blob.unlink()
        path.unlink(missing_ok=True)
        raise DataUnavailableError(f"{path.name} came damaged from the hub and was removed from the cache; try again")
