"""The optional token."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from .conftest import HeldEngine

TOKEN = "ключ-от-двери"


@pytest.fixture
def guarded(held_client: Callable[..., TestClient]) -> TestClient:
    return held_client(HeldEngine(), token=TOKEN)


def bearer(token: str) -> dict[str, bytes]:
    return {"Authorization": b"Bearer " + token.encode()}


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/openapi.json", "/nothing"])
def test_everything_but_the_probes_wants_the_token(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 401
    assert guarded.get(path, headers=bearer(TOKEN)).status_code == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_probes_do_not(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize(
    "header",
    [b"", b"Bearer", b"Bearer wrong", TOKEN.encode(), b"Basic !!!", b"Basic OnRva2Vu", b"Digest x", b"Bearer \xff"],
)
def test_another_token_is_refused(guarded: TestClient, header: bytes) -> None:
    answer = guarded.post("/infer", json={"message": "да"}, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"detail": "a valid bearer token is needed"}


def test_the_token_is_taken_as_bearer_and_as_the_password_of_an_address(guarded: TestClient) -> None:
    basic = {"Authorization": b"Basic " + base64.b64encode(b"any:" + TOKEN.encode())}
    for headers in (bearer(TOKEN), {"Authorization": b"bearer  " + TOKEN.encode()}, basic):
        assert guarded.post("/infer", json={"message": "да"}, headers=headers).status_code == 200


def test_a_call_wants_the_token_too(guarded: TestClient) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, guarded.websocket_connect("/v1/stream"):
        pass
    assert refused.value.status_code == 401
    with guarded.websocket_connect("/v1/stream", headers=bearer(TOKEN)) as call:
        call.send_json({"type": "start"})
        assert call.receive_json()["type"] == "started"
