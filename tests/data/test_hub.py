"""Fetching from the hub, against a stand-in server on this machine that speaks as much of the hub's protocol as a download needs.

huggingface_hub reads its environment when it is imported, so every fetch runs in a process of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from turn_detection.data.sources import read_dialogues

pytest.importorskip("huggingface_hub")

REPO, FILE, COMMIT = "some/Conversations", "conversations.jsonl.gz", "0123456789abcdef0123456789abcdef01234567"
ADDRESS = f"/datasets/{REPO}/resolve/main/{FILE}"
CONTENT = gzip.compress(
    "".join(json.dumps({"conversation": f"— Алло, номер {n}?\n— Да."}) + "\n" for n in range(3000)).encode(), mtime=0
)
#: The library writes whole blocks of this many bytes and goes on after the last one.
BLOCK = 10 * 1024 * 1024
SOURCE = Path(__file__).resolve().parents[2] / "src"
#: Longest that a fetch which cannot succeed may take, interpreter start included; the library alone takes 23 s to minutes.
PATIENCE_S = 15.0

_FETCH = """
import json, sys
from turn_detection.data.hub import fetch_file
from turn_detection.errors import TurnDetectionError
try:
    answer = {"path": str(fetch_file(sys.argv[1], sys.argv[2]))}
except TurnDetectionError as error:
    answer = {"error": type(error).__name__, "message": str(error), "cause": type(error.__cause__).__name__}
