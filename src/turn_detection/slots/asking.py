"""What the bot's line asks for, read by rules.

A line counts only if its last words ask for one slot and for nothing else: a verb of asking or a question word right before the thing
(«продиктуйте, пожалуйста, ваш номер телефона», «какой у вас ИНН»), or the thing alone («Ваш телефон?», «СНИЛС, пожалуйста»). Digits of
its own («номер оканчивается на 42»), a second thing («имя и телефон»), a choice («номер или почту») or a yes/no question («это ваш
номер?», «вам удобно получить код?») leave it unread: a slot that is missed costs nothing, a wrong one holds the caller up.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..text import normalise
from .expectation import MAX_DIGITS, NAMED, Slot, digits

_MAX_CHARACTERS = 300  # the end of a longer line is read alone
_HINT = re.compile(
    "цифр|значн|телефон|номер|код|парол|карт|почт|mail|м[еэ]йл|рожд|инн|снилс|паспорт|индекс", re.IGNORECASE
)
_SENTENCES = re.compile(r"(?<=[.!?…])\s+")

# Number of digits: «шесть цифр», «последние четыре цифры», «из шести цифр», «шестизначный».
_SIZES = {
    "дву": 2, "двух": 2, "трех": 3, "четырех": 4, "пяти": 5, "шести": 6, "семи": 7, "восьми": 8, "девяти": 9, "десяти": 10,
    "одиннадцати": 11, "двенадцати": 12, "шестнадцати": 16,
}  # fmt: skip
_SIZE = "|".join(_SIZES)
_COUNT = re.compile(
    rf"(?:(?:последн|перв)\w+ )?(?P<n>(?:\d )+)(?:последн\w+ |перв\w+ )?цифр\w*|(?:из )?\b(?P<of>{_SIZE}) цифр|\b(?P<sized>{_SIZE})значн\w+"
)
_COUNTED = "#"  # stands for it in the line

_THE = r"(?:(?:мне|еще|раз|теперь|пожалуйста|только|сначала|ваш\w*|сво[йюеи]\w*|вас|полн\w+|весь|всю|все|его|ее) )*"
_VERB = (
    "(?:назовите|назвать|продиктуйте|продиктовать|диктуйте|скажите|сказать|подскажите|уточните|уточнить|укажите|указать|сообщите|"
    "сообщить|оставьте|прочитайте|напомните|повторите|введите|говорите|записать|запишем|узнать|нужен|нужны|нужна|нужно|давайте|слушаю)"
)
_QUESTION = r"(?:какой|какая|какие|какое|какую)(?: там)?(?: у (?:вас|\w+))?"
_ASKING = re.compile(rf"\b{_VERB}\b")
_START = r"^(?:(?:и|а|еще|теперь|хорошо|спасибо|так|тогда|ясно|отлично) )*"
#: thing -> how the bot names it; the longer name stands before the shorter one.
_THINGS = {
    "email": r"(?:адрес\w* )?электронн\w+ почт\w+|адрес\w* почты|почту|почта|имейл\w*|имэйл\w*|емейл\w*|[eе] ?mail",
    "date": r"дат\w рождения|(?:день|число) месяц и год рождения",
    "passport": r"паспорт сери\w и номер|сери\w и номер (?:вашего )?паспорта",
    "series": r"сери\w паспорта",
    "inn": r"(?:номер )?инн",
    "snils": r"(?:номер )?снилс\w?",
    "postcode": r"(?:почтовый )?индекс",
    "card": r"номер (?:(?:вашей|банковской|дебетовой|кредитной) )*карты",
    "code": r"код (?:из (?:смс|эсэмэс\w*|сообщения|пуш\w*)|подтверждения)|проверочный код|смс код",
    "town_phone": r"(?:городск|домашн|стационарн)\w+ (?:телефон|номер) без кода(?: города)?",
    "home_phone": r"(?:городск|домашн|стационарн)\w+ (?:телефон|номер)|номер (?:городского|домашнего|стационарного) телефона",
    "phone": (
        r"номер (?:(?:контактного|мобильного|сотового|вашего) )*телефона|(?:контактн|мобильн|сотов)\w+ (?:номер|телефон)|"
        r"номер мобильного|(?:номер|телефон) для связи|телефон"
    ),
}  # fmt: skip
_THING = "|".join(f"(?P<{name}>{names})" for name, names in _THINGS.items())
_SLOTS = {**NAMED, "series": digits(4), "town_phone": digits(5, 6, 7)}
_OF_WHOM = r"(?: (?:(?:вашей |вашего )?(?:получателя|клиента|пациента|пассажира|абонента|владельца|организации|компании)|полностью|для \w+))*"
_ASKS = (
    re.compile(rf"\b(?:{_VERB}|{_QUESTION}) {_THE}(?:{_THING})\b"),
    re.compile(rf"{_START}{_THE}(?:{_THING}){_OF_WHOM}(?: пожалуйста)?(?: \?)?$"),
    re.compile(
        r"\b(?:на какую (?P<email>почту|электронную почту)|(?:на какой|по какому) (?P<phone>номеру?|телефону?))\b"
    ),
)
#: What holds a number, for lines that tell its length.
_NUMBERED = (
    r"(?:\w+ )?(?:код|номер|инн|снилс|индекс|сери\w|пароль|пин|паспорт|карт\w|договор\w?|полис\w?|счет\w?|телефон)\b"
)
_ASKS_COUNTED = (
    re.compile(rf"\b(?:{_VERB}|{_QUESTION}) {_THE}(?:{_COUNTED}|{_NUMBERED})"),
    re.compile(rf"{_START}{_THE}(?:{_COUNTED}|{_NUMBERED})"),
    re.compile(rf"{_COUNTED} {_VERB} (?:его|их)\b"),
)
#: Another thing, or a question for yes or no.
_OTHERWISE = re.compile(
    r"\b(?:или|либо|ли|это|этот|эта|верно|правильно|правда|удобно|хотите|подходит|есть|добавочн\w*|слово|букв\w*|символ\w*|имя|фамили\w*|"
    r"отчество|фио|город|улиц\w+|дом|квартир\w+|врем\w+|час|срок\w*|сумм\w+|марк\w+|госномер\w*|регион\w*|оба|заканчивается|оканчивается)\b"
)
#: Numbers of a length that the line would have to tell.
_VAGUE = re.compile(
    r"\b(?:последн\w+|перв\w+|остальн\w+|лояльности|бонусн\w+|скидочн\w+|клубн\w+|клуба|медицинск\w+)\b"
)
_AND = re.compile(r"(?<!^)\bи\b")


def asked_slot(line: str) -> Slot | None:
    """The slot that the bot's line asks for; ``None`` if it asks for none, for several, or for a yes or no."""
    line = line[-_MAX_CHARACTERS:]
    return _read(line) if _HINT.search(line) else None


