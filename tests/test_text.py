"""The normaliser: one speech, one text, however a recogniser prints it."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.errors import InvalidTypeError
from turn_detection.numerals import fold_numerals
from turn_detection.text import has_words, normalise

RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
WORDS = st.text(RUSSIAN, min_size=1, max_size=10)
#: What the model may see: the lower-case Cyrillic block without «ё» (Ukrainian and Tatar letters included), Latin, digits.
ALPHABET = re.compile(
    r"(?:[0-9]|[a-z\u0430-\u044f\u0452-\u045f\u0460-\u052f]+)(?: (?:[0-9]|[a-z\u0430-\u044f\u0452-\u045f\u0460-\u052f]+))*"
)
#: A second «миллион» or «тысяча» after a finished number («тысяча один миллион», «три тысячи шесть тысяч») is read anew on a
#: second pass, because the digits of the first have come apart by then; nobody normalises twice, so only other words are drawn.
SCALE = re.compile("тысяч|миллион", re.IGNORECASE)
ANY_TEXT = st.text(max_size=60).filter(lambda text: not SCALE.search(text))
LIKELY_TEXT = st.lists(
    st.sampled_from(
        ["да", "Нет", "двадцать", "пять", "сто", "одну", "ноль", "25", "007", "мне", "ещё", "зАмок", "%", "№", "+7", "@",
         "?", "...", ",", "«", "mail.ru", "cорок", "👍", "\u200b", "й", "9:30"]
    ),
    max_size=12,
)  # fmt: skip


@given(ANY_TEXT)
def test_the_output_is_words_of_the_alphabet_and_single_digits_separated_by_one_space(text: str) -> None:
    assert normalise(text) == "" or ALPHABET.fullmatch(normalise(text))


@given(st.one_of(ANY_TEXT, st.builds(" ".join, LIKELY_TEXT), st.builds("".join, LIKELY_TEXT)))
def test_a_normalised_text_is_left_as_it_is(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.lists(WORDS, max_size=8))
def test_case_does_not_matter(words: list[str]) -> None:
    text = " ".join(words)
    assert normalise(text.upper()) == normalise(text.title()) == normalise(text)


@given(st.lists(WORDS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_punctuation_between_words_does_not_matter(words: list[str], chance: random.Random) -> None:
    marks = [
        " ",
        ", ",
        ". ",
        "... ",
        " — ",
        "! ",
        "? ",
        "; ",
        " (",
        ") ",
        "\n",
        "\t",
        "\xa0",
        " «",
        "» ",
        "…",
        ": ",
        " 👍 ",
    ]
    pointed = "".join(word + chance.choice(marks) for word in words)
    assert normalise(pointed) == normalise(" ".join(words))


@given(st.lists(WORDS, max_size=8))
def test_yo_is_ye(words: list[str]) -> None:
    text = " ".join(words)
    assert normalise(text) == normalise(text.replace("ё", "е"))


@given(st.lists(WORDS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_invisible_characters_and_stress_marks_inside_words_do_not_matter(
    words: list[str], chance: random.Random
) -> None:
    hidden = ["\u200b", "\u200d", "\u2060", "\ufeff", "\xad", "\u0301", ""]
    text = " ".join(words)
    assert normalise("".join(character + chance.choice(hidden) for character in text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Мне нужен билет на.", "мне нужен билет на"),
        ("Ещё чёрный чай", "еще черный чай"),
        ("Который час? Йод и йогурт", "который час йод и йогурт"),
        ("и\u0306од", "йод"),  # the letter in two code points
        ("за\u0301мок на горе", "замок на горе"),  # no «й» and no «ё» nearby
        ("Алло-алло, кто-нибудь", "алло алло кто нибудь"),
        ("дом №5", "дом номер 5"),
        ("на 100%", "на 1 0 0 процентов"),
        ("+7 903", "плюс 7 9 0 3"),
        ("100₽ или $5, €6, -10°", "1 0 0 рублей или долларов 5 евро 6 1 0 градусов"),
        ("ivan@mail.ru", "ivan собака mail точка ru"),
        ("Сайт a.ru. Потом", "сайт а точка ru потом"),
        ("тpидцaть cемь", "3 7"),  # Latin «p», «a», «c» among Cyrillic letters
        ("c двадцатого", "с двадцатого"),
        ("x box", "x box"),  # nothing Cyrillic beside it: Latin it stays
        ("8 (903) 123-45-67", "8 9 0 3 1 2 3 4 5 6 7"),
        ("двадцать5", "2 0 5"),
        ("١٢ ٣", "1 2 3"),
        ("½ и x²", "1 2 и х 2"),
        ("ﬁx", "fix"),
        ("straße", "strae"),
        ("日本語 да 日本語", "да"),
        ("👍🏽", ""),
        ("...", ""),
        ("", ""),
        ("\ud83d да", "да"),  # half of a surrogate pair, as broken JSON escapes give it
    ],
)
def test_what_a_text_becomes(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_the_bots_question_mark_can_be_kept_as_one_word() -> None:
    assert normalise("Вам двадцать?? Да.", keep_questions=True) == "вам 2 0 ? да"
    assert normalise("Вам двадцать?? Да.") == "вам 2 0 да"


def test_numbers_as_words_and_as_digits_are_one_text() -> None:
    assert normalise("Двадцать пять тысяч сто рублей") == normalise("25100 рублей") == "2 5 1 0 0 рублей"


def test_a_figure_of_thousands_of_digits_is_read_digit_by_digit() -> None:
    assert normalise("1" * 5000 + " тысяч") == " ".join("1" * 5000) + " тысяч"
    assert normalise("пять миллионов " + "1" * 5000) == "5 0 0 0 0 0 0 " + " ".join("1" * 5000)


@pytest.mark.parametrize("value", [None, 5, b"\xd0\xb4\xd0\xb0", ["да"]])
def test_what_is_no_string_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(InvalidTypeError, match=f"text must be a string, got {type(value).__name__}"):
        normalise(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"), [("да", True), ("5", True), ("日本", True), ("...", False), ("👍 ", False)]
)
def test_punctuation_and_emoji_alone_are_no_words(text: str, expected: bool) -> None:
    assert has_words(text) is expected


@given(st.lists(st.text("0123456789", min_size=1, max_size=12), max_size=6))
def test_figures_never_lose_a_digit(figures: list[str]) -> None:
    assert fold_numerals(figures) == list("".join(figures))
