"""The Triton client against Triton's protocol in this process; tests/triton asks a real server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from turn_detection.backends.base import Backend
from turn_detection.backends.onnx import OnnxBackend
from turn_detection.backends.triton import AsyncTritonBackend, TritonBackend, TritonModel
from turn_detection.backends.triton_protocol import bundle_digest, channel_options
from turn_detection.bundle import Bundle, open_bundle
from turn_detection.encoding import EncodedBatch, Encoder
from turn_detection.errors import BackendError, BackendTimeoutError, BackendUnavailableError, InvalidInputError
from turn_detection.triton_repository import config_text

from ..conftest import write_bundle
from .recording_triton import RecordingTriton

ITEMS = [
    (None, "да"),
    ("мне", "билет на"),
    ("нужен билет", "мне нужен билет на завтра в москву да"),
    (None, "нет " * 60),
]


class InLoop:
    """The asynchronous client with the synchronous one's face, so that both pass the same tests."""

    def __init__(self, model: TritonModel) -> None:
        self._loop = asyncio.new_event_loop()
        self._backend = AsyncTritonBackend(model)

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        return self._loop.run_until_complete(self._backend.logits(batch))

    def check(self) -> None:
        self._loop.run_until_complete(self._backend.check())

    def ready(self) -> bool:
        return self._loop.run_until_complete(self._backend.ready())

    def close(self) -> None:
        self._loop.run_until_complete(self._backend.close())
        self._loop.close()


Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(write_bundle(tmp_path_factory.mktemp("triton") / "bundle"))


@pytest.fixture
def server(bundle: Bundle) -> Iterator[RecordingTriton]:
    with RecordingTriton(OnnxBackend(bundle.model_path), config_text(bundle)) as server:
        yield server


@pytest.fixture(params=[TritonBackend, InLoop], ids=["threads", "loop"])
def connect(request: pytest.FixtureRequest, server: RecordingTriton, bundle: Bundle) -> Iterator[Connect]:
    """Makes clients of the server; they end with the test."""
    made: list[Any] = []

    def make(**values: Any) -> Any:
        values = {"url": server.url, "timeout_s": 10, **values}
        made.append(request.param(TritonModel.of(bundle.manifest, bundle.encoder(), **values)))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_it_is_a_backend(bundle: Bundle, server: RecordingTriton) -> None:
    backend = TritonBackend(TritonModel.of(bundle.manifest, bundle.encoder(), url=server.url))
    taken: Backend = backend
    assert taken.logits(EncodedBatch(np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int64))).shape == (0, 2)
    assert server.n_checks == 0, "nothing to ask"
    backend.close()


def test_items_come_back_in_order_with_the_embedded_engines_answers(
    connect: Connect, server: RecordingTriton, bundle: Bundle, toy_encoder: Encoder
) -> None:
    batch = toy_encoder.encode_batch(ITEMS * 5)
    logits = connect().logits(batch)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, OnnxBackend(bundle.model_path).logits(batch), atol=1e-6)
    # max_batch_size of the configuration is 8: no question has more rows.
    assert sum(n_rows for n_rows, _ in server.shapes) == len(batch)
    assert all(n_rows <= 8 and n_tokens in (16, 32, 64, 152) for n_rows, n_tokens in server.shapes)
    assert len({n_tokens for _, n_tokens in server.shapes}) > 1, "items of several lengths"


def test_an_empty_batch_has_an_empty_answer(connect: Connect, toy_encoder: Encoder) -> None:
    logits = connect().logits(toy_encoder.encode_batch([]))
    assert logits.shape == (0, 2)
    assert logits.dtype == np.float32


def test_the_model_is_checked_before_the_first_question_only(
    connect: Connect, server: RecordingTriton, toy_encoder: Encoder
) -> None:
    client, batch = connect(), toy_encoder.encode_batch(ITEMS)
    started = time.monotonic()
    for _ in range(5):
        client.logits(batch)
    assert server.n_checks == 1 or time.monotonic() - started > 1


