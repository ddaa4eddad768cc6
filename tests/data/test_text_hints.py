"""Hints by the look of a text: personal data, wrong encodings, other languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.data.personal import CARD, EMAIL, PASSPORT, PHONE, digit_runs, is_card, personal_hints
from turn_detection.data.text_quality import is_mojibake, is_russian


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("мой номер +7 (903) 123-45-67", PHONE),
        ("8 903 1234567", PHONE),
        ("восемь девятьсот три ну сто двадцать три сорок пять шестьдесят семь", PHONE),
        ("квартира 5, 89031234567", PHONE),
        ("пишите на ivan.petrov@mail.ru", EMAIL),
        ("иван собака мэйл точка ру", EMAIL),
        ("карта 4111 1111 1111 1111", CARD),
        ("4111111111111111", CARD),
        ("паспорт 45 08 123456", PASSPORT),
        ("серия сорок пять ноль восемь номер сто двадцать три четыреста пятьдесят шесть", PASSPORT),
    ],
)
def test_personal_data_is_told_by_its_kind(text: str, kind: str) -> None:
    assert personal_hints(text) == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "заказ 1234567890123456",
        "в двадцать пять минут шестого",
        "собака укусила, и точка",
        "дом 45, квартира 08",
        "2026 год",
    ],
)
def test_other_numbers_are_no_personal_data(text: str) -> None:
    assert not personal_hints(text)


def test_a_question_for_the_passport_makes_ten_digits_one() -> None:
    assert not personal_hints("4508 123456")
    assert personal_hints("4508 123456", "Назовите серию и номер паспорта") == {PASSPORT: 1}


@given(st.integers(10**14, 10**15 - 1).filter(lambda number: len(set(str(number))) > 1))
def test_one_check_digit_of_ten_makes_a_card(number: int) -> None:
    assert sum(is_card(f"{number}{digit}") for digit in range(10)) == 1


def test_what_callers_say_between_groups_is_no_end_of_a_number() -> None:
    assert digit_runs("8 9 0 3 эм 1 2 и 5 квартира 7") == ["8903125", "7"]


RUSSIAN = ["Здравствуйте, мне и нужен билет", "Рё да", "Да?", "", "СРОЧНО СЮДА", "café и чай, пожалуйста, в Рим"]


@pytest.mark.parametrize("text", RUSSIAN)
def test_sound_text_is_sound(text: str) -> None:
    assert not is_mojibake(text)
    assert is_russian(text)


@pytest.mark.parametrize(
    "codec", [("utf-8", "cp1251"), ("utf-8", "latin-1"), ("utf-8", "cp1252"), ("cp1251", "latin-1")]
)
def test_russian_in_a_wrong_encoding_is_told(codec: tuple[str, str]) -> None:
    right, wrong = codec
    assert is_mojibake("Здравствуйте, мне нужен билет".encode(right).decode(wrong, "ignore"))


@pytest.mark.parametrize("text", ["??? ????????", "при\ufffdет"])
def test_lost_letters_are_told(text: str) -> None:
    assert is_mojibake(text)


@pytest.mark.parametrize("text", ["hello, who is it", "як справи, мені треба квиток", "қалайсыз, сәлем"])
def test_other_languages_are_told(text: str) -> None:
    assert not is_russian(text)
