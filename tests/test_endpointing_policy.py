"""The policy: how a probability becomes a silence."""

from __future__ import annotations

import json
import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.endpointing import EndpointingPolicy
from turn_detection.errors import ConfigurationError, InvalidInputError, InvalidTypeError

probabilities = st.floats(0.0, 1.0)


@st.composite
def policies(draw: st.DrawFn) -> EndpointingPolicy:
    low, high = sorted((draw(st.floats(0.01, 10.0)), draw(st.floats(0.01, 10.0))))
    mode: Literal["continuous", "binary"] = draw(st.sampled_from(["continuous", "binary"]))
    return EndpointingPolicy(low, high, draw(probabilities), draw(st.floats(0.01, 100.0)), mode)


@given(policies(), probabilities, probabilities)
def test_a_surer_end_of_turn_never_waits_longer(policy: EndpointingPolicy, p: float, q: float) -> None:
    surer, less_sure = max(p, q), min(p, q)
    assert policy.delay_s(surer) <= policy.delay_s(less_sure) * (1 + 1e-12)


@given(policies(), probabilities)
def test_the_delay_stays_within_its_bounds(policy: EndpointingPolicy, p: float) -> None:
    assert policy.min_delay_s <= policy.delay_s(p) <= policy.max_delay_s


@given(policies())
def test_certainty_gets_the_two_ends(policy: EndpointingPolicy) -> None:
    assert policy.delay_s(1.0) == policy.min_delay_s
    if policy.mode == "continuous" or policy.threshold > 0.0:
        assert policy.delay_s(0.0) == policy.max_delay_s


@pytest.mark.parametrize(("p", "delay_s"), [(0.06, 2.5), (0.2, 1.508), (0.5, 0.866), (0.8, 0.497), (0.94, 0.3)])
def test_the_default_curve_is_the_documented_one(p: float, delay_s: float) -> None:
    assert EndpointingPolicy().delay_s(p) == pytest.approx(delay_s, abs=5e-4)


def test_the_continuous_delay_is_a_power_of_the_odds() -> None:
    policy = EndpointingPolicy(min_delay_s=0.1, max_delay_s=10.0, threshold=0.3, gamma=0.7)
    odds_ratio = (0.3 / 0.7) / (0.45 / 0.55)
    assert policy.delay_s(0.45) == pytest.approx(math.sqrt(0.1 * 10.0) * odds_ratio**0.7)


def test_the_binary_policy_switches_at_the_threshold() -> None:
    policy = EndpointingPolicy(threshold=0.7, mode="binary")
    assert [policy.delay_s(p) for p in (0.0, 0.699, 0.7, 1.0)] == [2.5, 2.5, 0.3, 0.3]


def test_the_binary_policy_may_answer_at_once() -> None:
    assert EndpointingPolicy(min_delay_s=0.0, mode="binary").delay_s(0.9) == 0.0


@pytest.mark.parametrize("p", [math.nan, -0.01, 1.01, math.inf])
def test_a_number_that_is_no_probability_is_refused(p: float) -> None:
    for policy in (EndpointingPolicy(), EndpointingPolicy(mode="binary")):
        with pytest.raises(InvalidInputError, match="from 0 to 1"):
            policy.delay_s(p)


@pytest.mark.parametrize(
    "settings",
    [
        {"min_delay_s": 3.0},
        {"min_delay_s": 0.0},
        {"min_delay_s": -0.1, "mode": "binary"},
        {"max_delay_s": math.inf},
        {"max_delay_s": math.nan},
        {"threshold": 7},
        {"gamma": 0.0},
        {"gamma": -1.0},
        {"mode": "linear"},
        {"min_delay_s": "0.3"},
        {"max_delay_s": True},
    ],
)
def test_a_policy_that_makes_no_sense_cannot_be_made(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=r"min_delay_s|max_delay_s|threshold|gamma|mode"):
        EndpointingPolicy(**settings)


@given(policies())
def test_a_policy_survives_json(policy: EndpointingPolicy) -> None:
    assert EndpointingPolicy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


def test_missing_settings_take_their_defaults_and_whole_numbers_become_seconds() -> None:
    policy = EndpointingPolicy.from_dict({"max_delay_s": 3})
    assert policy == EndpointingPolicy(max_delay_s=3.0)
    assert isinstance(policy.max_delay_s, float)


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"max_delay'.*known: min_delay_s"):
        EndpointingPolicy.from_dict({"max_delay": 3.0})


def test_a_list_is_not_a_policy() -> None:
    with pytest.raises(InvalidTypeError, match="list"):
        EndpointingPolicy.from_dict([("max_delay_s", 3.0)])  # type: ignore[arg-type]