@lru_cache(maxsize=1024)
def _read(line: str) -> Slot | None:
    """A bot says the same lines to every caller, and one line is read at every pause of the reply."""
    sentences = [normalise(sentence, keep_questions=True) for sentence in _SENTENCES.split(line)]
    sentences = [sentence for sentence in sentences if sentence.strip("? ")]
    # «Какой у вас ИНН? Там двенадцать цифр.»: a sentence that tells the length belongs to the one before it.
    for n_sentences in (1, 2) if sentences and _COUNT.search(sentences[-1]) else (1,):
        before, asking = sentences[:-n_sentences], " ".join(sentences[-n_sentences:])
        goes_on = asking.startswith("и ") and any(map(_ASKING.search, before))  # «Назовите имя. И номер телефона.»
        if not goes_on and not any(sentence.endswith("?") for sentence in before) and (slot := _slot_in(asking)):
            return slot
    return None


def _slot_in(text: str) -> Slot | None:
    text = text.replace("по буквам", "").replace("  ", " ")
    sizes = {_size(match) for match in _COUNT.finditer(text)}
    text = _COUNT.sub(_COUNTED, text)
    if len(sizes) > 1 or _OTHERWISE.search(text) or any(map(str.isdigit, text)):
        return None
    if sizes:
        (size,) = sizes
        is_asked = any(asks.search(text) for asks in _ASKS_COUNTED) and not _is_more(
            text.replace("серию и номер", ""), numbers=False
        )
        return digits(size) if is_asked and 0 < size <= MAX_DIGITS else None
    for asks in _ASKS:
        if (match := asks.search(text)) and not _VAGUE.search(text):
            rest = f"{text[: match.start()]}{_COUNTED}{text[match.end() :]}"
            return None if _is_more(rest) else _SLOTS[str(match.lastgroup)]
    return None


def _is_more(text: str, *, numbers: bool = True) -> bool:
    """Whether the rest of a line names another thing."""
    named = re.search(rf"\b(?:{_THING})\b", text)
    return bool(_AND.search(text)) or bool(named and (numbers or named.lastgroup in ("email", "date")))


def _size(match: re.Match[str]) -> int:
    if match["n"]:
        figures = match["n"].replace(" ", "")
        return int(figures) if len(figures) <= 2 else 0
    return _SIZES[match["of"] or match["sized"]]
