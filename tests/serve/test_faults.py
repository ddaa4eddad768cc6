"""Bad networks and bad clients against a real server on the loopback: what each gets, and that the next client is served."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from turn_detection.serve.settings import ServeConfig

from .conftest import HeldEngine, probability_of, running, wait_until

pytestmark = pytest.mark.slow

LIMITS = ServeConfig(
    max_body_bytes=10_000, body_timeout_s=0.5, max_queue=4, max_batch_items=4, max_batch=1, ws_max_frame_bytes=2000
)


@pytest.fixture
def engine() -> HeldEngine:
    return HeldEngine()


@pytest.fixture
def port(engine: HeldEngine) -> Iterator[int]:
    with running(LIMITS, engine) as port:
        yield port


def infer(port: int, message: str) -> tuple[int, float | None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(
            "POST", "/infer", json.dumps({"message": message}), headers={"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        body = json.loads(response.read())
        return response.status, body["probas"]["speak"] if response.status == 200 else None
    finally:
        connection.close()


@contextlib.contextmanager
def raw(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        yield connection


def status_on(connection: socket.socket) -> int:
    """Status of the answer; the connection must end with it."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return int(received.split()[1])


HEAD = b"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_a_huge_body_is_refused_by_its_length_and_the_client_reads_why(port: int) -> None:
    with raw(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)
        assert status_on(connection) == 413
    assert infer(port, "100") == (200, 0.1)


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"9" * 40])
def test_a_length_that_makes_no_sense_is_refused(port: int, length: bytes) -> None:
    with raw(port) as connection:
        connection.sendall(HEAD + b"Content-Length: " + length + b"\r\n\r\n")
        assert status_on(connection) in (400, 413)
    assert infer(port, "100") == (200, 0.1)


def test_a_huge_chunked_body_is_refused_as_soon_as_it_is_too_large(port: int) -> None:
    with raw(port) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        assert status_on(connection) == 413
    assert infer(port, "100") == (200, 0.1)


