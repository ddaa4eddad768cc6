"""Labelled prefixes: a whole reply is "speak", a prefix cut at a uniformly random word boundary is "wait"."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turn_detection.data.samples import (
    Reply,
    Sample,
    cut,
    labelled_prefixes,
    lend_history,
    protocol_samples,
    replies,
    vary_history,
)
from turn_detection.text import normalise
from turn_detection.types import Dialogue, Message, Turn, TurnLabel

#: Ordinary words: none is a number word that the normaliser would fold.
WORDS = "дом кот лес мост река поле окно стол утро вечер город поезд билет карта заказ".split()


def reply(text: str, *, identity: str = "0", context: tuple[Message, ...] = ()) -> Reply:
    return Reply(reply_id=f"r:{identity}", identity=identity, source="made", context=context, text=text)


def chat(*turns: str, name: str = "d:1") -> Dialogue:
    """Roles alternate, the agent begins."""
    return Dialogue(name, "made", tuple(Turn(text, ("agent", "client")[n % 2]) for n, text in enumerate(turns)))


def plain(*turns: str) -> Dialogue:
    return Dialogue("d:1", "made", tuple(Turn(text) for text in turns))


def test_a_reply_is_a_whole_speak_and_one_prefix_that_waits() -> None:
    whole, prefix = labelled_prefixes(reply("Мне нужен билет, до Твери!"))
    assert (whole.text, whole.label) == ("мне нужен билет до твери", TurnLabel.SPEAK)
    assert prefix.label is TurnLabel.WAIT
    assert whole.text.startswith(prefix.text + " ")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=2, max_size=12), st.text(max_size=5), st.integers(0, 99))
def test_a_prefix_is_never_empty_never_whole_and_ends_at_a_word(words: list[str], identity: str, seed: int) -> None:
    _, prefix = labelled_prefixes(reply(" ".join(words), identity=identity), seed=seed)
    kept = prefix.text.split()
    assert kept == words[: len(kept)]
    assert 1 <= len(kept) <= len(words) - 1
    assert prefix.sample_id.endswith(f":{len(kept)}")


@pytest.mark.parametrize("n_words", [2, 3, 5, 9])
def test_the_cut_is_uniform_over_the_word_boundaries(n_words: int) -> None:
    n, n_places = 6000, n_words - 1
    found = Counter(cut(reply(" ".join(WORDS[:n_words]), identity=f"{index}:1")) for index in range(n))
    assert set(found) == set(range(1, n_words))
    expected = n / n_places
    chi_square = sum((count - expected) ** 2 / expected for count in found.values())
    assert chi_square <= n_places - 1 + 4 * (2 * (n_places - 1)) ** 0.5 + 8  # mean and far tail of chi-square


def test_one_word_has_no_prefix() -> None:
    for text in ("Да.", "угу", " Алло?! "):
        assert cut(reply(text)) is None
        (only,) = labelled_prefixes(reply(text))
        assert only.label is TurnLabel.SPEAK


def test_what_holds_no_words_gives_no_sample() -> None:
    assert list(labelled_prefixes(reply("…"))) == []
    assert list(replies(plain("Ну?", "!!!", "—"))) == []


def test_the_cut_depends_on_what_was_said_and_where_not_on_the_files_name() -> None:
    turns = ("Куда едем?", " ".join(WORDS), "Ещё что-нибудь?", " ".join(WORDS))
    here, there = (list(protocol_samples([chat(*turns, name=name)])) for name in ("a:1", "b:77"))
    assert [sample.text for sample in here] == [sample.text for sample in there]
    assert [sample.sample_id for sample in here] != [sample.sample_id for sample in there]
    assert here[1].sample_id == f"a:1:1:{len(here[1].text.split())}"


def test_other_dialogues_and_their_order_do_not_move_a_cut() -> None:
    dialogues = [chat("Да?", " ".join(WORDS[n:] + WORDS[:n]), name=f"d:{n}") for n in range(len(WORDS))]
    forward = {sample.sample_id: sample for sample in protocol_samples(dialogues)}
    backward = {sample.sample_id: sample for sample in protocol_samples(reversed(dialogues[3:]))}
    assert backward.items() <= forward.items()
    assert len(backward) == 2 * (len(dialogues) - 3)


def test_the_seed_moves_cuts() -> None:
    many = [reply(" ".join(WORDS), identity=str(n)) for n in range(50)]
    assert [cut(one, seed=1) for one in many] != [cut(one, seed=2) for one in many]
    assert [cut(one, seed=1) for one in many] == [cut(one, seed=1) for one in many]


def test_where_roles_are_known_only_the_client_replies() -> None:
    found = list(replies(chat("Слушаю", "мне нужен врач", "На когда?", "на среду")))
    assert [one.text for one in found] == ["мне нужен врач", "на среду"]
    assert [one.context for one in found] == [(Message("agent", "Слушаю"),), (Message("agent", "На когда?"),)]


def test_a_client_who_speaks_first_replies_to_nothing() -> None:
    dialogue = Dialogue("d", "made", (Turn("алло здравствуйте", "client"), Turn("Слушаю", "agent")))
    (only,) = replies(dialogue)
    assert (only.text, only.context) == ("алло здравствуйте", ())


def test_where_roles_are_unknown_every_turn_but_the_first_replies_and_the_line_before_is_the_agents() -> None:
    found = list(replies(plain("раз", "два", "три", "четыре"), history_turns=3))
    assert [one.text for one in found] == ["два", "три", "четыре"]
    assert [[message.role for message in one.context] for one in found] == [
        ["agent"],
        ["client", "agent"],
        ["agent", "client", "agent"],
    ]


@pytest.mark.parametrize(("history_turns", "expected"), [(0, []), (1, ["в"]), (2, ["б", "в"]), (9, ["а", "б", "в"])])
def test_context_is_the_latest_turns(history_turns: int, expected: list[str]) -> None:
    last = list(replies(plain("а", "б", "в", "г"), history_turns=history_turns))[-1]
    assert [message.text for message in last.context] == expected


def test_a_sample_is_plain_json_with_public_names() -> None:
    whole, _ = protocol_samples([chat("Куда?", "На Лесную, 5")])
    assert whole.to_dict() == {
        "id": "d:1:1:end",
        "source": "made",
        "context": [{"role": "agent", "content": "Куда?"}],
        "message": normalise("На Лесную, 5"),
        "label": "speak",
    }


def test_history_is_varied_by_identity_in_the_shares_that_were_asked_for() -> None:
    context = tuple(Message("agent", str(n)) for n in range(4))
    many = [reply("да", identity=str(n), context=context) for n in range(4000)]
    varied = [vary_history(one, drop_share=0.2, single_share=0.5) for one in many]
    found = Counter(len(one.context) for one in varied)
    assert set(found) == {0, 1, 4}
    for n_turns, share in ((0, 0.2), (1, 0.5), (4, 0.3)):
        assert abs(found[n_turns] / 4000 - share) < 4 * (share * (1 - share) / 4000) ** 0.5
    assert {one.context for one in varied} == {(), context[-1:], context}
    assert varied == [vary_history(one, drop_share=0.2, single_share=0.5) for one in many]


def test_history_that_is_not_there_cannot_be_varied() -> None:
    assert all(vary_history(reply("да", identity=str(n))).context == () for n in range(50))


def test_an_opening_is_a_reply_to_nothing_and_only_on_request() -> None:
    dialogue = Dialogue("d:1", "d", (Turn("Здравствуйте, я по объявлению"), Turn("Слушаю вас")))

    assert [reply.text for reply in replies(dialogue)] == ["Слушаю вас"]
    opening, answer = replies(dialogue, openings=True)
    assert (opening.text, opening.context) == ("Здравствуйте, я по объявлению", ())
    assert answer.context


def test_lent_history_comes_from_whole_answers_before_and_leaves_words_and_label_alone() -> None:
    made = [
        Sample(f"s:{index}", "s", (Message("agent", f"вопрос {index}"),), f"ответ {index}", label)
        for index, label in enumerate([TurnLabel.SPEAK, TurnLabel.WAIT] * 100)
    ]
    lent = list(lend_history(made, share=0.3, seed=5))

    assert [(sample.text, sample.label, sample.context[-1]) for sample in lent] == [
        (sample.text, sample.label, sample.context[-1]) for sample in made
    ]
    longer = [(index, sample) for index, sample in enumerate(lent) if len(sample.context) > 1]
    assert 30 < len(longer) < 90
    for index, sample in longer:
        assert [message.role for message in sample.context] == ["agent", "client"] * (len(sample.context) // 2) + [
            "agent"
        ]
        numbers = [int(message.text.split()[1]) for message in sample.context[:-1]]
        assert all(number % 2 == 0 and number < index for number in numbers)  # whole answers, said before
    assert list(lend_history(made, share=0.3, seed=5)) == lent
    assert list(lend_history(made, share=0.0)) == made
