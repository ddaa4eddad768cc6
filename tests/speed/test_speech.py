"""Texts of an exact length in tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tokenizers import Tokenizer

from turn_detection.bundle import open_bundle
from turn_detection.encoding import Encoder, EncodingSpec
from turn_detection.errors import InvalidInputError
from turn_detection.speed.run import LENGTHS
from turn_detection.speed.speech import Speech
from turn_detection.text import normalise


@pytest.fixture(scope="module")
def shipped_encoder() -> Encoder:
    return open_bundle().encoder()


@pytest.mark.parametrize("n_tokens", LENGTHS)
def test_texts_have_exactly_the_tokens_asked_for_and_no_two_are_alike(shipped_encoder: Encoder, n_tokens: int) -> None:
    speech = Speech(shipped_encoder)
    items = [speech.draw(n_tokens) for _ in range(100)]
    assert {len(shipped_encoder.encode(*item)) for item in items} == {n_tokens}
    assert len(set(items)) == 100


def test_every_length_up_to_the_longest_can_be_had(toy_encoder: Encoder) -> None:
    speech = Speech(toy_encoder)
    assert speech.max_tokens == 1 + 48 + 96
    for n_tokens in range(3, speech.max_tokens + 1):
        assert len(toy_encoder.encode(*speech.draw(n_tokens))) == n_tokens


@pytest.mark.parametrize("n_tokens", [2, 146])
def test_other_lengths_are_refused(toy_encoder: Encoder, n_tokens: int) -> None:
    with pytest.raises(InvalidInputError, match="3 to 145 tokens"):
        Speech(toy_encoder).draw(n_tokens)


def test_long_items_hold_a_line_of_the_bot_and_short_ones_only_the_caller(shipped_encoder: Encoder) -> None:
    speech = Speech(shipped_encoder)
    assert speech.draw(8)[0] is None
    context, message = speech.draw(64)
    assert context
    assert 15 <= len(shipped_encoder.encode(context, "")) <= 25
    assert normalise(message) == message.replace("ё", "е"), "words as a recogniser prints them"


def test_a_model_without_history_is_asked_without_a_line(toy_tokenizer: Tokenizer) -> None:
    encoder = Encoder(toy_tokenizer, replace(EncodingSpec(), history_turns=0))
    speech = Speech(encoder)
    context, message = speech.draw(64)
    assert (context, len(encoder.encode(context, message))) == (None, 64)
    assert speech.max_tokens == 98


def test_the_seed_chooses_the_texts(shipped_encoder: Encoder) -> None:
    first, same, other = (Speech(shipped_encoder, seed) for seed in (1, 1, 2))
    items = [first.draw(32) for _ in range(5)]
    assert items == [same.draw(32) for _ in range(5)]
    assert items != [other.draw(32) for _ in range(5)]


def test_a_tokenizer_that_runs_out_of_texts_repeats_them(shipped_encoder: Encoder) -> None:
    speech = Speech(shipped_encoder)
    one_word = {message for _, message in (speech.draw(3) for _ in range(300))}
    assert 50 < len(one_word) < 300
