"""The curve counts what it says it counts, on every policy of the grids, and the same whatever the order."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turn_detection.endpointing import EndpointingPolicy
from turn_detection.errors import InvalidInputError
from turn_detection.evaluation.endpointing_curve import TIMER, best_policies, endpointing_curve, pareto_places
from turn_detection.evaluation.moments import HeldOutTurn, ScoredTurns, moments_of
from turn_detection.evaluation.pause_lengths import DEFAULT_PAUSES
from turn_detection.evaluation.pauses import PauseKind
from turn_detection.evaluation.policy_grid import (
    BINARY_GRID,
    CONTINUOUS_GRID,
    GRIDS,
    PolicyGrid,
    delays_s,
    grid_outcomes,
)
from turn_detection.evaluation.tally import Band, Limit, resamples, tally


def make_turns(n: int = 200) -> list[HeldOutTurn]:
    """Two turns a dialogue, with 0 to 3 pauses."""
    texts = ("да", "ну да", "я приду но не сегодня", "восемь, девятьсот три, двадцать")
    return [HeldOutTurn(f"{index}", f"d{index // 2}", "Алло?", texts[index % 4]) for index in range(n)]


def make_scored(n: int = 200, *, skill: float = 2.0, seed: int = 0) -> ScoredTurns:
    """Log-odds of ends and pauses are normal, ``skill`` apart; 0 and 1 occur."""
    moments = moments_of(make_turns(n))
    rng = np.random.default_rng(seed)
    n_ends = n
    n_pauses = len(moments.items) - n_ends
    odds = np.concatenate([rng.normal(-skill / 2, 1, n_pauses), rng.normal(skill / 2, 1, n_ends)])
    p = 1 / (1 + np.exp(-odds))
    p[[0, -1]], p[[1, -2]] = 0.0, 1.0
    return moments.scored(p)


def test_moments_are_pauses_then_ends_without_their_marks() -> None:
    moments = moments_of([HeldOutTurn("a", "d", "Алло?", "Да. Приду!"), HeldOutTurn("b", "d", None, "нет")])
    assert moments.items == (("Алло?", "Да"), ("Алло?", "Да. Приду"), (None, "нет"))
    scored = moments.scored([0.2, 0.9, 0.8])
    assert (scored.pause_p.tolist(), scored.end_p.tolist()) == ([0.2], [0.9, 0.8])
    assert (scored.pause_turn.tolist(), scored.end_turn.tolist()) == ([0], [0, 1])
    assert scored.pause_kind.tolist() == ["sentence"]


def test_parts_of_one_turn_are_one_turn_and_what_they_repeat_counts_once() -> None:
    whole = HeldOutTurn("t", "d", None, "мне на завтра", points=(3, 6), lengths_s=(0.4, math.nan))
    part = HeldOutTurn("t", "d", None, "мне на", points=(6,), lengths_s=(1.5,), is_whole=False)
    moments = moments_of([part, whole, whole])
    scored = moments.scored(np.full(len(moments.items), 0.5))
    assert scored.n_turns == 1
    assert sorted(scored.pause_s.tolist()) == [0.4, 1.5]
    assert scored.seconds(DEFAULT_PAUSES).tolist() == scored.pause_s.tolist()


def test_what_is_drawn_for_a_turn_depends_on_the_turn_and_the_seed_only() -> None:
    turns = make_turns()
    every = dict(_drawn(turns, 0))
    assert dict(_drawn(turns[100:104][::-1], 0)).items() <= every.items()
    assert dict(_drawn(turns, 1)) != every


def _drawn(turns: list[HeldOutTurn], seed: int) -> list[tuple[tuple[str, str], float]]:
    moments = moments_of(turns, seed=seed)
    scored = moments.scored(np.full(len(moments.items), 0.5))
    ordered = sorted(turns, key=lambda turn: (turn.dialogue_id, turn.turn_id))
    words = [text for _, text in moments.items]
    return [
        ((ordered[turn].turn_id, words[index]), scored.pause_quantile[index])
        for index, turn in enumerate(scored.pause_turn)
    ]


def test_halves_share_no_dialogue_and_lose_nothing() -> None:
    scored = make_scored()
    first, second = scored.halves()
    assert not set(first.dialogue_ids) & set(second.dialogue_ids)
    assert len(first.dialogue_ids) + len(second.dialogue_ids) == len(scored.dialogue_ids)
    assert first.n_turns + second.n_turns == scored.n_turns
    assert sorted([*first.pause_p, *second.pause_p]) == sorted(scored.pause_p)
    assert sorted([*first.end_p, *second.end_p]) == sorted(scored.end_p)
    for half in (first, second):
        assert set(half.turn_dialogue) == set(range(len(half.dialogue_ids)))
        assert half.pause_turn.max() < half.n_turns


def test_pauses_of_one_kind_keep_all_ends() -> None:
    scored = make_scored()
    chosen = scored.only([PauseKind.FILLER])
    assert set(chosen.pause_kind) == {"filler"}
    assert 0 < len(chosen.pause_turn) < len(scored.pause_turn)
    assert len(chosen.end_p) == len(scored.end_p)


@pytest.mark.parametrize("probabilities", [[0.5], [0.5, 1.2], [0.5, float("nan")]])
def test_probabilities_that_do_not_fit_are_refused(probabilities: list[float]) -> None:
    with pytest.raises(InvalidInputError, match="expected 2 probabilities"):
        moments_of([HeldOutTurn("a", "d", None, "ну да")]).scored(probabilities)


@pytest.mark.parametrize(
    "values",
    [{"points": (0,)}, {"points": (9,)}, {"points": (2, 1)}, {"points": (1,), "lengths_s": ()}, {"lengths_s": (0.3,)}],
)
def test_impossible_pauses_are_refused(values: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(InvalidInputError, match="turn a"):
        HeldOutTurn("a", "d", None, "ну да", **values)  # type: ignore[arg-type]


@given(
    st.sampled_from(list(GRIDS.values())),
    st.integers(0, 10**6),
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5),
)
def test_vector_delays_are_those_of_the_policy(grid: PolicyGrid, number: int, p: list[float]) -> None:
    policy = grid.policy(number % (len(grid.cells) * len(grid.thresholds)))
    assert delays_s(policy, np.array(p)) == pytest.approx([policy.delay_s(each) for each in p])


@given(st.floats(0.0, 1.0), st.sampled_from([0.0, 1.0, 0.3]), st.sampled_from(["binary", "continuous"]))
def test_vector_delays_hold_at_thresholds_of_nought_and_one(p: float, threshold: float, mode: str) -> None:
    policy = EndpointingPolicy(threshold=threshold, mode=mode)  # type: ignore[arg-type]
    assert delays_s(policy, np.array([p]))[0] == pytest.approx(policy.delay_s(p))


@settings(max_examples=25)
@given(st.sampled_from(["binary", "continuous"]), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_the_grid_at_once_equals_its_policies_one_by_one(mode: str, numbers: list[int]) -> None:
    grid, scored = GRIDS[mode], make_scored()  # type: ignore[index]
    outcomes = grid_outcomes(grid, scored, DEFAULT_PAUSES)
    assert len(outcomes.delay_s) == len(grid.cells) * len(grid.thresholds)
    seconds = scored.seconds(DEFAULT_PAUSES)
    for number in (each % len(outcomes.delay_s) for each in numbers):
        policy = grid.policy(number)
        is_cut = seconds > np.array([policy.delay_s(p) for p in scored.pause_p])
        assert outcomes.per_pause[number] == pytest.approx(is_cut.mean(), abs=1e-12)
        assert outcomes.per_turn[number] == pytest.approx(
            len(set(scored.pause_turn[is_cut])) / scored.n_turns, abs=1e-12
        )
        assert outcomes.delay_s[number] == pytest.approx(np.mean([policy.delay_s(p) for p in scored.end_p]), rel=1e-9)


def test_the_grids_are_those_of_the_protocol() -> None:
    assert (BINARY_GRID.thresholds[0], BINARY_GRID.thresholds[-1], len(BINARY_GRID.thresholds)) == (0.0, 1.0, 101)
    assert BINARY_GRID.min_delays_s == (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert BINARY_GRID.max_delays_s == (1.0, 1.5, 2.0, 2.5, 3.0, 3.5)
    assert CONTINUOUS_GRID.min_delays_s == BINARY_GRID.min_delays_s


def test_a_tally_equals_the_grid_and_weights_repeat_dialogues() -> None:
    scored = make_scored()
    policies = [BINARY_GRID.policy(number) for number in (0, 50, 5000)]
    outcomes = grid_outcomes(BINARY_GRID, scored, DEFAULT_PAUSES)
    counted = tally(policies, scored, DEFAULT_PAUSES)
    assert counted.outcomes().per_turn == pytest.approx(outcomes.per_turn[[0, 50, 5000]])
    assert counted.outcomes().delay_s == pytest.approx(outcomes.delay_s[[0, 50, 5000]])
    first, _ = scored.halves()
    chosen = np.isin(scored.dialogue_ids, first.dialogue_ids).astype(float)
    weighted = counted.outcomes(np.stack([np.ones_like(chosen), chosen]))
    assert weighted.per_pause[0] == pytest.approx(counted.outcomes().per_pause)
    assert weighted.per_pause[1] == pytest.approx(tally(policies, first, DEFAULT_PAUSES).outcomes().per_pause)


def test_a_perfect_detector_never_cuts_in_and_never_waits_and_a_blind_one_is_the_timer() -> None:
    moments = moments_of(make_turns(400))
    n_pauses = len(moments.items) - 400
    perfect = endpointing_curve(moments.scored(np.repeat([0.0, 1.0], [n_pauses, 400])))
    for name in ("binary", "binary, fitted", "continuous, fitted"):
        at_300 = perfect.lines[name].readings[0]
        assert at_300.figure.value < 0.02  # the longest pauses outlast 3.5 s
        assert at_300.delay_s <= 0.3
    blind = endpointing_curve(moments.scored(np.full(len(moments.items), 0.5)))
    assert blind.lines["binary"].readings[0].ratio.value == pytest.approx(1.0)
    assert blind.lines[TIMER].readings[0].figure.value == pytest.approx(0.556, abs=0.06)


def test_a_curve_is_the_same_every_time_and_in_any_order() -> None:
    turns = make_turns()
    curves = []
    for order in (turns, turns[::-1]):
        moments = moments_of(order)
        p = [0.1 + 0.8 * (len(words) % 7) / 7 for _, words in moments.items]
        curves.append(json.dumps(endpointing_curve(moments.scored(p)).to_dict(), allow_nan=False))
    assert curves[0] == curves[1]


def test_readings_keep_their_limits_and_bands_hold_their_figures() -> None:
    curve = endpointing_curve(make_scored(800))
    for line in curve.lines.values():
        for reading in line.readings:
            assert reading.policy is not None
            if reading.limit.max_delay_s is not None:
                assert reading.delay_s <= reading.limit.max_delay_s + 1e-9
                assert reading.figure.value == reading.per_pause
            else:
                assert reading.per_pause <= (reading.limit.max_cutoffs or 0) + 1e-9
                assert reading.figure.value == reading.delay_s
            assert reading.figure.low <= reading.figure.value <= reading.figure.high
    assert curve.lines["continuous, fitted"].readings[0].ratio.value < 1.0
    delays = curve.lines["binary"].outcomes.delay_s[curve.lines["binary"].pareto()]
    assert (np.diff(delays) > 0).all()


def test_fitted_policies_know_nothing_of_the_reported_half() -> None:
    scored = make_scored()
    fitting, _ = scored.halves()
    curve = endpointing_curve(scored)
    assert curve.lines["continuous, fitted"].policies == best_policies(CONTINUOUS_GRID, fitting, DEFAULT_PAUSES)


def test_out_of_reach_is_said_and_not_guessed() -> None:
    scored = make_scored()
    curve = endpointing_curve(scored, limits=[Limit(max_delay_s=0.1)])
    reading = curve.lines["binary"].readings[0]
    assert reading.policy is None
    assert math.isnan(reading.figure.value)
    assert reading.to_dict()["figure"] == {"value": None, "low": None, "high": None}
    assert Band.of(1.0, np.array([1.0, math.nan])).to_dict() == {"value": 1.0, "low": None, "high": None}


def test_a_pareto_line_holds_what_nothing_beats() -> None:
    outcomes = grid_outcomes(BINARY_GRID, make_scored(), DEFAULT_PAUSES)
    kept = pareto_places(outcomes)
    for place in kept[::20]:
        better = (outcomes.per_pause <= outcomes.per_pause[place]) & (outcomes.delay_s <= outcomes.delay_s[place])
        same = (outcomes.per_pause == outcomes.per_pause[place]) & (outcomes.delay_s == outcomes.delay_s[place])
        assert (better == same).all()


def test_a_curve_needs_pauses_and_ends() -> None:
    moments = moments_of([HeldOutTurn("a", "d", None, "да")])
    with pytest.raises(InvalidInputError, match="at least one"):
        endpointing_curve(moments.scored([0.5]))


@pytest.mark.parametrize(
    "values", [{}, {"max_delay_s": 0.3, "max_cutoffs": 0.1}, {"max_cutoffs": 5}, {"max_delay_s": 0}]
)
def test_impossible_limits_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        Limit(**values)  # type: ignore[arg-type]


def test_resamples_draw_as_many_dialogues_as_there_are() -> None:
    weights = resamples(50, n=20)
    assert weights.shape == (20, 50)
    assert (weights.sum(axis=1) == 50).all()


def test_ten_thousand_turns_take_seconds() -> None:
    scored = make_scored(10_000)
    started = time.process_time()
    endpointing_curve(scored)
    assert time.process_time() - started < 60  # about 1 s when nothing else runs
