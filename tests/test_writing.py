"""Files are written whole or not at all: full disks, kills and refused renames included."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from turn_detection import writing
from turn_detection.errors import BundleNotFoundError, OutputError
from turn_detection.writing import folder_written_whole, write_whole

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk(*_: object, **__: object) -> None:
    raise FULL


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Run ``code`` in a process of its own; its arguments are ``sys.argv[1:]``."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "answers.json"
    path.write_text("old")
    return path


def test_a_new_file_appears_with_text_as_utf8_or_bytes_as_they_are(tmp_path: Path) -> None:
    write_whole(tmp_path / "text", "да")
    write_whole(str(tmp_path / "bytes"), b"\xff")
    assert (tmp_path / "text").read_bytes() == "да".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\xff"


def test_an_old_file_is_replaced_and_nothing_else_is_left(old: Path) -> None:
    write_whole(old, "new")
    assert old.read_text() == "new"
    assert os.listdir(old.parent) == [old.name]


def test_colleagues_may_read_what_the_umask_lets_them(old: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(old, "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_a_full_disk_leaves_the_old_file_and_no_rest(old: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setattr(writing.os, call, full_disk)
    with pytest.raises(
        OutputError, match=r"cannot write .*answers\.json: No space left on device; nothing was changed"
    ) as caught:
        write_whole(old, "new")
    monkeypatch.undo()
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.ENOSPC
    assert old.read_text() == "old"
    assert os.listdir(old.parent) == [old.name]


def test_a_file_that_outgrows_its_limit_leaves_the_old_one(old: Path) -> None:
    code = (
        "import resource, sys\n"
        "from turn_detection.errors import OutputError\n"
        "from turn_detection.writing import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_whole(sys.argv[1], 'n' * 100_000)\n"
        "except OutputError: print('refused')\n"
    )
    process = python(code, old)
    assert process.communicate(timeout=30)[0] == "refused\n"
    assert old.read_text() == "old"
    assert os.listdir(old.parent) == [old.name]


def test_a_kill_in_the_middle_leaves_the_old_file_whole(old: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from turn_detection.writing import write_whole\n"
        "os.fsync = lambda _: (print('written', flush=True), time.sleep(60))\n"
        "write_whole(sys.argv[1], 'n' * 100_000)\n"
    )
    process = python(code, old)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL
    process.stdout.close()
    assert old.read_text() == "old"


def test_an_interrupt_leaves_the_old_file_and_no_rest(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(old, "new")
    assert old.read_text() == "old"
    assert os.listdir(old.parent) == [old.name]


def test_a_missing_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        write_whole(tmp_path / "gone" / "file", "new")


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        write_whole(tmp_path / "folder", "new")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_link_stays_a_link_and_its_target_gets_the_content(old: Path) -> None:
    link = old.parent / "link"
    link.symlink_to(old.name)
    write_whole(link, "new")
    assert link.is_symlink()
    assert old.read_text() == "new"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write_whole, args=(pipe, "new"), daemon=True)
    writer.start()
    assert pipe.read_text() == "new"
    writer.join(timeout=10)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_stays_a_device() -> None:
    write_whole(os.devnull, "new")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_folder_takes_the_name_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with folder_written_whole(target, replaces="a") as folder:
        (folder / "a").write_text("new")
        assert not target.exists()
    assert (target / "a").read_text() == "new"
    assert os.listdir(tmp_path) == ["bundle"]


@pytest.fixture
def old_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "place" / "bundle"
    folder.mkdir(parents=True)
    (folder / "a").write_text("old")
    return folder


def test_an_old_folder_is_replaced_as_a_whole(old_folder: Path) -> None:
    with folder_written_whole(old_folder, replaces="a") as folder:
        (folder / "b").write_text("new")
    assert os.listdir(old_folder) == ["b"]
    assert os.listdir(old_folder.parent) == ["bundle"]


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), KeyboardInterrupt(), BundleNotFoundError("model.onnx is missing")]
)
def test_a_block_that_fails_leaves_the_old_folder_and_its_own_error(old_folder: Path, error: BaseException) -> None:
    def block() -> None:
        with folder_written_whole(old_folder, replaces="a") as folder:
            (folder / "a").write_text("new")
            raise error

    with pytest.raises(type(error)) as caught:
        block()
    assert caught.value is error
    assert (old_folder / "a").read_text() == "old"
    assert os.listdir(old_folder.parent) == ["bundle"]


@pytest.mark.parametrize(("error", "reason"), [(FULL, "No space left on device"), (OSError("odd"), "OSError")])
def test_a_full_disk_inside_the_block_leaves_the_old_folder(old_folder: Path, error: OSError, reason: str) -> None:
    with pytest.raises(OutputError, match=reason), folder_written_whole(old_folder, replaces="a"):
        raise error
    assert (old_folder / "a").read_text() == "old"
    assert os.listdir(old_folder.parent) == ["bundle"]


def test_a_refused_rename_puts_the_old_folder_back(old_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename: Callable[[Path, Path], Path] = Path.rename

    def refuse_the_new(path: Path, target: Path) -> Path:
        if path.suffix == ".tmp":
            raise FULL
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(OutputError), folder_written_whole(old_folder, replaces="a") as folder:
        (folder / "a").write_text("new")
    assert (old_folder / "a").read_text() == "old"
    assert os.listdir(old_folder.parent) == ["bundle"]


def test_a_file_is_not_replaced_by_a_folder(old: Path) -> None:
    with pytest.raises(OutputError, match="Not a directory"), folder_written_whole(old, replaces="a") as folder:
        (folder / "a").write_text("new")
    assert old.read_text() == "old"
    assert os.listdir(old.parent) == [old.name]


def test_a_folder_with_no_parent_to_stand_in_is_an_error_of_ours(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="cannot write beside"),
        folder_written_whole(tmp_path / "gone" / "bundle", replaces="a"),
    ):
        pytest.fail("the block must not begin")


def test_somebodys_own_folder_is_never_replaced(tmp_path: Path) -> None:
    own = tmp_path / "photos"
    own.mkdir()
    (own / "cat.jpg").write_text("mine")
    with pytest.raises(OutputError, match="name another folder"), folder_written_whole(own, replaces="manifest.json"):
        pytest.fail("the block must not begin")
    assert (own / "cat.jpg").read_text() == "mine"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with folder_written_whole(tmp_path / "new", replaces="manifest.json") as folder:
        (folder / "b").write_text("new")
    assert os.listdir(tmp_path / "new") == ["b"]
