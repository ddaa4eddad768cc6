"""The live page as HTTP serves it: whole, out of the package, and nothing but that."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from turn_detection.serve.curve import load_curve
from turn_detection.serve.page import load_assets
from turn_detection.serve.settings import ServeConfig

from .conftest import POLICY, HeldEngine, running

Maker = Callable[..., TestClient]

TOKEN = "ключ-от-двери"
ASSETS = load_assets()
#: What all of it may weigh on the wire.
MAX_PACKED_BYTES = 200_000


@pytest.fixture
def page(held_client: Maker) -> TestClient:
    return held_client(HeldEngine())


def of_token(token: str) -> str:
    return "bearer." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def test_the_page_and_every_part_of_it_is_served_with_its_type(page: TestClient) -> None:
    types = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    index = page.get("/")
    assert index.status_code == 200
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    for name, asset in ASSETS.items():
        answer = page.get(f"/page/{name}")
        assert answer.status_code == 200
        assert answer.content == asset.content
        assert answer.headers["content-type"].startswith(types[Path(name).suffix])
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_the_page_names_is_there_and_on_this_server(page: TestClient) -> None:
    """No address leads elsewhere, and none begins at the root: a prefix in front of all of them changes nothing."""
    index = page.get("/").text
    named = re.findall(r'(?:src|href)="([^"]+)"', index)
    assert len(named) > 8
    for address in named:
        assert not re.match(r"\w+:|/", address), address
        assert address.startswith("#") or page.get(f"/{address}").status_code == 200
    for name, asset in ASSETS.items():
        text = asset.content.decode()
        imported = re.findall(r"""(?:from|import)\s*\(?\s*['"]([^'"]+)['"]""", text) if name.endswith(".js") else []
        for address in imported:
            assert address.startswith("./"), (name, address)
            assert address.removeprefix("./") in ASSETS, (name, address)
        foreign = set(re.findall(r"https?://[^\s\"'<>)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not foreign, (name, foreign)


def test_nothing_inline_runs_and_nobody_frames_the_page(page: TestClient) -> None:
    answer = page.get("/")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)


def test_a_part_that_is_known_is_not_sent_again(page: TestClient) -> None:
    first = page.get("/page/app.js")
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    for known in (tag, f'"other", {tag}', "*"):
        again = page.get("/page/app.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-security-policy" in again.headers
    assert page.get("/page/app.js", headers={"If-None-Match": 'W/"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip, br", True), ("br;q=1, GZIP;q=0.5", True), ("identity", False), ("gzip;q=0", False), ("", False)],
)
def test_it_is_packed_for_those_who_take_it(page: TestClient, accepted: str, packed: bool) -> None:
    answer = page.get("/page/style.css", headers={"Accept-Encoding": accepted})
    assert answer.content == ASSETS["style.css"].content
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert "Accept-Encoding" in answer.headers["vary"]


def test_all_of_it_is_light() -> None:
    total = sum(len(asset.packed) for asset in ASSETS.values())
    print(f"\nlive page: {len(ASSETS)} files, {total} bytes packed")
    assert total < MAX_PACKED_BYTES
    assert all(gzip.decompress(asset.packed) == asset.content for asset in ASSETS.values())


def test_no_other_file_can_be_reached(config: ServeConfig) -> None:
    """Asked without a client that would tidy the path first."""
    paths = [
        "/page/", "/page/..", "/page/../page.py", "/page/%2e%2e/page.py", "/page/%2e%2e%2fpage.py", "/page/..%5cpage.py", "/page//etc/passwd",
        "/page/%2fetc%2fpasswd", "//etc/passwd", "/page/app.js%00", "/page/app.js/", "/page/APP.JS", "/page/page.py", "/page/./app.js", "/index.html",
    ]  # fmt: skip
    with running(config, HeldEngine()) as port:
        for path in paths:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.putrequest("GET", path)
            connection.endheaders()
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            assert answer.status in (404, 307), path
            if answer.status == 307:  # to the same name without the slash behind it
                assert (path, answer.headers["location"]) == ("/page/app.js/", f"http://127.0.0.1:{port}/page/app.js")
            else:
                assert json.loads(content).keys() == {"detail"}


def test_the_page_is_read_only_and_no_part_of_the_documented_interface(page: TestClient) -> None:
    assert page.head("/").status_code == 200
    assert page.head("/").content == b""
    assert page.post("/", json={}).status_code == 405
    paths = page.get("/openapi.json").json()["paths"]
    assert "/" not in paths
    assert not [path for path in paths if path.startswith("/page")]


def test_it_can_be_switched_off(held_client: Maker) -> None:
    client = held_client(HeldEngine(), page=False)
    assert client.get("/").status_code == client.get("/page/app.js").status_code == 404
    assert client.get("/v1/settings").status_code == 200
    guarded = held_client(HeldEngine(), page=False, token=TOKEN)
    assert guarded.get("/").status_code == guarded.get("/page/app.js").status_code == 401


def test_the_page_needs_no_token_and_everything_that_it_asks_does(held_client: Maker) -> None:
    guarded = held_client(HeldEngine(), token=TOKEN)
    assert guarded.get("/").status_code == guarded.get("/page/app.js").status_code == 200
    assert guarded.get("/page/nothing.js").status_code == 401
    bearer = {"Authorization": b"Bearer " + TOKEN.encode()}
    assert guarded.get("/v1/settings").status_code == 401
    assert guarded.get("/v1/settings", headers=bearer).json()["model"]["name"] == "held"
    assert TOKEN not in guarded.get("/").text


@pytest.mark.parametrize("prefix", ["", "/turns"])
def test_a_prefix_may_be_stripped_or_not(held_client: Maker, prefix: str) -> None:
    client = held_client(HeldEngine(), root_path="/turns", token=TOKEN)
    assert client.get(f"{prefix}/").text.startswith("<!doctype html>")
    assert client.get(f"{prefix}/page/app.js").status_code == 200
    assert client.get(f"{prefix}/v1/settings").status_code == 401


def test_an_address_without_its_last_slash_leads_to_the_one_with_it(held_client: Maker) -> None:
    """Relative addresses begin behind the last slash."""
    answer = held_client(HeldEngine(), root_path="/turns").get("/turns", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"].endswith("/turns/")


def test_a_browser_s_call_brings_the_token_as_a_subprotocol(held_client: Maker) -> None:
    guarded = held_client(HeldEngine(), token=TOKEN)
    with guarded.websocket_connect("/v1/stream", subprotocols=["turn-detection.v1", of_token(TOKEN)]) as call:
        assert call.accepted_subprotocol == "turn-detection.v1"  # and never the one with the token
        call.send_json({"type": "start"})
        assert call.receive_json()["type"] == "started"


@pytest.mark.parametrize(
    "protocols",
    [
        ["turn-detection.v1"],
        ["turn-detection.v1", of_token("чужой")],
        ["turn-detection.v1", "bearer."],
        ["turn-detection.v1", "bearer.!"],
        ["turn-detection.v1", of_token("чужой"), of_token(TOKEN)],
        [of_token(TOKEN).removeprefix("bearer.")],
    ],
)
def test_a_call_with_another_token_is_refused(held_client: Maker, protocols: list[str]) -> None:
    guarded = held_client(HeldEngine(), token=TOKEN)
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        guarded.websocket_connect("/v1/stream", subprotocols=protocols),
    ):
        pass
    assert refused.value.status_code == 401


def test_a_header_goes_before_a_subprotocol(held_client: Maker) -> None:
    guarded = held_client(HeldEngine(), token=TOKEN)
    wrong = {"Authorization": "Bearer wrong"}
    with (
        pytest.raises(WebSocketDenialResponse),
        guarded.websocket_connect("/v1/stream", subprotocols=[of_token(TOKEN)], headers=wrong),
    ):
        pass


def test_a_call_without_a_subprotocol_gets_none(page: TestClient) -> None:
    for offered in (None, ["something.else"]):
        with page.websocket_connect("/v1/stream", subprotocols=offered) as call:
            assert call.accepted_subprotocol is None


def test_settings_say_what_decides_and_no_secret(held_client: Maker) -> None:
    guarded = held_client(HeldEngine(), token=TOKEN, max_batch_items=7)
    answer = guarded.get("/v1/settings", headers={"Authorization": b"Bearer " + TOKEN.encode()})
    settings = answer.json()
    assert settings["policy"] == POLICY.to_dict()
    assert (settings["threshold"], settings["slots"]) == (0.5, "auto")
    assert settings["limits"]["max_batch_items"] == 7
    assert TOKEN not in answer.text


def test_the_curve_is_that_of_the_bundle(tmp_path: Path) -> None:
    assert load_curve(str(tmp_path)) is None
    line = [[0.3, 0.2, 0.4], [0.6, 0.1, 0.2]]
    content = {"lines": {"continuous, fitted": {"line": line, "readings": [1]}}, "n": {"turns": 5}}
    (tmp_path / "curve.json").write_text(json.dumps(content), encoding="utf-8")
    for bundle in (tmp_path, tmp_path / "model.onnx"):
        curve = load_curve(str(bundle))
        assert curve is not None
        assert curve.model_dump(mode="json") == {"lines": {"continuous, fitted": {"line": line}}}


@pytest.mark.parametrize("content", ["{", "[]", '{"lines": {"a": {"line": [[1, "x"]]}}}'])
def test_a_curve_that_cannot_be_read_is_said_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (tmp_path / "curve.json").write_text(content, encoding="utf-8")
    assert load_curve(str(tmp_path)) is None
    assert "curve.json cannot be read" in caplog.text
