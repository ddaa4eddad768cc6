"""A bundle at the Hugging Face hub: pushed in one commit, pulled into a folder.

The repository holds the bundle's files under their own names, and the model card as ``README.md``, where the hub shows it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .bundle import MANIFEST, Bundle, open_bundle
from .errors import BundleError, InvalidInputError
from .evaluation.model_card import model_card
from .hub import HubName, client, damaged_files, hub_errors, library_for, open_copy
from .writing import check_replaceable, folder_written_whole

CARD, README = "MODEL_CARD.md", "README.md"
#: What a bundle may have besides the files of its manifest: the measured trade-off, graphs for further conversion.
_EXTRAS = ("curve.json", "plain/*.onnx")
_LOAD = re.compile(r"TurnDetector\.load\([^()\n]*\)")


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the hub has now.

    Attributes:
        name: of the model, for people.
        commit: that holds it.
        files: names in the repository.
    """

    name: str
    commit: str
    files: tuple[str, ...]


def push(bundle: str | Path, target: HubName, *, private: bool = False, message: str | None = None) -> Pushed:
    """Put a bundle into a repository of the hub, which is made where it is missing.

    All files come in one commit, so nobody can fetch a manifest without its graph. Graphs and figures of an earlier bundle that this one
    does not bring are removed by the same commit; other files of the repository stay.

    Args:
        bundle: a local folder or the ``.onnx`` in it.
        target: the revision is a branch, made from ``main`` where it is missing.
        private: nobody else may see it; a repository that is public already is refused.
        message: of the commit.

    Raises:
        BundleNotFoundError, BundleError: the bundle is not sound; nothing is sent.
        InvalidInputError: ``private``, and the repository is public; nothing is sent.
        DataUnavailableError: the hub cannot be reached, or the token may not write there.
        MissingExtraError: huggingface_hub is not installed.
    """
    opened = open_bundle(Path(bundle))
    contents = dict(_contents(opened, target.repo))
    library = library_for("Pushing a bundle to the Hugging Face hub")
    with hub_errors(target, f"cannot push {target} to the Hugging Face hub"):
        hub = client()
        hub.create_repo(target.repo, private=private or None, exist_ok=True)
        if private and not hub.model_info(target.repo).private:
            raise InvalidInputError(
                f"{target.repo} is there already and public; make it private on its page, or leave --private out"
            )
        if target.revision != HubName(target.repo).revision:
            hub.create_branch(target.repo, branch=target.revision, exist_ok=True)
        there = map(Path, hub.list_repo_files(target.repo, revision=target.revision))
        stale = [path.as_posix() for path in there if _is_extra(path) and path.as_posix() not in contents]
        commit = hub.create_commit(
            target.repo,
            [library.CommitOperationAdd(path, content) for path, content in contents.items()]
            + [library.CommitOperationDelete(path) for path in stale],
            commit_message=message or f"{opened.manifest.name} ({opened.manifest.precision})",
            revision=target.revision,
        )
    return Pushed(opened.manifest.name, commit.oid, tuple(contents))


def pull(source: HubName, output: str | Path | None = None) -> Bundle:
    """Fetch the newest state of a revision into the local cache, and write it to a folder as ``export_onnx`` would.

    Args:
        source: model and revision.
        output: a folder, replaced as a whole; nothing but the cache is filled without it.

    Raises:
        BundleNotFoundError, BundleError, DataUnavailableError, MissingExtraError: see :func:`turn_detection.hub.open_copy`.
        OutputError: the folder is somebody else's, or cannot be written.
    """
    if output is not None:
        check_replaceable(output, MANIFEST)
    opened = open_copy(source, _open_whole, newest=True, whole=True)
    if output is None:
        return opened
    with folder_written_whole(output, replaces=MANIFEST) as folder:
        for path in _files(opened):
            name = CARD if path == README else path
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(opened.folder / path, folder / name)
    return open_bundle(Path(output))


def _open_whole(folder: Path) -> Bundle:
    """Checks also what no manifest describes."""
    if damaged := damaged_files(folder):
        raise BundleError(f"{damaged[0]} is not what the hub promised")
    return open_bundle(folder)


def _contents(bundle: Bundle, repo: str) -> Iterator[tuple[str, str | bytes]]:
    """Names in the repository, and the file or the text that goes there."""
    for name in _files(bundle):
        if name not in (CARD, README):
            yield name, str(bundle.folder / name)
    yield README, _card(bundle, repo).encode()


def _files(bundle: Bundle) -> list[str]:
    """Names of the bundle's files that are there, relative to its folder."""
    extras = [path for pattern in _EXTRAS for path in sorted(bundle.folder.glob(pattern))]
    cards = [path for path in (bundle.folder / CARD, bundle.folder / README) if path.is_file()]
    found = [path.relative_to(bundle.folder).as_posix() for path in (*extras, *cards[:1])]
    return [MANIFEST, *bundle.manifest.files, *found]


def _is_extra(path: Path) -> bool:
    return any(path.match(pattern) for pattern in _EXTRAS)


def _card(bundle: Bundle, repo: str) -> str:
    """The bundle's own model card, or one written now; with the hub's metadata, and an example that loads this repository."""
    place = bundle.folder / CARD
    card = place.read_text(encoding="utf-8") if place.is_file() else model_card(bundle.manifest)
    if not card.startswith("---\n"):
        metadata = model_card(bundle.manifest).partition("\n---\n")[0]
        card = f"{metadata}\n---\n\n{card}"
    return _LOAD.sub(f'TurnDetector.load("{repo}")', card)