print("ANSWER " + json.dumps(answer))
"""


@dataclass
class HubStandIn:
    """A data set with one file; remembers what it was asked.

    Attributes:
        content: what is sent.
        etag: promised SHA-256; of ``content`` unless a test promises something else.
        break_after: the first so many downloads are cut off after ``break_at`` bytes.
        status: answered instead of the file where it is not 200.
    """

    content: bytes = CONTENT
    etag: str = hashlib.sha256(CONTENT).hexdigest()
    break_after: int = 0
    break_at: int = 0
    status: int = 200
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    port: int = 0

    def downloads(self) -> list[str | None]:
        """The ``Range`` of every download."""
        return [wanted for method, _, wanted in self.asked if method == "GET"]


def handler_for(hub: HubStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            wanted = self.headers.get("Range")
            hub.asked.append((self.command, self.path, wanted))
            if self.path != ADDRESS or hub.status != 200:
                self.send_response(404 if hub.status == 200 else hub.status)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            body = hub.content[start:]
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(hub.content) - 1}/{len(hub.content)}")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", f'"{hub.etag}"')
            self.send_header("X-Linked-Etag", f'"{hub.etag}"')
            self.send_header("X-Linked-Size", str(len(hub.content)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if not with_body:
                return
            if len(hub.downloads()) <= hub.break_after:
                self.wfile.write(body[: hub.break_at])
                self.close_connection = True
                return
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    return Handler


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    standing_in = HubStandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(standing_in))
    standing_in.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield standing_in
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Answer:
    path: Path | None
    error: str
    message: str
    cause: str
    output: str


def fetch(endpoint: str, home: Path, *, filename: str = FILE, offline: bool = False, timeout_s: int = 10) -> Answer:
    """``fetch_file`` in a process of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_") and "proxy" not in key.lower()}
    environment = kept | {
        "PYTHONPATH": str(SOURCE),
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_OFFLINE": "1" if offline else "0",
        "HF_HUB_ETAG_TIMEOUT": str(timeout_s),
    }
    done = subprocess.run(
        [sys.executable, "-c", _FETCH, REPO, filename],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert told, f"the fetch crashed:\n{done.stderr}"
    answer = json.loads(told[-1].removeprefix("ANSWER "))
    path = Path(answer["path"]) if "path" in answer else None
    return Answer(path, answer.get("error", ""), answer.get("message", ""), answer.get("cause", ""), done.stderr)


def at(hub: HubStandIn) -> str:
    return f"http://127.0.0.1:{hub.port}"


def files(home: Path) -> list[Path]:
    """Everything that holds content in a cache: blobs, half-blobs and links to them."""
    places = [path for folder in ("blobs", "snapshots") for path in home.rglob(f"{folder}/**/*")]
    return [path for path in places if path.is_symlink() or path.is_file()]


def assert_says_what_to_do(answer: Answer) -> None:
    assert answer.error == "DataUnavailableError"
    assert "\n" not in answer.message
    assert REPO in answer.message
    assert "--data=local --data.paths=" in answer.message


def test_a_file_is_downloaded_once_and_read_as_dialogues(hub: HubStandIn, tmp_path: Path) -> None:
    first = fetch(at(hub), tmp_path)
    assert first.path is not None, first.message
    assert first.path.read_bytes() == CONTENT
    assert hub.downloads() == [None]
    assert {path for _, path, _ in hub.asked} == {ADDRESS}

    again = fetch(at(hub), tmp_path)
    assert again.path == first.path
    assert hub.downloads() == [None]  # asked whether it is new, not downloaded

    dialogues = list(read_dialogues([first.path], on_malformed="refuse"))
    assert len(dialogues) == 3000
    assert dialogues[7].source == "conversations"
    assert [turn.text for turn in dialogues[7].turns] == ["Алло, номер 7?", "Да."]


def test_the_cache_serves_offline_and_the_hub_is_not_asked(hub: HubStandIn, tmp_path: Path) -> None:
    path = fetch(at(hub), tmp_path).path
    hub.asked.clear()
    assert fetch(at(hub), tmp_path, offline=True).path == path
    assert hub.asked == []


def test_the_cache_serves_when_the_hub_is_down(hub: HubStandIn, tmp_path: Path) -> None:
    path = fetch(at(hub), tmp_path).path
    hub.status = 503
    assert fetch(at(hub), tmp_path).path == path
    assert fetch("http://127.0.0.1:9", tmp_path).path == path


def test_offline_without_a_copy_says_what_to_do(hub: HubStandIn, tmp_path: Path) -> None:
    assert_says_what_to_do(fetch(at(hub), tmp_path, offline=True))
    assert hub.asked == []


def test_an_interrupted_download_goes_on_where_it_broke_off(hub: HubStandIn, tmp_path: Path) -> None:
    hub.content = random.Random(0).randbytes(BLOCK + BLOCK // 4)
    hub.etag = hashlib.sha256(hub.content).hexdigest()
    hub.break_after, hub.break_at = 1, BLOCK + BLOCK // 8
    answer = fetch(at(hub), tmp_path)
    assert answer.path is not None, answer.message
    assert answer.path.read_bytes() == hub.content
    assert hub.downloads() == [None, f"bytes={BLOCK}-"]


@pytest.mark.slow
def test_a_download_that_breaks_off_every_time_is_given_up_and_leaves_nothing_half_done(
    hub: HubStandIn, tmp_path: Path
) -> None:
    hub.break_after = 100
    answer = fetch(at(hub), tmp_path)
    assert_says_what_to_do(answer)
    assert 2 <= len(hub.downloads()) < 20
    assert files(tmp_path) == []


def test_damaged_content_is_refused_and_removed_and_the_next_try_is_clean(hub: HubStandIn, tmp_path: Path) -> None:
    hub.content = CONTENT[:-9] + bytes([CONTENT[-9] ^ 1]) + CONTENT[-8:]
    answer = fetch(at(hub), tmp_path)
    assert answer.error == "DataUnavailableError"
    assert "damaged" in answer.message
    assert "try again" in answer.message
    assert files(tmp_path) == []

    hub.content = CONTENT
    path = fetch(at(hub), tmp_path).path
    assert path is not None
    assert path.read_bytes() == CONTENT


def test_a_copy_that_was_damaged_on_this_disk_is_found_out(hub: HubStandIn, tmp_path: Path) -> None:
    path = fetch(at(hub), tmp_path).path
    assert path is not None
    path.resolve().write_bytes(CONTENT[:-100])
    assert "damaged" in fetch(at(hub), tmp_path, offline=True).message
    assert files(tmp_path) == []


def test_a_small_file_without_a_sha256_is_taken_as_it_is(hub: HubStandIn, tmp_path: Path) -> None:
    hub.etag = "a" * 40  # a git hash
    path = fetch(at(hub), tmp_path).path
    assert path is not None
    assert path.read_bytes() == CONTENT


def test_a_file_that_the_hub_does_not_know_is_unavailable(hub: HubStandIn, tmp_path: Path) -> None:
    answer = fetch(at(hub), tmp_path, filename="nothing.jsonl.gz")
    assert_says_what_to_do(answer)
    assert "nothing.jsonl.gz" in answer.message
    assert "EntryNotFound" in answer.cause
    assert hub.downloads() == []


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_hub_that_answers_with_an_error_is_not_asked_for_a_minute(
    hub: HubStandIn, tmp_path: Path, status: int
) -> None:
    hub.status = status
    begin = time.monotonic()
    assert_says_what_to_do(fetch(at(hub), tmp_path))
    assert time.monotonic() - begin < PATIENCE_S


def test_a_hub_that_cannot_be_reached_is_told_within_seconds(tmp_path: Path) -> None:
    with socket.socket() as taken:  # a port that nobody listens at
        taken.bind(("127.0.0.1", 0))
        begin = time.monotonic()
        answer = fetch(f"http://127.0.0.1:{taken.getsockname()[1]}", tmp_path)
    assert time.monotonic() - begin < PATIENCE_S
    assert_says_what_to_do(answer)
    assert "Retrying" not in answer.output


def test_a_hub_that_never_answers_is_waited_for_once(tmp_path: Path) -> None:
    with socket.socket() as silent:  # takes the connection and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        answer = fetch(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, timeout_s=1)
    assert time.monotonic() - begin < PATIENCE_S
    assert_says_what_to_do(answer)
