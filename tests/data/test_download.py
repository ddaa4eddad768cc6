"""``data download``: what training would read, in one folder, byte for byte; from the hub's stand-in and from files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from turn_detection.config import DataConfig
from turn_detection.data.download import download_dialogues
from turn_detection.data.sources import read_dialogues
from turn_detection.errors import ConfigurationError, DataFormatError, InputFileNotFoundError, OutputError

from .serving import serving
from .test_hub import COMMIT, CONTENT, FILE, REPO, SOURCE, HubStandIn

LOCAL = DataConfig(name="local", kind="local")
CHAT = {"messages": [{"role": "agent", "content": "Чем помочь?"}, {"role": "client", "content": "нужен кабачок"}]}


def write(path: Path, *values: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(value, ensure_ascii=False) for value in values), encoding="utf-8")
    return path


def command(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_") and "proxy" not in key.lower()}
    return subprocess.run(
        [sys.executable, "-m", "turn_detection.commands", "data", "download", *arguments],
        cwd=folder, env=kept | {"PYTHONPATH": str(SOURCE), "HF_HOME": str(folder / "hf")} | environment,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_the_hubs_file_with_its_commit_and_digest(tmp_path: Path) -> None:
    hub = HubStandIn()
    with serving(hub) as environment:
        done = command(tmp_path, environment, "raw", f"--data.repo_id={REPO}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "raw" / "dialogues" / FILE).read_bytes() == CONTENT
    assert json.loads((tmp_path / "raw" / "sources.json").read_text(encoding="utf-8")) == {
        "data": "conversations", "kind": "hub", "repo_id": REPO, "revision": "main", "commit": COMMIT,
        "files": [{"file": f"dialogues/{FILE}", "n_bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}],
    }  # fmt: skip
    assert "--data.kind=local --data.paths=[raw/dialogues]" in done.stdout


def test_a_hub_that_fails_leaves_the_older_folder_as_it_was(tmp_path: Path) -> None:
    download_dialogues(replace(LOCAL, paths=(str(write(tmp_path / "calls" / "one.json", CHAT)),)), tmp_path / "raw")
    before = sorted(tmp_path.rglob("*"))
    with serving(HubStandIn(status=503)) as environment:
        done = command(tmp_path, environment, "raw", f"--data.repo_id={REPO}")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--data=local --data.paths=" in done.stderr
    assert [path for path in sorted(tmp_path.rglob("*")) if "hf" not in path.parts] == before


def test_local_calls_are_read_from_the_copy_as_from_their_place(tmp_path: Path) -> None:
    for folder in ("one/calls", "two/calls"):
        write(tmp_path / folder / "a.json", CHAT)
        write(tmp_path / folder / "deeper" / "b.jsonl", CHAT, CHAT)
    (tmp_path / "one" / "calls" / "notes.txt").write_text("Позвонить в отдел.", encoding="utf-8")
    lone = write(tmp_path / "shop" / "c.json", CHAT)
    paths = (str(tmp_path / "one" / "calls"), str(tmp_path / "two" / "calls"), str(lone))
    found = download_dialogues(replace(LOCAL, paths=paths), tmp_path / "raw")
    assert found.files == (
        "dialogues/0000/calls/a.json", "dialogues/0000/calls/deeper/b.jsonl", "dialogues/0001/calls/a.json",
        "dialogues/0001/calls/deeper/b.jsonl", "dialogues/0002/shop/c.json",
    )  # fmt: skip
    assert found.n_bytes == sum(path.stat().st_size for path in (tmp_path / "raw" / "dialogues").rglob("*.json*"))
    there, copied = (
        [(each.dialogue_id, each.source, each.turns) for each in read_dialogues(place)]
        for place in (paths, [found.dialogues])
    )
    assert copied == there
    assert len(copied) == 7


def test_equal_files_give_an_equal_folder_and_others_replace_it(tmp_path: Path) -> None:
    file = write(tmp_path / "calls" / "one.jsonl", CHAT)
    config = replace(LOCAL, paths=(str(file.parent),))
    listings = []
    for _ in range(2):
        download_dialogues(config, tmp_path / "raw")
        listings.append((tmp_path / "raw" / "sources.json").read_bytes())
    assert listings[0] == listings[1]
    assert "кабачок" not in listings[0].decode()
    file.unlink()
    write(tmp_path / "calls" / "two.jsonl", CHAT, CHAT)
    assert download_dialogues(config, tmp_path / "raw").files == ("dialogues/calls/two.jsonl",)
    assert not list((tmp_path / "raw").rglob("one.jsonl"))


def test_what_cannot_be_brought_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    output = tmp_path / "raw"
    (tmp_path / "empty").mkdir()
    table = tmp_path / "table.csv"
    table.write_text("номер;сумма\n1;2\n", encoding="utf-8")
    for paths, error, words in (
        ((), ConfigurationError, "data.paths is empty"),
        (("nowhere",), InputFileNotFoundError, "nowhere"),
        ((str(tmp_path / "empty"),), InputFileNotFoundError, "no dialogue files"),
        ((str(tmp_path),), ConfigurationError, "lies inside"),
        ((str(table),), DataFormatError, "data check"),
    ):
        with pytest.raises(error, match=words):
            download_dialogues(replace(LOCAL, paths=paths), output)
    with pytest.raises(ConfigurationError, match="names no dialogues"):
        download_dialogues(replace(LOCAL, kind="prepared"), output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "table.csv"]


def test_somebodys_own_folder_is_left_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "calls" / "one.json", CHAT)
    letter = write(tmp_path / "raw" / "letter.txt", "mine")
    with pytest.raises(OutputError, match=r"sources\.json"):
        download_dialogues(replace(LOCAL, paths=(str(file),)), tmp_path / "raw")
    assert letter.is_file()
