"""A Triton that is late, full, dead, restarted or holds another model: what the caller gets, and that nothing wrong is answered."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from turn_detection.backends.triton import AsyncTritonBackend, TritonBackend, TritonModel
from turn_detection.bundle import Bundle, open_bundle
from turn_detection.encoding import EncodedBatch, Encoder
from turn_detection.errors import BackendError, BackendTimeoutError, BackendUnavailableError
from turn_detection.triton_repository import CONFIG, write_repository

from ..conftest import write_bundle
from .server import TritonServer

pytestmark = pytest.mark.slow

ServerMaker = Callable[[Path], TritonServer]
#: Of a logit; the same item is answered by the same graph.
TOLERANCE = 1e-5


def answered_again(backend: TritonBackend, batch: EncodedBatch, *, limit_s: float = 10) -> float:
    """Seconds until the server can be reached again."""
    started = time.monotonic()
    while True:
        try:
            backend.logits(batch)
            return time.monotonic() - started
        except BackendUnavailableError:
            assert time.monotonic() - started < limit_s, "the connection does not come back"
            time.sleep(0.05)


def model_at(url: str, bundle: Bundle, encoder: Encoder, **values: object) -> TritonModel:
    return TritonModel.of(bundle.manifest, encoder, url=url, **values)  # type: ignore[arg-type]


def test_a_deadline_that_is_too_short_is_a_timeout(
    triton: TritonServer, bundle: Bundle, encoder: Encoder, rows: list[list[int]]
) -> None:
    async def ask() -> None:
        backend = AsyncTritonBackend(model_at(triton.url, bundle, encoder))
        try:
            await backend.check()
            before = triton.statistics()["inference_count"]
            started = time.monotonic()
            with pytest.raises(BackendTimeoutError, match="did not answer within 50 ms"):
                await backend.logits(encoder.pad(rows * 4), timeout_s=0.05)  # seconds of work
            assert time.monotonic() - started < 2
            # The withdrawn questions leave Triton's queue and are not worked off for nobody.
            assert len(await backend.logits(encoder.pad(rows[:1]), timeout_s=30)) == 1
            assert triton.statistics()["inference_count"] - before < len(rows) * 2
        finally:
            await backend.close()

    asyncio.run(ask())


def test_a_frozen_server_is_a_timeout_and_answers_when_it_thaws(
    triton: TritonServer, bundle: Bundle, encoder: Encoder, rows: list[list[int]]
) -> None:
    async def ask() -> None:
        backend, batch = AsyncTritonBackend(model_at(triton.url, bundle, encoder, timeout_s=30)), encoder.pad(rows[:3])
        before = await backend.logits(batch)
        with triton.frozen():
            with pytest.raises(BackendTimeoutError, match="within 300 ms"):
                await backend.logits(batch, timeout_s=0.3)
            assert not await backend.ready(timeout_s=0.3)
        np.testing.assert_array_equal(await backend.logits(batch), before)
        assert await backend.ready()
        await backend.close()

    asyncio.run(ask())


def test_a_dead_server_is_noticed_at_once_by_threads_and_loops(
    triton: TritonServer, bundle: Bundle, encoder: Encoder, rows: list[list[int]]
) -> None:
    model = model_at(triton.url, bundle, encoder, timeout_s=5)
    backend, batch = TritonBackend(model), encoder.pad(rows[:3])

    async def ask() -> None:
        other = AsyncTritonBackend(model)
        assert await other.ready()
        triton.kill()
        started = time.monotonic()
        with pytest.raises(BackendUnavailableError, match="cannot answer for the model 'turn_detection'"):
            await other.logits(batch)
        assert not await other.ready()
        assert time.monotonic() - started < 2
        await other.close()

    try:
        backend.logits(batch)
        asyncio.run(ask())
        started = time.monotonic()
        with pytest.raises(BackendUnavailableError) as caught:
            backend.logits(batch)
        assert isinstance(caught.value, ConnectionError)
        assert not backend.ready()
        assert time.monotonic() - started < 2
        triton.start()
        assert answered_again(backend, batch) < 10
    finally:
        backend.close()


def test_a_restart_under_load_gives_no_wrong_answer_and_needs_no_restart_of_the_client(
    triton: TritonServer, bundle: Bundle, encoder: Encoder, rows: list[list[int]], expected: np.ndarray
) -> None:
    outcomes: Counter[str] = Counter()
    times: dict[str, float] = {}

    async def client(backend: AsyncTritonBackend, number: int, over: asyncio.Event) -> None:
        index = number
        while not over.is_set():
            index = (index + 7) % 200
            try:
                (logits,) = await backend.logits(encoder.pad([rows[index]]))
            except (BackendUnavailableError, BackendTimeoutError) as error:
                outcomes[type(error).__name__] += 1
                await asyncio.sleep(0.02)
                continue
            outcomes["right" if np.abs(logits - expected[index]).max() < TOLERANCE else "wrong"] += 1
            if "ready" in times:
                times.setdefault("answered", time.monotonic())

    async def scene() -> None:
        backend, over = AsyncTritonBackend(model_at(triton.url, bundle, encoder, timeout_s=2)), asyncio.Event()
        clients = [asyncio.create_task(client(backend, number, over)) for number in range(8)]
        await asyncio.sleep(1)
        before = outcomes["right"]
        await asyncio.to_thread(triton.kill)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(triton.start)
        times["ready"] = time.monotonic()
        while "answered" not in times and time.monotonic() - times["ready"] < 15:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        over.set()
        await asyncio.gather(*clients)
        await backend.close()
        assert before > 0
        assert outcomes["right"] > before

    asyncio.run(scene())
    assert outcomes["wrong"] == 0
    assert outcomes["BackendUnavailableError"] > 0
    assert times["answered"] - times["ready"] < 5


def test_a_server_that_comes_back_with_another_bundle_is_refused(
    server_maker: ServerMaker, tmp_path: Path, encoder: Encoder
) -> None:
    first, second = (open_bundle(write_bundle(tmp_path / name)) for name in ("first", "second"))
    # The same weights and another tokenizer: nothing in the server's own answers would show it.
    altered = tmp_path / "second" / "tokenizer.json"
    altered.write_text(altered.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    second = open_bundle(rewrite_manifest(tmp_path / "second"))
    write_repository(first, tmp_path / "models", n_instances=1)
    server = server_maker(tmp_path / "models")
    server.start()
    reader = first.encoder()
    backend, batch = (
        TritonBackend(model_at(server.url, first, reader, timeout_s=5)),
        reader.encode_batch([(None, "да")]),
    )
    try:
        assert backend.logits(batch).argmax() == 1
        server.kill()
        write_repository(second, tmp_path / "models", n_instances=1)
        server.start()
        with pytest.raises(BackendError, match="comes from bundle .* this side reads bundle"):
            answered_again(backend, batch)
        assert not backend.ready()
    finally:
        backend.close()
        server.stop()


def rewrite_manifest(folder: Path) -> Path:
    """Record the files of a bundle as they are now."""
    import dataclasses

    from turn_detection.bundle import MANIFEST, Manifest, record_file

    place = folder / MANIFEST
    manifest = Manifest.from_json(place.read_text(encoding="utf-8"), place)
    manifest = dataclasses.replace(manifest, files={name: record_file(folder / name) for name in manifest.files})
    place.write_text(manifest.to_json(), encoding="utf-8")
    return folder


def test_two_servers_share_the_questions_and_one_may_die(
    triton: TritonServer,
    server_maker: ServerMaker,
    bundle: Bundle,
    encoder: Encoder,
    rows: list[list[int]],
    expected: np.ndarray,
) -> None:
    other = server_maker(triton.repository)
    other.start()
    url = f"ipv4:{triton.url},{other.url}"
    outcomes: Counter[str] = Counter()

    async def scene() -> None:
        backend = AsyncTritonBackend(model_at(url, bundle, encoder, timeout_s=5))
        await backend.check()

        async def ask(index: int) -> None:
            try:
                (logits,) = await backend.logits(encoder.pad([rows[index]]))
            except BackendError as error:
                outcomes[type(error).__name__] += 1
            else:
                outcomes["right" if np.abs(logits - expected[index]).max() < TOLERANCE else "wrong"] += 1

        await asyncio.sleep(0.5)  # until both are connected
        await asyncio.gather(*(ask(index) for index in range(60)))
        other.kill()
        await asyncio.sleep(0.2)
        for start in range(0, 60, 6):
            await asyncio.gather(*(ask(index) for index in range(start, start + 6)))
        await backend.close()

    before = triton.statistics()["inference_count"]
    asyncio.run(scene())
    served = triton.statistics()["inference_count"] - before
    assert outcomes == {"right": 120}
    assert 60 < served < 120, "both servers answered"


def test_a_full_queue_and_a_missing_model_are_unavailable(
    server_maker: ServerMaker, repository: Path, bundle: Bundle, encoder: Encoder, rows: list[list[int]], tmp_path: Path
) -> None:
    shutil.copytree(repository, tmp_path / "models")
    config = tmp_path / "models" / "turn_detection" / CONFIG
    config.write_text(config.read_text().replace("max_queue_size: 512", "max_queue_size: 2"))
    server = server_maker(tmp_path / "models")
    server.start()

    async def ask() -> Counter[str]:
        outcomes: Counter[str] = Counter()
        stranger = AsyncTritonBackend(model_at(server.url, bundle, encoder, name="nobody"))
        with pytest.raises(BackendUnavailableError, match="nobody"):
            await stranger.logits(encoder.pad(rows[:1]))
        await stranger.close()
        backend = AsyncTritonBackend(model_at(server.url, bundle, encoder, timeout_s=30))
        calls = [backend.logits(encoder.pad([row])) for row in rows]
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            outcomes[type(outcome).__name__] += 1
            if isinstance(outcome, BaseException):
                assert "queue" in str(outcome).lower()
        await backend.close()
        return outcomes

    outcomes = asyncio.run(ask())
    server.stop()
    assert set(outcomes) == {"ndarray", "BackendUnavailableError"}
