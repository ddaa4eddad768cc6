"""The server as a process: starts or says in one line why not, stops when told and loses nothing that it accepted."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from turn_detection.bundle import MANIFEST, record_file

from .conftest import WORD, wait_until

pytestmark = pytest.mark.slow


class Server:
    """``python -m turn_detection.serve`` on a free port; remembers its log."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        command = [sys.executable, "-m", "turn_detection.serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | environ)
        self.log = ""
        # A worker that outlives its supervisor keeps the log open: that must not keep the tests from ending.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: "serving on" in self.log or self.process.poll() is not None, 60)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.log)
        assert found, self.log
        self.port = int(found[1])
        wait_until(self._is_ready, 60)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/readyz")[0] == 200
        return False

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers={"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Exit code after a signal."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        return code

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self._reader.join(10)


@contextlib.contextmanager
def served(*arguments: str, **environ: str) -> Iterator[Server]:
    server = Server(*arguments, **environ)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def bundle(toy_bundle: Path) -> str:
    return f"serve.bundle={toy_bundle}"


def test_it_answers_from_the_first_request_and_stops_with_code_0(bundle: str) -> None:
    with served(bundle) as server:
        status, answer = server.ask("POST", "/infer", {"message": f"{WORD} да"})
        assert status == 200
        assert set(json.loads(answer)["probas"]) == {"wait", "speak"}
        assert server.ask("POST", "/infer", {"message": [WORD]})[0] == 422
        assert server.ask("GET", f"/{quote(WORD)}?q={quote(WORD)}")[0] == 404
        assert server.stop() == 0
        assert WORD not in server.log
        assert quote(WORD) not in server.log
        assert "Traceback" not in server.log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_answers_on_a_kept_connection_wait_for_no_acknowledgement(bundle: str, workers: str) -> None:
    with served(bundle, "--workers", workers) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        times_s = []
        for _ in range(40):
            asked_s = time.perf_counter()
            connection.request("POST", "/infer", json.dumps({"context": "", "message": WORD}))
            connection.getresponse().read()
            times_s.append(time.perf_counter() - asked_s)
        connection.close()
        assert server.stop() == 0
    # Linux holds an acknowledgement back for 40 ms; an answer of the toy model takes a few.
    assert statistics.median(times_s) < 0.03


def test_settings_come_from_the_environment_and_ctrl_c_is_a_clean_stop_too(bundle: str) -> None:
    environ = {"TURN_DETECTION_SERVE_TOKEN": WORD, "TURN_DETECTION_SERVE_THRESHOLD": "0.25"}
    with served(bundle, **environ) as server:
        assert server.ask("POST", "/infer", {"message": "да"})[0] == 401
        assert server.stop(signal.SIGINT) == 0
        assert WORD not in server.log


def refusal(*arguments: str) -> str:
    command = [sys.executable, "-m", "turn_detection.serve", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.strip().splitlines()
    return line


def test_what_cannot_be_served_is_said_in_one_line(toy_bundle: Path) -> None:
    assert "no bundle at /nowhere" in refusal("serve.bundle=/nowhere")
    assert "serve.prot" in refusal("serve.prot=1")
    assert "serve.port" in refusal("--port", "many")
    assert "no value" in refusal("--serve.port")
    assert "cannot listen" in refusal("--host", "203.0.113.7", "--port", "0")
    (toy_bundle / "model.onnx").write_bytes(b"damaged")
    for workers in ("1", "2"):
        assert "altered or damaged" in refusal(f"serve.bundle={toy_bundle}", "--workers", workers)


def test_an_engine_that_refuses_the_model_stops_every_worker(
    bundle_writer: Callable[..., Path],
) -> None:
    """The folder is whole, so only the engine notices."""
    folder = bundle_writer("wrong")
    manifest = folder / MANIFEST
    (folder / "model.onnx").write_bytes(b"no graph")
    values = json.loads(manifest.read_text(encoding="utf-8"))
    values["files"]["model.onnx"] = asdict(record_file(folder / "model.onnx"))
    manifest.write_text(json.dumps(values), encoding="utf-8")
    assert "cannot load" in refusal(f"serve.bundle={folder}", "--port", "0")
    command = [sys.executable, "-m", "turn_detection.serve", f"serve.bundle={folder}", "--port", "0", "--workers", "2"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "cannot load" in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("error: a worker process could not start")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_said_in_one_line(bundle: str, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal(bundle, "--port", str(port), "--workers", workers)
    assert f"cannot listen on 127.0.0.1 port {port}" in line


def test_the_console_script_s_subcommand_is_the_same_server() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "turn_detection.commands", "serve", "--serve.prot=1"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, "serve.prot" in result.stderr) == (2, True)


def test_help_is_printed() -> None:
    command = [sys.executable, "-m", "turn_detection.serve", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.returncode, "TURN_DETECTION_SERVE_PORT" in result.stdout) == (0, True)


def test_sigterm_under_load_loses_nothing_that_was_accepted(bundle: str) -> None:
    """Clients that were connected get whole answers; afterwards they are refused, never left hanging."""
    with served(bundle) as server:
        stopping = threading.Event()
        outcomes: list[str] = []

        def client(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            while True:
                sent_after_the_signal = stopping.is_set()
                try:
                    body = json.dumps({"message": f"мне нужен билет {number}"})
                    connection.request("POST", "/infer", body, headers={"Content-Type": "application/json"})
                    response = connection.getresponse()
                    answer = json.loads(response.read())
                    outcomes.append(str(response.status) if "probas" in answer else "broken")
                    if response.headers.get("connection") == "close":
                        return
                except (ConnectionError, http.client.RemoteDisconnected):
                    # An idle connection may be closed while a request is on its way; no answer was begun.
                    outcomes.append("refused" if sent_after_the_signal or stopping.is_set() else "lost")
                    return
                except (http.client.IncompleteRead, json.JSONDecodeError, TimeoutError):
                    outcomes.append("torn")
                    return

        clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for thread in clients:
            thread.start()
        wait_until(lambda: len(outcomes) > 50)
        stopping.set()
        assert server.stop() == 0
        for thread in clients:
            thread.join(30)
            assert not thread.is_alive()
        assert set(outcomes) <= {"200", "refused"}
        assert outcomes.count("refused") <= len(clients)


def test_a_call_is_told_that_the_server_restarts(bundle: str) -> None:
    with served(bundle) as server, connect(f"ws://127.0.0.1:{server.port}/v1/stream") as call:
        call.send('{"type": "start"}')
        assert "started" in str(call.recv(timeout=30))
        assert server.stop() == 0
        with pytest.raises(ConnectionClosed) as closed:
            call.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code in (1001, 1012)


def children_of(process_id: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_text()
            if int(fields[1]) == process_id and "spawn_main" in command:
                found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_several_workers_share_the_port_and_a_killed_one_is_replaced(bundle: str) -> None:
    with served(bundle, "--workers", "2") as server:
        wait_until(lambda: len(children_of(server.process.pid)) == 2, 30)
        wait_until(lambda: server.log.count("Application startup complete") == 2, 60)
        for _ in range(20):
            assert server.ask("POST", "/infer", {"message": "да"})[0] == 200
        counted = 'turn_detection_request_seconds_count{route="/infer",status="200"} 20.0'
        assert counted in server.ask("GET", "/metrics")[1]
        first, second = children_of(server.process.pid)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: server.log.count("Application startup complete") == 3, 60)
        assert second in children_of(server.process.pid)
        time.sleep(0.1)
        for _ in range(20):
            assert server.ask("POST", "/infer", {"message": "да"})[0] == 200
        assert counted.replace("20.0", "40.0") in server.ask("GET", "/metrics")[1]
        assert server.stop() == 0
        assert "Traceback" not in server.log
