"""The split: by dialogue, near-duplicates together, decided by what a dialogue says and by nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turn_detection.data import split as split_module
from turn_detection.data.split import Split, fingerprint, long_replies, split_dialogues, unit_hash
from turn_detection.errors import InvalidInputError
from turn_detection.types import Dialogue, Turn

WORDS = (
    "дом кот лес мост река поле окно стол утро вечер город поезд билет карта заказ врач адрес улица номер счёт".split()
)


def dialogue(*turns: str, name: str = "d") -> Dialogue:
    return Dialogue(name, "made", tuple(Turn(turn) for turn in turns))


def made(n: int, seed: int = 0) -> list[Dialogue]:
    """Dialogues of random words, each with a long reply of its own."""
    chance = random.Random(seed)
    return [
        dialogue(
            "алло", " ".join(chance.choices(WORDS, k=12)), " ".join(chance.choices(WORDS, k=12)), name=f"{seed}:{n}"
        )
        for n in range(n)
    ]


def sides(split: Split) -> dict[str, str]:
    """Side of every dialogue, by what it says."""
    return {fingerprint(d): "train" for d in split.train} | {fingerprint(d): "validation" for d in split.validation}


def shared(parts: Split) -> set[str]:
    """Long replies on both sides, counted here and not by the report."""

    def replies(dialogues: Iterable[Dialogue]) -> set[str]:
        return {turn.text for d in dialogues for turn in d.turns if len(turn.text.split()) >= 5}

    return replies(parts.train) & replies(parts.validation)


#: A small stock of replies, short and long, so that dialogues share many of them.
STOCK = [" ".join(WORDS[n : n + length]) for n in range(12) for length in (1, 3, 4, 5, 6)]
dialogues_that_share = st.lists(
    st.lists(st.sampled_from(STOCK), min_size=1, max_size=3).map(lambda turns: dialogue(*turns)), max_size=25
)


@settings(max_examples=150, deadline=None)
@given(dialogues_that_share, st.floats(0.0, 0.95), st.integers(0, 1000), st.sampled_from([0.01, 0.2, 1.0]))
def test_no_dialogue_and_no_long_reply_is_on_both_sides(
    dialogues: Sequence[Dialogue], share: float, seed: int, max_group: int
) -> None:
    parts = split_dialogues(dialogues, share, seed=seed, max_group=max_group)
    train, validation = ({fingerprint(d) for d in part} for part in (parts.train, parts.validation))
    assert not train & validation
    assert not shared(parts)
    assert train | validation == {fingerprint(d) for d in dialogues}  # and none is lost
    assert (parts.report.shared_dialogues, parts.report.shared_replies) == (0, 0)
    assert len(parts.train) + len(parts.validation) + parts.report.n_duplicate_dialogues == len(dialogues)


@settings(max_examples=100, deadline=None)
@given(dialogues_that_share, st.randoms(use_true_random=False))
def test_the_order_of_the_dialogues_changes_nothing(dialogues: Sequence[Dialogue], chance: random.Random) -> None:
    shuffled = list(dialogues)
    chance.shuffle(shuffled)
    first, second = (split_dialogues(order, 0.5, max_group=8) for order in (dialogues, shuffled))
    assert sides(first) == sides(second)
    assert first.report == second.report


@settings(max_examples=50, deadline=None)
@given(dialogues_that_share, st.integers(0, 60))
def test_unrelated_dialogues_change_no_side_while_no_group_is_too_large(
    dialogues: Sequence[Dialogue], n_more: int
) -> None:
    alone = sides(split_dialogues(dialogues, 0.4, max_group=10_000))
    among_others = sides(split_dialogues([*made(n_more, seed=9), *dialogues], 0.4, max_group=10_000))
    assert among_others.items() >= alone.items()


def test_a_dialogue_that_shares_nothing_keeps_its_side_whatever_the_size_of_the_corpus() -> None:
    some, more = made(100), made(900, seed=1)
    assert sides(split_dialogues(some + more, 0.3)).items() >= sides(split_dialogues(some, 0.3)).items()


def test_names_and_sources_and_print_decide_nothing() -> None:
    plain = made(200)
    renamed = [
        Dialogue(f"other:{index}", "other", tuple(Turn(turn.text.upper() + "!", "client") for turn in d.turns))
        for index, d in enumerate(plain)
    ]
    assert sides(split_dialogues(plain, 0.3)) == sides(split_dialogues(renamed, 0.3))


@pytest.mark.parametrize("share", [0.03, 0.25, 0.5])
def test_the_share_is_about_right(share: float) -> None:
    report = split_dialogues(made(2000), share).report
    deviation = (2000 * share * (1 - share)) ** 0.5
    assert abs(report.n_validation_dialogues - 2000 * share) < 4 * deviation


def test_the_share_is_about_right_where_dialogues_come_in_groups() -> None:
    groups = [[dialogue(f"реплика раз два три {group} конец", f"{n}") for n in range(5)] for group in range(800)]
    report = split_dialogues([d for group in groups for d in group], 0.25).report
    assert (report.n_groups, report.largest_group) == (800, 5)
    assert abs(report.n_validation_dialogues / 4000 - 0.25) < 4 * (0.25 * 0.75 / 800) ** 0.5


def test_another_seed_is_another_split() -> None:
    dialogues = made(200)
    assert sides(split_dialogues(dialogues, 0.5, seed=1)) != sides(split_dialogues(dialogues, 0.5, seed=2))


def test_nothing_is_held_out_for_a_share_of_zero() -> None:
    assert not split_dialogues(made(300), 0.0).validation


def test_a_chain_of_near_duplicates_stays_together() -> None:
    links = [" ".join(["звено", *WORDS[:4], f"слово{'а' * n}"]) for n in range(9)]
    for seed in range(20):
        chain = [dialogue(links[n], links[n + 1]) for n in range(8)]
        parts = split_dialogues([*made(40), *chain], 0.5, seed=seed, max_group=10_000)
        assert len({sides(parts)[fingerprint(d)] for d in chain}) == 1
        assert parts.report.largest_group == 8


def test_a_giant_group_trains() -> None:
    giant = [dialogue("спасибо за ваш звонок оставайтесь на линии", f"{n}") for n in range(60)]
    for seed in range(20):
        where = sides(split_dialogues([*made(100), *giant], 0.9, seed=seed, max_group=15))
        assert {where[fingerprint(d)] for d in giant} == {"train"}


def test_a_short_reply_may_be_shared_and_a_long_one_is_the_same_in_any_print() -> None:
    assert long_replies(fingerprint(dialogue("да конечно я согласен", "ну вот и всё"))) == set()
    said = {"Да, я приеду в 5 часов.", "да я приеду в пять часов", "ДА Я ПРИЕДУ В ПЯТЬ ЧАСОВ"}
    assert len(set.union(*(long_replies(fingerprint(dialogue(text))) for text in said))) == 1


def test_copies_are_dropped_but_for_the_first_and_counted() -> None:
    first = dialogue("Ещё раз?", "Да.", name="first")
    parts = split_dialogues([first, dialogue("еще раз", "да", name="copy"), *made(3)], 0.0)
    assert parts.report.n_duplicate_dialogues == 1
    assert next(d.dialogue_id for d in parts.train) == "first"
    assert len(parts.train) == 4


def test_nothing_at_all_can_be_split() -> None:
    parts = split_dialogues([], 0.5)
    assert (parts.train, parts.validation, parts.report.largest_group) == ((), (), 0)


@pytest.mark.parametrize("share", [-0.1, 1.0, 25, float("nan")])
def test_a_share_outside_zero_to_one_is_refused(share: float) -> None:
    with pytest.raises(InvalidInputError, match="validation_share"):
        split_dialogues([], share)


def test_the_report_would_show_a_leak_of_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_module, "_group", lambda replies: [[index] for index in range(len(replies))])
    pairs = [dialogue(f"общая реплика на пять слов {n // 2} раз", f"{n}") for n in range(200)]
    parts = split_dialogues(pairs, 0.5)
    assert parts.report.shared_replies == len(shared(parts)) > 20


def test_the_report_would_show_a_leak_of_dialogues(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))
    # Copies pass for different dialogues while they are read, and are seen for copies when the parts are compared.
    monkeypatch.setattr(split_module, "fingerprint", lambda d: f"{n}" if (n := next(calls)) < 40 else fingerprint(d))
    assert split_dialogues([dialogue("алло", "да")] * 40, 0.5).report.shared_dialogues == 1


def test_a_hash_is_a_number_from_zero_to_one_spread_evenly() -> None:
    numbers = [unit_hash("test", n) for n in range(10_000)]
    assert all(0 <= number < 1 for number in numbers)
    counts = [sum(step <= 10 * number < step + 1 for number in numbers) for step in range(10)]
    assert sum((count - 1000) ** 2 / 1000 for count in counts) < 33.7  # chi-square, 9 degrees of freedom, p = 1e-4
    assert unit_hash("split", 0, "а") == unit_hash("split", 0, "а") != unit_hash("split", 1, "а")
    assert unit_hash("a", "b") != unit_hash("ab")
