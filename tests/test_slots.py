"""What the bot expects, what it asks for, and how much of it a message holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.errors import InvalidInputError, InvalidTypeError
from turn_detection.slots import (
    COMPLETE_P,
    PARTIAL_P,
    Progress,
    Slot,
    asked_slot,
    check_expect,
    progress_of,
    shifted,
    slot_of,
)


def progress(expect: str, message: str) -> str:
    slot = slot_of(expect)
    assert slot is not None
    return str(progress_of(slot, message))


def asked(line: str) -> str | None:
    """``"phone"``, ``"digits:6"``, ``"digits:4-6"``; ``None`` if nothing is asked for."""
    slot = asked_slot(line)
    if slot is None or slot.kind != "digits":
        return slot and slot.kind
    return f"digits:{'/'.join(map(str, slot.lengths))}"


@pytest.mark.parametrize(
    ("expect", "slot"),
    [
        ("phone", Slot("phone")),
        ("digits:6", Slot("digits", (6,))),
        ("digits:4-6", Slot("digits", (4, 5, 6))),
        ("card", Slot("digits", (16,))),
        ("inn", Slot("digits", (10, 12))),
        ("none", None),
    ],
)
def test_an_expectation_names_a_slot(expect: str, slot: Slot | None) -> None:
    assert slot_of(expect) == slot
    assert check_expect(expect) == expect


@pytest.mark.parametrize(
    "expect", ["", "Phone", "digits", "digits:0", "digits:6-4", "digits:41", "digits:4-", "телефон"]
)
def test_an_unknown_expectation_is_refused_with_the_accepted_forms(expect: str) -> None:
    with pytest.raises(InvalidInputError, match=r"expect must be one of phone, .*digits:N-M .*none"):
        check_expect(expect)


@pytest.mark.parametrize("expect", [6, ["phone"], True])
def test_an_expectation_is_a_string(expect: object) -> None:
    with pytest.raises(InvalidTypeError, match=f"expect must be a string or None, got {type(expect).__name__}"):
        check_expect(expect)  # type: ignore[arg-type]


def test_no_expectation_is_fine() -> None:
    assert check_expect(None) is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("восемь девятьсот три", "partial"),
        ("восемь девятьсот три сто двадцать три сорок пять шестьдесят семь", "complete"),
        ("девятьсот три сто двадцать три сорок пять шестьдесят семь", "complete"),
        ("8 (903) 123-45-67.", "complete"),
        ("+7 903 123 45 67", "complete"),
        ("8 903 123-45-67-8", "over"),
        ("восемь", "partial"),
        ("да записывайте восемь девятьсот", "partial"),
        ("плюс семь девятьсот три", "partial"),
        ("восемь девятьсот три ээ", "partial"),
        ("восемь девятьсот три потом", "partial"),
        ("8 903 двойной ноль 3 45 67", "complete"),
        ("8 903 двойной", "partial"),
        ("8 903 три нуля сорок пять две семёрки", "complete"),
        ("8 903 семёрка тройка ноль сорок пять тройная двойка", "over"),
        ("восемь четыреста девяносто пять сто двадцать три сорок пять шестьдесят семь", "complete"),
        ("495 123 45 67", "complete"),
        ("8 495", "partial"),
        ("второй телефон у жены 8 903 123 45 67", "complete"),
    ],
)
def test_a_phone_is_counted_as_it_is_dictated(message: str, expected: str) -> None:
    assert progress("phone", message) == expected


@pytest.mark.parametrize(
    "message",
    [
        "",
        "...",
        "да",
        "у меня нет телефона",
        "девятьсот три а дальше не помню",
        "восемь девятьсот три нет девятьсот",
        "8 903 123 45 67 ой 68",
        "8 903 123 45 67 это мобильный моей",
        "8 903 123 45 67 и",
        "8 903 123 45 67 ээ",
        "восемь девятьсот три сто двадцать три сорок пять двадцать",
        "восемь девятьсот три сто двадцать три сорок пять четыре две",
        "перезвоните через пятнадцать",
        "звоните после шести вечера или в 8",
        "у меня их два",
        "812 123 45 67",  # a code of the town or a number that begins with 8: nobody can tell
        "123 45 67",
        "плюс триста семьдесят пять двадцать девять",
        "у меня есть второй 903 код билайна 1234567",
        "8 " * 400,
    ],
)
def test_a_message_that_ends_in_something_else_is_left_alone(message: str) -> None:
    assert progress("phone", message) == "none"


@pytest.mark.parametrize(
    ("expect", "message", "expected"),
    [
        ("digits:6", "триста восемьдесят один", "partial"),
        ("digits:6", "381 455", "complete"),
        ("digits:6", "код 3 8 1 4 5 5", "complete"),
        ("digits:6", "3814556", "over"),
        ("digits:4", "сорок двадцать", "none"),
        ("digits:4", "сорок десять", "complete"),
        ("digits:4", "сорок два нуля", "complete"),
        ("digits:5", "сорок 3 нуля", "complete"),
        ("digits:4-6", "123", "partial"),
        ("digits:4-6", "1234", "none"),
        ("digits:4-6", "123456", "complete"),
        ("passport", "сорок пять ноль пять номер двенадцать", "partial"),
        ("passport", "сорок пять ноль пять номер двенадцать тридцать четыре пятьдесят шесть", "complete"),
        ("passport", "сорок пять ноль пять выдан московским двенадцать тридцать", "partial"),
        ("passport", "сорок пять ноль пять выдан московским двенадцать тридцать четыре пятьдесят шесть", "none"),
        ("inn", "12345678901", "partial"),
        ("home_phone", "двести двенадцать", "partial"),
        ("home_phone", "212 45 67", "none"),
        ("home_phone", "8 495 212 45 67", "complete"),
        ("number", "двадцать пять", "complete"),
        ("number", "двадцать", "none"),
        ("number", "нас пять", "none"),
        ("yes_no", "Да.", "complete"),
        ("yes_no", "не знаю", "none"),
    ],
)
def test_other_numbers_are_counted_too(expect: str, message: str, expected: str) -> None:
    assert progress(expect, message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("иван собака мейл точка ру", "complete"),
        ("ivan@mail.ru", "complete"),
        ("иван собака мейл ру", "complete"),
        ("иван собака яндекс точка эр у", "complete"),
        ("иван собака студия точка онлайн", "complete"),
        ("иван собака", "partial"),
        ("иван собака мейл точка", "partial"),
        ("иван точка", "partial"),
        ("иван нижнее подчёркивание", "partial"),
        ("иван", "none"),
        ("точка", "none"),
        ("собака ру", "none"),
        ("иван собака ру", "none"),
        ("иван собака студия онлайн", "none"),
        ("иван собака мейл точка ру это рабочая", "none"),
        ("у меня нет почты", "none"),
    ],
)
def test_a_mail_address_is_over_with_its_zone(message: str, expected: str) -> None:
    assert progress("email", message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("пятого мая восемьдесят пятого", "complete"),
        ("пятого мая тысяча девятьсот восемьдесят пятого года", "complete"),
        ("пятое мая девяностого", "complete"),
        ("5 мая 1985", "complete"),
        ("пятое мая восемьдесят пять", "complete"),
        ("восемнадцатого ноября год 1951", "complete"),
        ("12.05.1985", "complete"),
        ("двадцать пятое", "partial"),
        ("пятого мая", "partial"),
        ("пятого мая тысяча девятьсот", "partial"),
        ("пятого мая две тысячи", "none"),
        ("пятого мая 19", "none"),
        ("пятого мая пятого", "none"),
        ("в мае", "none"),
        ("мая", "none"),
        ("120585", "none"),
        ("не помню точно", "none"),
    ],
)
def test_a_date_is_over_with_its_year(message: str, expected: str) -> None:
    assert progress("date", message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("в пять вечера", "complete"),
        ("в полдень", "complete"),
        ("десять сорок пять", "complete"),
        ("десять тридцать", "none"),
        ("в 10:45", "complete"),
        ("9999", "none"),
        ("половина", "partial"),
        ("в десять", "none"),
    ],
)
def test_a_time_is_over_with_its_minutes_or_part_of_day(message: str, expected: str) -> None:
    assert progress("time", message) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Продиктуйте номер телефона.", "phone"),
        ("Хорошо. Назовите, пожалуйста, ваш номер телефона.", "phone"),
        ("Ваш телефон?", "phone"),
        ("На какой номер вам перезвонить?", "phone"),
        ("Назовите домашний телефон.", "home_phone"),
        ("Назовите городской телефон без кода города.", "digits:5/6/7"),
        ("Введите шестизначный код.", "digits:6"),
        ("Назовите код из четырёх цифр", "digits:4"),
        ("Вам пришёл код из четырёх цифр, назовите его.", "digits:4"),
        ("Скажите последние четыре цифры карты.", "digits:4"),
        ("Номер договора, десять цифр, пожалуйста.", "digits:10"),
        ("Какой у вас ИНН? Там двенадцать цифр.", "digits:12"),
        ("Назовите номер карты.", "digits:16"),
        ("Назовите код из СМС.", "digits:4/5/6"),
        ("ИНН вашей организации?", "digits:10/12"),
        ("СНИЛС, пожалуйста.", "digits:11"),
        ("Назовите серию и номер паспорта.", "digits:10"),
        ("Назовите серию паспорта.", "digits:4"),
        ("Почтовый индекс?", "digits:6"),
        ("Укажите e-mail.", "email"),
        ("На какую почту отправить чек?", "email"),
        ("Продиктуйте адрес электронной почты по буквам.", "email"),
        ("Назовите полную дату рождения.", "date"),
        ("Число, месяц и год рождения?", "date"),
    ],
)
def test_a_line_that_asks_for_one_thing_tells_the_slot(line: str, expected: str) -> None:
    assert asked(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Чем могу помочь?",
        "Это ваш номер телефона?",
        "Вам удобно получить код на этот номер?",
        "Номер оканчивается на 42, верно?",
        "Ваш номер телефона 8 903 123-45-67?",
        "Скажите, вам пришёл код из СМС?",
        "Вы помните номер телефона?",
        "Телефон у вас с собой?",
        "Номер телефона обязателен.",
        "Мы отправили код из СМС на ваш телефон.",
        "Никому не называйте код из СМС.",
        "Назовите имя и телефон.",
        "Назовите код из СМС и имя.",
        "Назовите номер телефона и адрес доставки.",
        "Назовите телефон или почту.",
        "Назовите серию и номер паспорта, и дату выдачи.",
        "Назовите номер карты и срок, месяц и год.",
        "Назовите ваше имя. И номер телефона.",
        "Как вас зовут? Назовите номер телефона.",
        "Назовите последние цифры номера телефона.",
        "Назовите номер карты лояльности.",
        "Назовите кодовое слово.",
        "Назовите номер телефона с добавочным.",
        "Назовите шестизначный код или четырёхзначный пин.",
        "Назовите номер договора.",
        "Назовите телефон, почту.",
        "Назовите четыре цифры кода, потом почту.",
        "Назовите номер из 1 2 3 цифр.",
        "8 965, остальные семь цифр?",
    ],
)
def test_a_line_that_asks_otherwise_tells_nothing(line: str) -> None:
    assert asked(line) is None


@given(st.floats(0.0, 1.0), st.sampled_from(Progress))
def test_the_rule_only_caps_a_part_and_only_raises_the_whole(p: float, step: Progress) -> None:
    after = shifted(p, step)
    if step is Progress.PARTIAL:
        assert after == (p if p <= PARTIAL_P else PARTIAL_P)
    elif step is Progress.COMPLETE:
        assert after == (p if p >= COMPLETE_P else COMPLETE_P)
    else:
        assert after == p


@given(st.sampled_from(["phone", "card", "email", "date", "time", "number", "yes_no"]), st.text(max_size=60))
def test_any_text_is_answered(expect: str, message: str) -> None:
    assert progress(expect, message) in set(map(str, Progress))
    asked_slot(message)
