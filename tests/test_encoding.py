"""Messages to token arrays. ``<s>`` opens, ``</s>`` closes each turn of the context, the caller's words stay open."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from turn_detection.encoding import Encoder, EncodingSpec
from turn_detection.errors import BundleError, InvalidInputError, InvalidTypeError
from turn_detection.types import Context, Message

#: No number words among them: «двадцать» and «двадцать пять» are «2 0» and «2 5», so the first is no prefix of the second.
WORDS = st.lists(
    st.sampled_from(["да", "нет", "мне", "нужен", "билет", "на", "москву", "Завтра,", "ещё", "сосиска", "ok", "..."]),
    max_size=40,
).map(" ".join)
CONTEXTS = st.one_of(
    st.none(), WORDS, st.lists(st.builds(Message, st.sampled_from(["agent", "client", "system"]), WORDS), max_size=8)
)  # fmt: skip


def tokens(encoder: Encoder, context: Context, message: str) -> str:
    return " ".join(encoder_tokenizer(encoder).id_to_token(index) for index in encoder.encode(context, message))


def encoder_tokenizer(encoder: Encoder) -> Tokenizer:
    return Tokenizer.from_str(encoder.tokenizer_json())


def agent(text: str) -> Message:
    return Message("agent", text)


def client(text: str) -> Message:
    return Message("client", text)


@pytest.mark.parametrize("context", [None, "", [], "  ", "...", [agent("")], [Message("system", "да")]])
def test_a_context_that_says_nothing_is_one_separator(toy_encoder: Encoder, context: Context) -> None:
    assert tokens(toy_encoder, context, "да") == "<s> </s> да"


@pytest.mark.parametrize("context", ["Билет?", [agent("Билет?")], (Message("assistant", "билет?"),)])
def test_a_string_and_a_message_of_the_bot_are_the_same_context(toy_encoder: Encoder, context: Context) -> None:
    assert tokens(toy_encoder, context, "Да.") == "<s> билет ? </s> да"


def test_the_question_mark_is_kept_for_the_bot_only(toy_encoder: Encoder) -> None:
    context = [client("да?"), agent("билет?")]
    assert tokens(toy_encoder, context, "да?") == "<s> да </s> билет ? </s> да"


def test_neighbours_of_one_role_are_one_turn(toy_encoder: Encoder) -> None:
    context = [agent("мне"), agent("билет"), client("да"), client("нет"), agent("завтра")]
    assert tokens(toy_encoder, context, "да") == "<s> мне билет </s> да нет </s> завтра </s> да"


def test_system_and_tool_messages_are_skipped(toy_encoder: Encoder) -> None:
    context = [agent("мне"), Message("tool", "нет"), agent("билет"), Message("system", "да")]
    assert tokens(toy_encoder, context, "да") == "<s> мне билет </s> да"


def test_the_callers_last_messages_are_the_beginning_of_the_message(toy_encoder: Encoder) -> None:
    context = [agent("билет"), client("мне"), client("нужен")]
    assert toy_encoder.encode(context, "билет") == toy_encoder.encode("билет", "мне нужен билет")


def test_only_the_latest_turns_are_kept(toy_tokenizer: Tokenizer) -> None:
    encoder = Encoder(toy_tokenizer, EncodingSpec(history_turns=2))
    context = [agent("мне"), client("да"), agent("билет")]
    assert tokens(encoder, context, "нет") == "<s> да </s> билет </s> нет"


def test_without_history_the_context_is_one_separator(toy_tokenizer: Tokenizer) -> None:
    encoder = Encoder(toy_tokenizer, EncodingSpec(history_turns=0))
    assert tokens(encoder, "билет", "нет") == "<s> </s> нет"


def test_truncation_keeps_the_end_of_message_and_context(toy_tokenizer: Tokenizer) -> None:
    encoder = Encoder(toy_tokenizer, EncodingSpec(max_context_tokens=3, max_message_tokens=2))
    assert tokens(encoder, "мне нужен билет завтра", "мне нужен билет на москву") == "<s> билет завтра </s> на москву"


@given(context=CONTEXTS, message=WORDS, limits=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_no_limit_is_ever_exceeded_and_the_end_is_kept(
    toy_tokenizer: Tokenizer, context: Context, message: str, limits: tuple[int, int]
) -> None:
    spec = EncodingSpec(max_context_tokens=limits[0], max_message_tokens=limits[1])
    whole = Encoder(toy_tokenizer, EncodingSpec(max_context_tokens=10_000, max_message_tokens=10_000))
    encoder = Encoder(toy_tokenizer, spec)
    ids, uncut = encoder.encode(context, message), whole.encode(context, message)
    assert len(ids) <= 1 + sum(limits)
    assert ids[0] == encoder.cls_id
    assert encoder.sep_id in ids
    last = ids[len(ids) - ids[::-1].index(encoder.sep_id) :]  # the message is what follows the last separator
    assert len(last) <= limits[1]
    assert uncut[len(uncut) - len(last) :] == last


@given(
    context=CONTEXTS, words=st.lists(st.sampled_from(["да", "мне", "сосиска", "Ещё,", "на"]), min_size=1, max_size=20)
)
def test_what_was_said_so_far_is_encoded_the_same_when_more_follows(
    toy_encoder: Encoder, context: Context, words: list[str]
) -> None:
    full = toy_encoder.encode(context, " ".join(words))
    for n_words in range(len(words)):
        part = toy_encoder.encode(context, " ".join(words[:n_words]))
        if len(full) < 96:  # nothing was cut from the beginning
            assert full[: len(part)] == part


def test_word_ends_point_at_the_last_piece_of_every_word(toy_encoder: Encoder) -> None:
    encoded = toy_encoder.encode_words("билет", "да сосиска 25")
    pieces = [encoder_tokenizer(toy_encoder).id_to_token(encoded.input_ids[index]) for index in encoded.word_ends]
    assert pieces == ["да", "##а", "2", "5"]
    assert encoded.n_words == 4


def test_words_that_were_cut_away_are_counted_and_have_no_end(toy_tokenizer: Tokenizer) -> None:
    encoder = Encoder(toy_tokenizer, EncodingSpec(max_message_tokens=2))
    encoded = encoder.encode_words(None, "мне нужен билет")
    assert encoded.n_words == 3
    assert encoded.word_ends == [2, 3]


def test_no_readable_words_are_no_words(toy_encoder: Encoder) -> None:
    assert toy_encoder.encode_words("билет", "...").n_words == 0


def test_padding_is_on_the_right_and_masked(toy_encoder: Encoder) -> None:
    batch = toy_encoder.encode_batch([(None, "да"), ("мне", "нет да")])
    pad = toy_encoder.pad_id
    assert len(batch) == 2
    assert batch.input_ids.dtype == batch.attention_mask.dtype == np.int64
    assert batch.input_ids[0].tolist() == [*toy_encoder.encode(None, "да"), pad, pad]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]


def test_padding_goes_to_a_wished_width(toy_encoder: Encoder) -> None:
    assert toy_encoder.pad([[5], [5, 6]], n_tokens=7).input_ids.shape == (2, 7)


def test_an_empty_batch_is_an_empty_array(toy_encoder: Encoder) -> None:
    assert toy_encoder.encode_batch([]).input_ids.shape == (0, 0)


def test_the_tokenizers_own_truncation_and_padding_are_switched_off(toy_tokenizer: Tokenizer) -> None:
    copy = Tokenizer.from_str(toy_tokenizer.to_str())
    copy.enable_truncation(2)
    copy.enable_padding(length=50)
    assert len(Encoder(copy, EncodingSpec()).encode(None, "мне нужен билет")) == 5


def test_a_tokenizer_without_the_special_tokens_is_refused_by_name(toy_tokenizer: Tokenizer) -> None:
    with pytest.raises(BundleError, match=r"no token '\[SEP\]'"):
        Encoder(toy_tokenizer, EncodingSpec(sep_token="[SEP]"))


def test_the_vocabulary_is_as_large_as_the_tokenizers(toy_encoder: Encoder, toy_tokenizer: Tokenizer) -> None:
    assert toy_encoder.vocabulary_size == toy_tokenizer.get_vocab_size()


@pytest.mark.parametrize("message", [None, 5, b"\x01", ["да"]])
def test_a_message_that_is_no_string_is_refused(toy_encoder: Encoder, message: object) -> None:
    with pytest.raises(InvalidTypeError, match="message must be a string"):
        toy_encoder.encode(None, message)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"history_turns": -1}, InvalidInputError),
        ({"max_context_tokens": 0}, InvalidInputError),  # there is always a separator
        ({"max_message_tokens": 0}, InvalidInputError),
        ({"max_message_tokens": "96"}, InvalidTypeError),
        ({"max_message_tokens": True}, InvalidTypeError),
        ({"cls_token": None}, InvalidTypeError),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused_by_name(values: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(values))):
        EncodingSpec(**values)  # type: ignore[arg-type]