@pytest.mark.parametrize("noticed", [True, False])
def test_a_server_that_comes_back_with_another_model_is_not_asked(
    noticed: bool, connect: Connect, server: RecordingTriton, toy_encoder: Encoder
) -> None:
    client, batch = connect(), toy_encoder.encode_batch(ITEMS)
    client.logits(batch)
    server.stop()
    if noticed:
        with pytest.raises(BackendUnavailableError):
            client.logits(batch)
    else:
        time.sleep(1.1)  # no real server is back sooner
    server.config = server.config.replace("bundle_sha256", "another_key")
    server.start()
    n_asked = len(server.shapes)
    with pytest.raises(BackendError, match="comes from bundle unknown, this side reads bundle") as caught:
        until_reachable(client, batch)
    assert not isinstance(caught.value, BackendUnavailableError)
    assert len(server.shapes) == n_asked


def until_reachable(client: Any, batch: EncodedBatch) -> np.ndarray:
    limit_s = time.monotonic() + 10
    while True:
        try:
            return client.logits(batch)  # type: ignore[no-any-return]
        except BackendUnavailableError:
            assert time.monotonic() < limit_s, "the connection does not come back"
            time.sleep(0.02)


def test_the_connection_comes_back_by_itself(connect: Connect, server: RecordingTriton, toy_encoder: Encoder) -> None:
    client, batch = connect(), toy_encoder.encode_batch(ITEMS)
    before = client.logits(batch)
    assert client.ready()
    server.stop()
    assert not client.ready()
    server.start()
    np.testing.assert_array_equal(until_reachable(client, batch), before)
    assert client.ready()


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [
        (grpc.StatusCode.UNAVAILABLE, BackendUnavailableError, "Exceeds maximum queue size"),
        (grpc.StatusCode.NOT_FOUND, BackendUnavailableError, "unknown model"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, BackendUnavailableError, "no room"),
        (grpc.StatusCode.CANCELLED, BackendUnavailableError, "CANCELLED"),
        (grpc.StatusCode.INVALID_ARGUMENT, BackendError, "unexpected shape"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, BackendTimeoutError, "did not answer"),
    ],
)
def test_a_refusal_becomes_an_error_of_ours(
    code: grpc.StatusCode,
    error: type[BackendError],
    status: str,
    connect: Connect,
    server: RecordingTriton,
    toy_encoder: Encoder,
) -> None:
    client = connect()
    client.check()
    server.failure = (code, f"{status}\n")
    with pytest.raises(error, match=status) as caught:
        client.logits(toy_encoder.encode_batch(ITEMS))
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_what_an_engine_says_about_its_input_is_not_passed_on(
    code: grpc.StatusCode, connect: Connect, server: RecordingTriton, toy_encoder: Encoder
) -> None:
    client = connect()
    client.check()
    server.failure = (code, "idx=1234 must be within the inclusive range")
    with pytest.raises(BackendError, match=code.name) as caught:
        client.logits(toy_encoder.encode_batch(ITEMS))
    assert "1234" not in str(caught.value)


def test_a_late_answer_is_a_timeout(connect: Connect, server: RecordingTriton, toy_encoder: Encoder) -> None:
    client = connect(timeout_s=0.5)
    client.check()
    server.delay_s = 2.0
    started = time.monotonic()
    with pytest.raises(BackendTimeoutError, match="did not answer within 500 ms") as caught:
        client.logits(toy_encoder.encode_batch(ITEMS))
    assert isinstance(caught.value, TimeoutError)
    assert time.monotonic() - started < 1.9


def test_time_spent_on_the_check_counts(connect: Connect, toy_encoder: Encoder) -> None:
    with pytest.raises(BackendTimeoutError):
        connect(timeout_s=1e-9).logits(toy_encoder.encode_batch(ITEMS))


def test_a_model_that_is_not_loaded_or_not_there_is_unavailable(connect: Connect, server: RecordingTriton) -> None:
    with pytest.raises(BackendUnavailableError, match="nobody"):
        connect(name="nobody").check()
    server.is_ready = False
    client = connect()
    with pytest.raises(BackendUnavailableError, match="has not loaded the model 'turn_detection'"):
        client.check()
    assert not client.ready()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"input_ids"', '"ids"'),
        ("TYPE_INT64", "TYPE_INT32"),
        ("dims: [ -1 ]", "dims: [ 512 ]"),
        ("TYPE_FP32", "TYPE_FP16"),
        ("dims: [ 2 ]", "dims: [ 3 ]"),
    ],
)
def test_a_model_with_other_inputs_or_outputs_is_refused(
    old: str, new: str, connect: Connect, server: RecordingTriton
) -> None:
    server.config = server.config.replace(old, new)
    client = connect()
    with pytest.raises(BackendError, match="is no turn detector"):
        client.check()
    assert not client.ready()