def test_a_slow_client_is_refused_and_holds_up_nobody(port: int) -> None:
    with raw(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 20\r\n\r\n{")
        started_s = time.monotonic()
        assert infer(port, "100") == (200, 0.1)
        assert status_on(connection) == 408
        assert time.monotonic() - started_s >= LIMITS.body_timeout_s - 0.1


def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(port: int, engine: HeldEngine) -> None:
    with raw(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 20\r\n\r\n{")
    assert infer(port, "100") == (200, 0.1)
    assert len(engine.batches) == 1


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\r\n" * 100, b"\xff" * 5000])
def test_what_is_no_http_is_refused(port: int, garbage: bytes) -> None:
    with raw(port) as connection:
        connection.sendall(garbage)
    assert infer(port, "100") == (200, 0.1)


def test_who_leaves_before_the_answer_is_never_computed(port: int, engine: HeldEngine) -> None:
    engine.hold()
    with ThreadPoolExecutor(2) as clients:
        first = clients.submit(infer, port, "100")
        wait_until(lambda: engine.batches)
        with raw(port) as connection:
            body = json.dumps({"message": "200"}).encode()
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            time.sleep(0.2)
        time.sleep(0.2)
        last = clients.submit(infer, port, "300")
        time.sleep(0.1)
        engine.let_go()
        assert (first.result(), last.result()) == ((200, 0.1), (200, 0.3))
    assert [question.message for batch in engine.batches for question in batch] == ["100", "300"]


def test_a_full_queue_says_503_and_what_was_accepted_is_answered(port: int, engine: HeldEngine) -> None:
    engine.hold()
    with ThreadPoolExecutor(12) as clients:
        asked = [clients.submit(infer, port, str(number)) for number in range(100, 112)]
        wait_until(lambda: sum(future.done() for future in asked) == 7)  # one under way and four waiting stay
        engine.let_go()
        answers = [future.result() for future in asked]
    assert sorted(status for status, _ in answers) == [200] * 5 + [503] * 7
    assert all(p is None or p == number / 1000 for number, (_, p) in zip(range(100, 112), answers, strict=True))
    assert infer(port, "100") == (200, 0.1)


def test_many_clients_at_once_get_their_own_answers() -> None:
    engine = HeldEngine()
    with running(ServeConfig(), engine) as port, ThreadPoolExecutor(16) as clients:
        numbers = [number % 1000 for number in range(0, 3000, 7)]
        answers = clients.map(lambda number: infer(port, f"слово {number}"), numbers)
        assert list(answers) == [(200, number / 1000) for number in numbers]
    assert max(len(batch) for batch in engine.batches) <= ServeConfig().max_batch


def call(port: int) -> contextlib.AbstractContextManager[ClientConnection]:
    return connect(f"ws://127.0.0.1:{port}/v1/stream", max_size=None)


def test_a_frame_over_the_limit_closes_only_its_own_call(port: int) -> None:
    with call(port) as good, call(port) as bad:
        bad.send(json.dumps({"type": "partial", "text": "да" * 3000}))
        with pytest.raises(ConnectionClosed) as closed:
            bad.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        good.send(json.dumps({"type": "partial", "text": "да 100", "seq": 1}))
        assert json.loads(good.recv(timeout=10))["eot_probability"] == 0.1


def test_a_call_that_breaks_off_frees_its_place() -> None:
    with running(ServeConfig(ws_max_connections=1), HeldEngine()) as port:
        first = connect(f"ws://127.0.0.1:{port}/v1/stream")
        with pytest.raises(InvalidStatus) as refused, call(port):
            pass
        assert refused.value.response.status_code == 503
        first.socket.shutdown(socket.SHUT_RDWR)  # no farewell

        def is_free() -> bool:
            with contextlib.suppress(InvalidStatus), call(port) as second:
                second.send('{"type": "start"}')
                return "started" in str(second.recv(timeout=10))
            return False

        wait_until(is_free)


def test_who_does_not_read_is_closed_and_holds_up_nobody() -> None:
    config = ServeConfig(ws_max_messages_per_s=1e6, max_message_chars=60_000)
    with running(config, HeldEngine()) as port, call(port) as good:
        with raw(port) as deaf:
            # A small window fills soon; the answers to these frames quote them.
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(
                b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            assert b"101" in deaf.recv(100)

            def shout() -> None:
                with contextlib.suppress(OSError):
                    deaf.sendall(frame({"type": "start", "late_grace_s": 3600}))
                    deaf.sendall(frame({"type": "final", "text": "да"}))
                    deaf.sendall(frame({"type": "agent_turn", "text": "да"}))
                    for number in range(2000):
                        deaf.sendall(frame({"type": "final", "text": f"{number} " + "да" * 10_000}))

            shouting = threading.Thread(target=shout)
            shouting.start()
            good.send(json.dumps({"type": "partial", "text": "да 100", "seq": 1}))
            assert json.loads(good.recv(timeout=10))["eot_probability"] == 0.1

            def refused() -> bool:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/metrics")
                return b'reason="ws_slow_reader"' in connection.getresponse().read()

            wait_until(refused, 20)
        shouting.join(20)
        assert not shouting.is_alive()


def frame(event: dict[str, object]) -> bytes:
    """A masked text frame; the mask is zeros."""
    payload = json.dumps(event, ensure_ascii=False).encode()
    size = len(payload)
    head = bytes([0x81]) + (bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big"))
    return head + bytes(4) + payload


def test_calls_at_the_same_time_are_not_crossed(port: int) -> None:
    def talk(first: int) -> None:
        with call(port) as connection:
            connection.send('{"type": "speech_started"}')
            for number in range(first, first + 15):
                words = f"слово {number}"
                connection.send(json.dumps({"type": "partial", "text": words, "seq": number}))
                while (event := json.loads(connection.recv(timeout=10)))["type"] == "error":
                    assert event["code"] == "overloaded"  # the queue of this server is short
                    words = f"ещё {words}"  # the same words again would be skipped
                    connection.send(json.dumps({"type": "partial", "text": words, "seq": number}))
                assert (event["seq"], event["eot_probability"]) == (number, probability_of(str(number)))

    with ThreadPoolExecutor(8) as callers:
        for future in [callers.submit(talk, 100 * caller) for caller in range(8)]:
            future.result()
