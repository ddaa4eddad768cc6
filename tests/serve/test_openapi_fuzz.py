"""schemathesis makes requests from the OpenAPI document, lawful and unlawful ones; every answer must be one that the document knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from turn_detection import TurnDetector
from turn_detection.serve.scoring import EmbeddedEngine
from turn_detection.serve.settings import ServeConfig

from .conftest import running

pytestmark = pytest.mark.slow

#: Requests per operation and mode.
EXAMPLES = 60
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def schema(toy_detector: TurnDetector) -> Iterator[Any]:
    with running(ServeConfig(), EmbeddedEngine(toy_detector)) as port:
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")


@pytest.fixture(scope="module")
def seen() -> Iterator[Counter[int]]:
    """Answers of all tests here, by status."""
    counter: Counter[int] = Counter()
    yield counter
    print(f"\nschemathesis: {counter.total()} requests, by status: {dict(sorted(counter.items()))}")


def fuzz(operation: Any, mode: GenerationMode, seen: Counter[int]) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call()
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)
        # A request may ask for a deadline of a millisecond.
        assert response.status_code < 500 or (response.status_code == 504 and "deadline_ms" in case.body)
        if mode is GenerationMode.POSITIVE:
            assert response.status_code in (200, 422, 504)

    ask()


@pytest.mark.parametrize("path", ["/infer", "/v1/predict", "/v1/predict/batch", "/eot/multi"])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["lawful", "unlawful"])
def test_every_answer_to_a_body_is_one_that_the_document_knows(
    schema: Any, seen: Counter[int], path: str, mode: GenerationMode
) -> None:
    before = seen.total()
    fuzz(schema[path]["POST"], mode, seen)
    assert seen.total() - before >= EXAMPLES


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/settings"])
def test_every_answer_of_a_probe_is_one_that_the_document_knows(schema: Any, seen: Counter[int], path: str) -> None:
    fuzz(schema[path]["GET"], GenerationMode.POSITIVE, seen)


def test_none_of_these_answers_was_a_server_s_error(seen: Counter[int]) -> None:
    assert not [status for status in seen if status >= 500 and status != 504]
    assert {200, 422} <= set(seen)
