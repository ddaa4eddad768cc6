"""The HTTP endpoints: what they answer, what they refuse and how."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from turn_detection import Message, TurnDetector
from turn_detection.errors import BackendError, BackendTimeoutError, BackendUnavailableError, InvalidInputError
from turn_detection.serve.app import create_app
from turn_detection.serve.schemas import EXPECT_PATTERN
from turn_detection.serve.scoring import EmbeddedEngine
from turn_detection.serve.settings import ServeConfig
from turn_detection.slots import check_expect

from .conftest import WORD, HeldEngine

Maker = Callable[..., TestClient]


def test_infer_is_the_original_system_s_endpoint(client: TestClient, toy_detector: TurnDetector) -> None:
    answer = client.post("/infer", json={"context": "Чем могу помочь?", "message": "мне нужен билет на", "id": 7})
    assert answer.status_code == 200
    p = toy_detector.predict("мне нужен билет на", "Чем могу помочь?").eot_probability
    assert answer.json() == {"probas": {"wait": pytest.approx(1 - p), "speak": pytest.approx(p)}}
    assert list(answer.json()["probas"]) == ["wait", "speak"]


@pytest.mark.parametrize("context", [{}, {"context": ""}, {"context": None}])
def test_infer_does_without_a_context(client: TestClient, context: dict[str, None]) -> None:
    assert client.post("/infer", json={"message": "да"} | context).json()["probas"]["speak"] > 0.9


def test_predict_gives_verdict_delay_and_model(client: TestClient, toy_detector: TurnDetector) -> None:
    answer = client.post("/v1/predict", json={"message": "да", "context": "Вам удобно?"}).json()
    expected = toy_detector.predict("да", "Вам удобно?")
    assert answer["eot_probability"] == pytest.approx(expected.eot_probability)
    assert answer["probas"] == {
        "wait": pytest.approx(1 - expected.eot_probability),
        "speak": answer["eot_probability"],
    }
    assert (answer["label"], answer["threshold"]) == ("speak", 0.5)
    assert answer["delay_s"] == pytest.approx(expected.delay_s)
    assert answer["latency_ms"] > 0
    assert answer["model"]["name"] == "toy"
    assert len(answer["model"]["version"]) == 12


def test_a_threshold_of_the_request_changes_the_verdict_only(client: TestClient) -> None:
    usual = client.post("/v1/predict", json={"message": "да"}).json()
    strict = client.post("/v1/predict", json={"message": "да", "threshold": 0.999}).json()
    assert (usual["label"], strict["label"], strict["threshold"]) == ("speak", "wait", 0.999)
    assert (usual["eot_probability"], usual["delay_s"]) == (strict["eot_probability"], strict["delay_s"])


def test_context_and_messages_are_two_ways_to_say_the_same(held_client: Maker) -> None:
    engine = HeldEngine()
    client = held_client(engine)
    history = [{"role": "system", "content": "Ты бот."}, {"role": "assistant", "content": "Куда едем?"}]
    bodies: list[dict[str, Any]] = [
        {"message": "в", "context": history},
        {"message": "в", "messages": history},
        {"messages": [*history, {"role": "user", "content": "в"}, {"role": "tool", "content": None}]},
    ]
    for body in bodies:
        assert client.post("/v1/predict", json=body).status_code == 200
    before = [Message("system", "Ты бот."), Message("agent", "Куда едем?")]
    asked = [(question.message, question.context) for batch in engine.batches for question in batch]
    assert asked == [("в", before), ("в", before), ("", [*before, Message("client", "в"), Message("tool", "")])]


def test_what_is_expected_reaches_the_engine(held_client: Maker) -> None:
    engine = HeldEngine()
    client = held_client(engine)
    assert client.post("/v1/predict", json={"message": "381", "expect": "digits:6"}).status_code == 200
    items = [{"message": "381", "expect": "phone"}, {"message": "381"}]
    assert client.post("/v1/predict/batch", json={"items": items}).status_code == 200
    assert [question.expect for batch in engine.batches for question in batch] == ["digits:6", "phone", None]
    refused = client.post("/v1/predict", json={"message": "381", "expect": WORD})
    assert refused.status_code == 422
    assert "digits:N" in refused.json()["detail"][0]["msg"]
    assert WORD not in refused.text


def test_a_batch_is_answered_in_order(client: TestClient, toy_detector: TurnDetector) -> None:
    messages = ["да", "мне нужен билет на", "", "москву", "в"] * 5
    body = {"items": [{"message": message} for message in messages], "threshold": 0.2}
    answer = client.post("/v1/predict/batch", json=body).json()
    expected = [prediction.eot_probability for prediction in toy_detector.predict_batch([(None, m) for m in messages])]
    assert [item["eot_probability"] for item in answer["predictions"]] == pytest.approx(expected)
    assert {item["threshold"] for item in answer["predictions"]} == {0.2}
    assert client.post("/v1/predict/batch", json={"items": []}).json()["predictions"] == []


def test_a_threshold_of_an_item_wins_over_the_batch_s(client: TestClient) -> None:
    body = {"items": [{"message": "да", "threshold": 0.9}, {"message": "да"}], "threshold": 0.2}
    answer = client.post("/v1/predict/batch", json=body).json()
    assert [item["threshold"] for item in answer["predictions"]] == [0.9, 0.2]


_MESSAGE = ["body", "message"]


@pytest.mark.parametrize(
    ("path", "body", "loc"),
    [
        ("/infer", {}, _MESSAGE),
        ("/infer", {"message": None}, _MESSAGE),
        ("/infer", {"message": [WORD]}, _MESSAGE),
        ("/infer", {"message": 7}, _MESSAGE),
        ("/infer", {"message": "да", "context": [WORD]}, ["body", "context"]),
        ("/infer", [WORD], ["body"]),
        ("/infer", WORD, ["body"]),
        ("/v1/predict", {}, ["body"]),
        ("/v1/predict", {"message": "да", WORD: 1}, ["body", "?"]),
        ("/v1/predict", {"message": "да", "threshold": 1.5}, ["body", "threshold"]),
        ("/v1/predict", {"message": "да", "threshold": WORD}, ["body", "threshold"]),
        ("/v1/predict", {"message": "да", "deadline_ms": 0}, ["body", "deadline_ms"]),
        ("/v1/predict", {"message": "да", "context": "да", "messages": []}, ["body"]),
        ("/v1/predict", {"messages": [{"role": 1, "content": WORD}]}, ["body", "messages", 0, "role"]),
        ("/v1/predict", {"messages": [{"role": WORD * 10, "content": ""}]}, ["body", "messages", 0, "role"]),
        ("/v1/predict", {"message": "да " * 2000}, _MESSAGE),
        ("/v1/predict", {"message": "", "context": "да " * 6000}, ["body", "context"]),
        ("/v1/predict", {"messages": [{"role": "user", "content": "да"}] * 101}, ["body", "context"]),
        ("/v1/predict/batch", {"items": [{"message": "да"}, {"message": 7}]}, ["body", "items", 1, "message"]),
        ("/v1/predict/batch", {"items": [{"message": "да" * 3000}]}, ["body", "items", 0, "message"]),
        ("/v1/predict/batch", {"items": [{"message": "да"}] * 129}, ["body", "items"]),
        ("/v1/predict/batch", {"items": {WORD: WORD}}, ["body", "items"]),
        ("/eot/multi", {}, ["body"]),
        ("/eot/multi", {"items": WORD}, ["body", "items"]),
        ("/eot/multi", {"language": [WORD]}, ["body", "language"]),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_its_field_and_not_quoted(
    client: TestClient, caplog: pytest.LogCaptureFixture, path: str, body: object, loc: list[str | int]
) -> None:
    answer = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][: len(loc)] == loc
    for told in (answer.text, caplog.text):
        assert WORD not in told
        assert WORD not in json.dumps(told).encode().decode("unicode_escape", "replace")


@pytest.mark.parametrize("body", [b"", b'{"message"', b"\xff\xfe", b'{"message": NaN}', b"[" * 100_000, b"1" * 5000])
def test_what_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/infer", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/json"


def test_half_a_surrogate_pair_is_no_reason_to_leave_a_caller_without_an_answer(client: TestClient) -> None:
    answer = client.post(
        "/infer", content=b'{"message": "\\ud83d \u0434\u0430"}', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200


def test_other_paths_and_methods_are_told_so_in_json(client: TestClient) -> None:
    assert client.get(f"/{WORD}").json() == {"detail": "Not Found"}
    assert client.get("/infer").status_code == 405


def test_probes(held_client: Maker) -> None:
    engine = HeldEngine()
    client = held_client(engine)
    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 200)
    engine.is_ready = False
    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 503)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (BackendUnavailableError("not there"), 503),
        (BackendTimeoutError("too slow"), 504),
        (BackendError("no engine"), 500),
        (RuntimeError(WORD), 500),
    ],
)
def test_a_failing_engine_has_a_status_and_no_stack_trace(
    held_client: Maker, caplog: pytest.LogCaptureFixture, failure: Exception, status: int
) -> None:
    client = held_client(HeldEngine(failure=failure))
    for path in ("/infer", "/v1/predict"):
        answer = client.post(path, json={"message": WORD})
        assert answer.status_code == status
        assert set(answer.json()) == {"detail"}
        assert ("retry-after" in answer.headers) == (status == 503)
        assert "Traceback" not in answer.text
        assert WORD not in answer.text + caplog.text
    assert type(failure).__name__ in caplog.text


def test_an_expired_deadline_is_504_and_a_request_may_set_its_own(held_client: Maker) -> None:
    client = held_client(HeldEngine(held=True), deadline_ms=60)
    assert client.post("/infer", json={"message": "1"}).status_code == 504
    answer = client.post("/v1/predict", json={"message": "1", "deadline_ms": 10})
    assert (answer.status_code, answer.json()["detail"]) == (504, "there was no answer within 10 ms")
    answer = client.post("/v1/predict", json={"message": "1", "deadline_ms": 5000})
    assert answer.json()["detail"] == "there was no answer within 60 ms"


def test_openapi_shows_russian_examples_and_every_route(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    turns = {"/infer", "/v1/predict", "/v1/predict/batch", "/v1/settings", "/eot/multi"}
    assert turns | {"/healthz", "/readyz", "/metrics"} == set(document["paths"])
    assert document["components"]["schemas"]["PredictRequest"]["examples"][0]["message"] == "мне нужен билет на"
    for schema in document["components"]["schemas"].values():
        for example in schema.get("examples", ()):
            assert json.dumps(example, ensure_ascii=False)


def test_the_examples_of_the_document_are_accepted(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for path, schema in (
        ("/infer", "InferRequest"),
        ("/v1/predict", "PredictRequest"),
        ("/v1/predict/batch", "BatchRequest"),
        ("/eot/multi", "EotRequest"),
    ):
        for example in schemas[schema]["examples"]:
            assert client.post(path, json=example).status_code == 200, (path, example)


def test_a_path_prefix_is_taken_with_and_without_a_proxy(toy_detector: TurnDetector) -> None:
    config = ServeConfig(root_path="/turns", token="t")
    with TestClient(create_app(config, EmbeddedEngine(toy_detector))) as client:
        headers = {"Authorization": "Bearer t"}
        for prefix in ("", "/turns"):
            assert client.post(f"{prefix}/infer", json={"message": "да"}, headers=headers).status_code == 200
            assert client.get(f"{prefix}/healthz").status_code == 200
            assert client.post(f"{prefix}/infer", json={"message": "да"}).status_code == 401
        text = client.get("/metrics", headers=headers).text
        assert 'turn_detection_request_seconds_count{route="/infer",status="200"} 2.0' in text


def test_the_document_s_pattern_of_expect_is_accepted(client: TestClient) -> None:
    names = re.findall(r"[a-z_]+(?=[|)])", EXPECT_PATTERN)
    for expect in [*names, "digits:6", "digits:39", "digits:4-6"]:
        assert re.fullmatch(EXPECT_PATTERN, expect), expect
        assert check_expect(expect) == expect
    assert set(names) == set(re.findall(r"[a-z_]{4,}|inn", accepted_forms())) - {"digits", "expect", "must"}


def accepted_forms() -> str:
    with pytest.raises(InvalidInputError) as refused:
        check_expect("nothing of the kind")
    return str(refused.value)
