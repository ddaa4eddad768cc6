"""Questions for several things at once: an answer is whole only when each of them has been said."""

from __future__ import annotations

from collections.abc import Callable

from ...types import TurnLabel
from .contacts import person
from .counted import plate
from .digits import cardinal, dictate, digit_string, split_groups
from .mailbox import mail
from .phrases.combined import COMBINED, FIRST_LEADS, LINKS, MAKES
from .phrases.digits import THINKING
from .places import address
from .template import BOTH, WAIT, Build, Draft, Template, wording_groups

FRAMES = ("plain", "linked", "tail", "swapped")
Part = Callable[[Draft], list[str]]


def _digits(length: int, sizes: tuple[int, ...], first: str = "0123456789") -> Part:
    def part(draft: Draft) -> list[str]:
        groups = split_groups(digit_string(draft.rng, length, first), sizes)
        return groups if draft.digits else dictate(draft.rng, groups)

    return part


def _filled(*forms: str) -> Part:
    """One of marked forms: ``|`` stands between chunks."""

    def part(draft: Draft) -> list[str]:
        return [draft.fill(chunk.strip()) for chunk in draft.pick(forms).split("|")]

    return part


def _phone(draft: Draft) -> list[str]:
    head = draft.pick(("восемь", "восемь", "плюс семь", ""))
    number = _digits(10, (3, 3, 2, 2), "9")(draft)
    return [{"восемь": "8", "плюс семь": "+7"}[head] if draft.digits else head, *number] if head else number


def _second_phone(draft: Draft) -> list[str]:
    return [draft.pick(("второй", "запасной", "и второй", "а второй", "дополнительный")), *_phone(draft)]


def _meter(*names: str) -> Part:
    def part(draft: Draft) -> list[str]:
        value = draft.rng.randint(12, 990)
        return [draft.pick(names), str(value) if draft.digits else cardinal(value)]

    return part


#: Chunks of each thing; a pause may fall between any two of them.
PARTS: dict[str, Part] = {
    "card": _digits(16, (4,)),
    "cvc": _digits(3, (1,)),
    "code4": _digits(4, (2,)),
    "card_last": _digits(4, (2,)),
    "contract": _digits(6, (2,)),
    "passport": _digits(10, (2, 2, 3, 3)),
    "expiry": _filled("ноль {few}|{expiry_year}", "{month}|{expiry_year}", "срок|ноль {few}|{expiry_year}"),
    "issued": _filled("выдан|{date}|{issued_year} года", "дата выдачи|{date}|{issued_year} года"),
    "surname": lambda draft: person(draft, "s"),
    "first": lambda draft: person(draft, "n"),
    "full_name": lambda draft: person(draft, "snp"),
    "birth": _filled("{date}|{year_gen} года", "{date}|{year_gen}", "{date}|{year}"),
    "make": lambda draft: [draft.pick(MAKES)],
    "plate": plate,
    "phone": _phone,
    "second_phone": _second_phone,
    "mail": lambda draft: mail(draft, draft.pick(("words", "numbered", "initials"))),
    "cold": _meter("холодная", "по холодной", "холодная вода"),
    "hot": _meter("горячая", "по горячей", "горячая вода"),
    "day_meter": _meter("день", "дневной", "за день"),
    "night_meter": _meter("ночь", "ночной", "за ночь"),
    "address": lambda draft: address(draft, ("street", "house", "flat"), "words"),
    "from_to": _filled("из|{city_gen}|в|{city_acc}", "{city}|{city}", "из|{city_gen}|до|{city_gen}"),
    "city": _filled("{city}", "город|{city}", "в|{city_acc}"),
    "on_day": _filled("{on_day}", "{date}", "на|{for_date}", "на|{weekday}", "в|{weekday}"),
    "at": _filled("в|{hour}", "на|{hour} вечера", "в|{hour} часов", "к|{hour_dat}", "часов в|{hour}"),
    "guests": _filled("на|{people}", "нас|{few}", "{several} человек", "человек|{several}"),
    "doctor": _filled("к|{doctor_dat}", "мне к|{doctor_dat}"),
    "check_in": _filled("с|{day_gen}", "заезд|{date}", "{date}", "с|{date}"),
    "nights": _filled("на|{several} ночей", "{several} ночей", "на|{few} ночи", "ночей|{several}"),
    "sum": _filled("{sum}", "перевести|{sum}"),
    "adults": _filled("{few} взрослых", "взрослых|двое", "двое взрослых", "взрослых|{few}"),
    "children": _filled("{few} детей", "один ребёнок", "детей|{few}", "детей|двое"),
    "weight": _filled("{several} килограмм", "вес|{several}", "килограмм|{several}"),
    "places": _filled("{several} мест", "одно место", "мест|{few}", "{several} коробок"),
}
#: Parts that may be said in the other order: neither can be taken for a piece of the other.
_SWAPPED = frozenset("surname_phone name_phone surname_birth name_mail at_guests city_day meters doctor_day".split())


def _build(parts: tuple[str, ...], frame: str) -> Build:
    order = parts[::-1] if frame == "swapped" else parts

    def build(draft: Draft, label: TurnLabel) -> str:
        chunks: list[str] = []
        edge = 0
        for index, name in enumerate(order):
            said = PARTS[name](draft)
            link = (
                draft.pick(LINKS if frame in ("linked", "swapped") else LINKS[:5]) if index else draft.pick(FIRST_LEADS)
            )
            chunks += [f"{link} {said[0]}".strip(), *said[1:]]
            if index < len(order) - 1:
                edge = len(chunks)
        if label is WAIT:
            # Half of the cuts stand right where one thing ends and the next has not begun.
            at_edge = draft.chance(0.5)
            chunks = chunks[: edge if at_edge else draft.rng.randint(1, len(chunks) - 1)]
            if frame == "tail" or draft.chance(0.1):
                chunks.append(draft.pick((*THINKING[:8], "и", "а")))
        elif frame == "tail":
            chunks.append(draft.pick(("вот", "всё", "вроде всё", "записали", "спасибо")))
        return " ".join(chunks)

    return build


def combined_templates(family: str) -> list[Template]:
    """Templates of the questions that ask for several things and belong to a family."""
    return [
        Template(family, f"{group}/{frame}-{k}", contexts, BOTH, _build(parts, frame), fixed=True)
        for kind, (owner, parts, bots) in COMBINED.items()
        if owner == family
        for group, contexts in wording_groups({kind: bots}, 30)
        for frame in FRAMES
        if frame != "swapped" or kind in _SWAPPED
        for k in range(4)
    ]
