"""Number words to digits, against num2words, which goes the other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from turn_detection.numerals import fold_numerals


def spoken(number: int) -> list[str]:
    return str(num2words(number, lang="ru")).split()


def folded(text: str) -> str:
    return " ".join(fold_numerals(text.split()))


def test_every_number_below_ten_thousand_folds_to_its_digits() -> None:
    wrong = [number for number in range(10_000) if fold_numerals(spoken(number)) != list(str(number))]
    assert wrong == []


@given(st.integers(0, 999_999))
def test_every_number_below_a_million_folds_to_its_digits(number: int) -> None:
    assert fold_numerals(spoken(number)) == list(str(number))


@given(st.integers(1_000_000, 999_999_999))
def test_every_number_below_a_milliard_folds_to_its_digits(number: int) -> None:
    assert fold_numerals(spoken(number)) == list(str(number))


@given(
    st.lists(st.integers(1, 999).filter(lambda n: n % 10 or n % 100 == 10), min_size=1, max_size=6), st.integers(0, 999)
)
def test_groups_that_are_dictated_one_after_the_other_stay_apart(groups: list[int], last: int) -> None:
    # A group that ends with a unit or a teen is complete: whatever follows cannot join it.
    words = [word for group in [*groups, last] for word in spoken(group)]
    assert fold_numerals(words) == list("".join(map(str, [*groups, last])))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_digits_dictated_one_by_one_are_those_digits(digits: list[int]) -> None:
    assert fold_numerals([word for digit in digits for word in spoken(digit)]) == list(map(str, digits))


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_a_number_among_words_leaves_the_words_alone(first: int, second: int) -> None:
    text = ["номер", *spoken(first), "или", *spoken(second), "рублей"]
    assert fold_numerals(text) == ["номер", *str(first), "или", *str(second), "рублей"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("девятьсот три сто двадцать три", "9 0 3 1 2 3"),
        ("двадцать ноль пять", "2 0 0 5"),
        ("сто сто", "1 0 0 1 0 0"),
        ("пять десять", "5 1 0"),
        ("тысяча рублей", "1 0 0 0 рублей"),
        ("тысячу двести", "1 2 0 0"),
        ("несколько тысяч", "несколько тысяч"),  # no figure was named
        ("ноль тысяч", "0 тысяч"),
        ("две тысячи 15", "2 0 0 0 1 5"),  # a number and another one
        ("25 тысяч", "2 5 0 0 0"),
        ("3 миллиона 200 тысяч", "3 2 0 0 0 0 0"),
        ("миллион", "миллион"),
        ("два миллиона", "2 0 0 0 0 0 0"),
        ("два миллиона тысяча один", "2 0 0 1 0 0 1"),
        ("один миллион сто", "1 0 0 0 1 0 0"),
        ("одну секунду", "одну секунду"),
        ("двадцать одну секунду", "2 1 секунду"),
        ("одна тысяча", "1 0 0 0"),
        ("двадцати пятого", "двадцати пятого"),  # oblique cases and ordinals stay words
        ("007", "0 0 7"),
        ("2500", "2 5 0 0"),
        ("нуль", "0"),
        ("", ""),
    ],
)
def test_what_words_become(words: str, expected: str) -> None:
    assert folded(words) == expected
