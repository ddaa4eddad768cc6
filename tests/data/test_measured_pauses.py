"""Word times to pauses, and pauses to samples, training rows and held-out turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.data.formats.timing import MAX_PAUSE_S, MIN_PAUSE_S, timed_text
from turn_detection.data.samples import labelled_prefixes, measured_prefixes, protocol_samples, replies
from turn_detection.data.sources import ReadReport, dialogue_from_record, read_dialogues
from turn_detection.errors import DataFormatError
from turn_detection.evaluation.moments import moments_of
from turn_detection.held_out import read_turns
from turn_detection.types import Dialogue, TurnLabel

CALLS = Path(__file__).resolve().parents[2] / "data" / "calls" / "with_word_times.jsonl"


def words(*times: tuple[str, float, float]) -> list[dict[str, Any]]:
    return [{"text": text, "start": start, "end": end} for text, start, end in times]


def call(*messages: dict[str, Any]) -> Dialogue:
    return dialogue_from_record({"messages": list(messages)}, dialogue_id="d:1", source="s")


def test_gaps_of_a_fifth_of_a_second_are_pauses_at_the_end_of_the_word_before() -> None:
    found = timed_text(
        "Мне, пожалуйста, чай", words(("мне", 0, 0.3), ("пожалуйста", 0.5, 1.0), ("чай", 1.19, 1.4)), "m"
    )
    assert [(found.text[: pause.offset], pause.length_s) for pause in found.pauses or ()] == [
        ("Мне,", pytest.approx(0.2))
    ]
    assert (found.start_s, found.end_s) == (0, 1.4)


def test_words_bring_the_text_where_there_is_none_or_another_number_of_them() -> None:
    timed = words((" мне", 0, 1), ("чай ", 2, 3), (" ", 3, 3))
    for text in (None, "мне бы чаю"):
        assert timed_text(text, timed, "m").text == "мне чай"


def test_a_word_without_times_leaves_its_gaps_unknown_and_a_long_silence_is_no_pause() -> None:
    timed = [*words(("раз", 0, 1)), {"text": "2"}, *words(("три", 3, 4), ("ау", 4 + MAX_PAUSE_S + 0.1, 10))]
    found = timed_text(None, timed, "m")
    assert (found.pauses, found.n_holes) == ((), 1)


def test_milliseconds_are_told() -> None:
    with pytest.raises(DataFormatError, match="milliseconds"):
        timed_text(None, words(("раз", 0, 300), ("два", 400, 700)), "m")


@given(
    st.lists(
        st.tuples(st.sampled_from(["да", "нет,", "ну", "20", "чай."]), st.floats(0, 9), st.floats(0, 9)),
        min_size=1,
        max_size=12,
    )
)
def test_pauses_are_rising_offsets_at_word_ends_whatever_the_times(given_words: list[tuple[str, float, float]]) -> None:
    found = timed_text(None, words(*given_words), "m")
    offsets = [pause.offset for pause in found.pauses or ()]
    assert offsets == sorted(set(offsets))
    assert all(found.text[offset] == " " for offset in offsets)
    assert all(MIN_PAUSE_S <= pause.length_s <= MAX_PAUSE_S for pause in found.pauses or ())


def test_the_silence_between_two_messages_of_the_caller_is_a_pause_and_the_others_are_kept() -> None:
    dialogue = call(
        {"role": "user", "content": "мне нужен", "words": words(("мне", 0, 0.2), ("нужен", 0.6, 1.0))},
        {"role": "user", "content": "билет", "words": words(("билет", 1.5, 2.0))},
        {"role": "user", "content": "два", "start": 2.4, "end": 2.6},
    )
    (turn,) = dialogue.turns
    told = [(turn.text[: pause.offset], round(pause.length_s, 2)) for pause in turn.pauses or ()]
    assert told == [("мне", 0.4), ("мне нужен", 0.5), ("мне нужен билет", 0.4)]


def test_no_times_are_told_from_no_pause() -> None:
    untimed = {"role": "user", "content": "да нет"}
    timed = {"role": "user", "words": words(("да", 0, 1), ("нет", 1, 2))}
    assert call(untimed).turns[0].pauses is None
    assert call(timed).turns[0].pauses == ()
    assert call(untimed, timed).turns[0].pauses is None


def test_measured_pauses_are_the_only_wait_samples_of_their_turn() -> None:
    (first, _) = read_dialogues([CALLS], on_malformed="refuse")
    told = [(sample.label.value, sample.text, sample.pause_s) for sample in protocol_samples([first])]
    assert told == [
        ("speak", "мне нужны капли от насморка и еще градусник", None),
        ("wait", "мне нужны капли от насморка", 0.74),
        ("speak", "э давайте электронный", None),
        ("wait", "э", 0.52),
        ("speak", "8 9 0 0 0 0 нет подождите сейчас посмотрю", None),
        ("wait", "8 9 0 0", 0.66),
        ("wait", "8 9 0 0 0 0", 0.91),
        ("wait", "8 9 0 0 0 0 нет подождите", 0.43),
        ("speak", "нашла", None),
    ]


def test_a_turn_in_one_breath_keeps_the_random_cut() -> None:
    (reply,) = replies(call({"role": "user", "words": words(("да", 0, 1), ("нет", 1, 2))}))
    assert [sample.label for sample in labelled_prefixes(reply)] == [TurnLabel.SPEAK, TurnLabel.WAIT]
    assert measured_prefixes(reply) == {}


def test_a_pause_before_marks_only_is_the_end_and_no_pause() -> None:
    timed = words(("…", 0, 1), ("да", 2, 3), ("—", 4, 5))
    (reply,) = replies(call({"role": "user", "content": "… да —", "words": timed}))
    assert measured_prefixes(reply) == {}


def test_words_reach_a_sample_as_the_model_would_read_them_at_the_pause() -> None:
    timed = words(("двадцать", 0, 1), ("пять", 2, 3))
    (reply,) = replies(call({"role": "user", "content": "двадцать пять", "words": timed}))
    assert [sample.text for sample in labelled_prefixes(reply)] == ["2 5", "2 0"]


def test_training_judges_measured_pauses_and_the_end_with_equal_weight() -> None:
    pytest.importorskip("lightning")
    from tokenizers import Tokenizer, models, pre_tokenizers

    from tests.training.test_datamodule import WORDS
    from turn_detection.data.split import split_dialogues
    from turn_detection.encoding import Encoder, EncodingSpec
    from turn_detection.training.datamodule import RowPlan, training_rows

    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    encoder = Encoder(tokenizer, EncodingSpec(max_message_tokens=8))
    timed = words(("мне", 0, 0.2), ("нужен", 0.2, 0.6), ("билет", 1.0, 1.4), ("завтра", 1.4, 1.9))
    split = split_dialogues([call({"role": "user", "words": timed})], 0.0)
    rows = training_rows(split, encoder, RowPlan("every_word", {}, False, 10, 0))
    ends = [(WORDS[row.input_ids[row.positions[-1]]], int(row.labels[-1]), float(row.weights[-1])) for row in rows]
    assert ends == [("завтра", TurnLabel.SPEAK.column, 1.0), ("нужен", TurnLabel.WAIT.column, 1.0)]


def test_held_out_turns_have_the_measured_points_and_lengths() -> None:
    turns = {turn.text: turn for turn in read_turns([CALLS])}
    timed = turns["Мне нужны капли от насморка и ещё градусник."]
    assert (timed.points, timed.lengths_s) == ((27,), pytest.approx((0.74,)))
    assert turns["А вы до скольки сегодня работаете?"].points == ()
    moments = moments_of(turns.values())
    scored = moments.scored([0.5] * len(moments.items))
    assert sorted(scored.pause_s.round(2)) == [0.31, 0.43, 0.52, 0.58, 0.66, 0.74, 0.91]


def test_a_chat_without_times_still_pauses_where_a_caller_would(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "agent", "content": "Да?"}, {"role": "client", "content": "мне, пожалуйста, чай"}]}
    file = tmp_path / "a.json"
    file.write_text(json.dumps(chat), encoding="utf-8")
    (turn,) = read_turns([file])
    assert turn.points is None
    report = ReadReport()
    assert len(list(read_dialogues([file], report=report))) == 1
