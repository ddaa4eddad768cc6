"""The live page and its server: a token, prefixes, a server that goes, is idle, is full."""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from .page_reader import (
    PATIENT,
    TIMEOUT_MS,
    Reader,
    Server,
    badge,
    browser,
    judged_words,
    reader,
    served,
    server,
    wait_for_mode,
)

#: Fixtures that this module shares with its neighbours.
__all__ = ["browser", "reader", "server"]

pytestmark = pytest.mark.slow

TOKEN = "ключ-от-двери"


def test_a_prefix_and_a_token(reader: Callable[..., Reader]) -> None:
    with served(PATIENT, "serve.root_path=/turns", TURN_DETECTION_SERVE_TOKEN=TOKEN) as guarded:
        visitor = reader()
        page = visitor.visit(guarded.port, "/turns/")
        field = page.get_by_label("Токен", exact=True)
        field.fill("не тот")
        field.press("Enter")
        expect(page.get_by_text("Этот токен не подошёл.")).to_be_visible()
        assert page.locator("#status").get_attribute("data-status") == "token"
        field.fill(TOKEN)
        field.press("Enter")
        expect(page.locator("#token-dialog")).to_be_hidden()
        badge(page, "ждать")
        page.get_by_role("button", name="Вставить сразу").click()
        wait_for_mode(page, "bot")
        page.reload()
        badge(page, "ждать")
        assert page.locator("#token-dialog").is_hidden()
        refusals = [error for error in visitor.errors if "401" in error]
        assert len(refusals) == 2  # of the settings: without a token, and with the wrong one
        visitor.errors = [error for error in visitor.errors if error not in refusals]
        assert TOKEN not in guarded.log


@contextlib.contextmanager
def stripping_proxy(port: int) -> Iterator[int]:
    """A proxy that takes ``/turns`` off every address; the server behind it knows of no prefix. Gives its port."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data.replace(b"GET /turns/", b"GET /").replace(b"POST /turns/", b"POST /"))
            sink.shutdown(socket.SHUT_WR)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                back = threading.Thread(target=pump, args=(upstream, self.request))
                back.start()
                pump(self.request, upstream)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        proxy.daemon_threads, proxy.block_on_close = True, False
        threading.Thread(target=proxy.serve_forever).start()
        yield proxy.server_address[1]
        proxy.shutdown()


def test_a_proxy_that_strips_its_prefix(reader: Callable[..., Reader], server: Server) -> None:
    with stripping_proxy(server.port) as port:
        page = reader().visit(port, "/turns/")
        badge(page, "ждать")
        page.get_by_role("button", name="Вставить сразу").click()
        wait_for_mode(page, "bot")
        judged_words(page, 9)
        page.locator("#tab-replay").click()
        expect(page.locator("#panel-replay > div > *").first).to_be_visible()
        page.goto("about:blank")


def test_a_server_that_goes_and_comes_back(reader: Callable[..., Reader]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    visitor = reader()
    with served(PATIENT, "--port", str(port)) as first:
        page = visitor.visit(port)
        badge(page, "ждать")
        expect(page.locator("#status")).to_have_text("Сервер на связи")
        page.get_by_label("Слова абонента").fill("мне нужен билет на")
        assert first.stop() == 0
    expect(page.locator("#status")).to_have_text("Сервер недоступен", timeout=TIMEOUT_MS)
    expect(page.get_by_role("alert").filter(has_text="Страница подключится сама")).to_be_visible()
    page.get_by_label("Слова абонента").fill("да спасибо")
    with served(PATIENT, "--port", str(port)):
        expect(page.locator("#status")).to_have_text(re.compile("снова на связи"), timeout=TIMEOUT_MS)
        badge(page, "говорить")
        expect(page.locator("#status")).to_have_text("Сервер на связи", timeout=TIMEOUT_MS)
        assert page.locator("#gone").is_hidden()
        page.get_by_label("Слова абонента").fill("мне нужен билет на")
        badge(page, "ждать")
        refused = "net::ERR_CONNECTION_REFUSED"
        visitor.errors = [error for error in visitor.errors if refused not in error]


def test_a_call_that_was_closed_for_idleness_goes_on_with_the_next_word(reader: Callable[..., Reader]) -> None:
    with served(PATIENT, "serve.ws_idle_timeout_s=4") as hasty:
        page = reader().visit(hasty.port)
        badge(page, "ждать")
        page.wait_for_timeout(6000)
        expect(page.locator("#status")).to_have_text("Сервер на связи")
        page.get_by_label("Слова абонента").fill("да спасибо")
        badge(page, "говорить")
        wait_for_mode(page, "bot")


def test_a_server_that_takes_no_call_is_said(reader: Callable[..., Reader]) -> None:
    with served(PATIENT, "serve.ws_max_connections=0") as full:
        visitor = reader()
        page = visitor.visit(full.port)
        expect(page.locator("#status")).to_have_text("Сервер не принимает звонки", timeout=TIMEOUT_MS)
        visitor.errors = [error for error in visitor.errors if "503" not in error]


def test_a_long_list_is_judged_in_order_and_parts(reader: Callable[..., Reader], server: Server) -> None:
    visitor = reader()
    page = visitor.visit(server.port)
    script = """async () => {
      const { createApi } = await import('./page/api.js');
      const api = createApi({ askToken: () => { throw new Error('no token is needed'); } });
      const items = Array.from({ length: 75 }, (_, n) => ({ message: n % 3 ? 'мне нужен билет на' : 'да спасибо', context: 'Чем помочь?' }));
      const done = [];
      const found = await api.predictBatch(items, { onProgress: (n) => done.push(n) });
      const faulty = await api.predictBatch([{ message: 'а'.repeat(5000) }]).catch((error) => [error.name, error.status, error.message]);
      return { labels: found.map(({ label }) => label), done, faulty };
    }"""
    found = page.evaluate(script)
    assert found["labels"] == ["wait" if n % 3 else "speak" for n in range(75)]
    assert found["done"][-1] == 75
    assert len(found["done"]) > 1
    assert found["faulty"][:2] == ["ApiError", 422]
    assert "message" in found["faulty"][2]
    visitor.errors = [error for error in visitor.errors if "422" not in error]