def test_a_model_that_takes_no_batches_is_refused(connect: Connect, server: RecordingTriton) -> None:
    server.config = server.config.replace("max_batch_size: 8", "max_batch_size: 0")
    with pytest.raises(BackendError, match="max_batch_size"):
        connect().check()


def _renamed(response: Any) -> None:
    response.outputs[0].name = "scores"


def _halved(response: Any) -> None:
    response.outputs[0].datatype = "FP16"


def _cut(response: Any) -> None:
    response.raw_output_contents[0] = response.raw_output_contents[0][:4]


def _emptied(response: Any) -> None:
    del response.outputs[:]


@pytest.mark.parametrize("tamper", [_renamed, _halved, _cut, _emptied])
def test_an_answer_of_another_form_is_refused(
    tamper: Callable[[Any], None], connect: Connect, server: RecordingTriton, toy_encoder: Encoder
) -> None:
    server.tamper = tamper
    with pytest.raises(BackendError, match="Triton must answer with logits FP32"):
        connect().logits(toy_encoder.encode_batch(ITEMS))


def test_a_cancelled_question_is_withdrawn(server: RecordingTriton, bundle: Bundle, toy_encoder: Encoder) -> None:
    async def scene() -> None:
        backend = AsyncTritonBackend(TritonModel.of(bundle.manifest, bundle.encoder(), url=server.url, timeout_s=30))
        await backend.check()
        server.delay_s = 1.0
        asking = asyncio.create_task(backend.logits(toy_encoder.encode_batch(ITEMS)))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        server.delay_s = 0.0
        assert len(await backend.logits(toy_encoder.encode_batch(ITEMS), timeout_s=20)) == len(ITEMS)
        await backend.close()
        await backend.close()  # twice is fine

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"url": ""}, "needs a url"),
        ({"name": ""}, "name of a model"),
        ({"url": "http://127.0.0.1:8000"}, "host:port of its gRPC service"),
        ({"timeout_s": 0}, "timeout_s must be above 0"),
        ({"timeout_s": float("nan")}, "timeout_s must be above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_at_construction(values: dict[str, Any], words: str, bundle: Bundle) -> None:
    with pytest.raises(InvalidInputError, match=words):
        TritonModel.of(bundle.manifest, bundle.encoder(), **{"url": "127.0.0.1:8001", **values})


def test_several_servers_are_asked_in_turn_and_one_is_not() -> None:
    assert not any(key == "grpc.service_config" for key, _ in channel_options("127.0.0.1:8001"))
    for url in ("dns:///triton:8001", "ipv4:10.0.0.1:8001,10.0.0.2:8001"):
        assert "round_robin" in dict(channel_options(url))["grpc.service_config"]


def test_the_digest_names_weights_and_tokenizer_and_nothing_else(bundle: Bundle, tmp_path: Path) -> None:
    import dataclasses

    manifest = bundle.manifest
    same = dataclasses.replace(manifest, metrics={"x": 1.0}, files=dict(reversed(manifest.files.items())))
    assert bundle_digest(same) == bundle_digest(manifest)
    for name, record in manifest.files.items():
        other = dataclasses.replace(
            manifest, files={**manifest.files, name: dataclasses.replace(record, sha256="0" * 64)}
        )
        assert bundle_digest(other) != bundle_digest(manifest)


@pytest.mark.parametrize("absent", ["grpc", "tritonclient"])
def test_without_the_extra_the_door_names_it(absent: str) -> None:
    code = f"""
import sys
sys.modules[{absent!r}] = None
from turn_detection.errors import MissingExtraError
try:
    import turn_detection.backends.triton
except MissingExtraError as error:
    print(error.extra, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("triton Asking a Triton server needs the extra 'triton'")
