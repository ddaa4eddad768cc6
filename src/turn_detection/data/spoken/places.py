"""Addresses: what is complete depends on what the bot asked for."""

from __future__ import annotations

from ...types import TurnLabel
from .digits import cardinal
from .phrases.places import ADDRESS_BOTS, ADDRESS_FILLERS, ADDRESS_LEADS, ADDRESS_OPEN, ADDRESS_SENTENCES
from .phrases.streets import ADDRESS_ASKED, STREETS
from .slots import FULL_STREETS, SLOTS, STREET_NAMES
from .template import (
    BOTH,
    SPEAK,
    WAIT,
    Build,
    Draft,
    Template,
    pauses,
    phrases,
    sentence_templates,
    slug,
    wording_groups,
)

TAILS_INDOORS = ("вот", "всё", "вход со двора", "рядом со школой", "лифт не работает", "домофон работает", "спасибо")
TAILS = (*TAILS_INDOORS[:4], "это частный сектор", "второй подъезд", "там шлагбаум")
FRAMES = ("bare", "lead", "filler")
#: What a full answer holds, by the kind of the bot's question.
PARTS: dict[str, tuple[str, ...]] = {
    "full": ("city", "street", "house", "flat"),
    "street_house": ("street", "house"),
    "flat_too": ("street", "house", "flat"),
    "pickup": ("street", "house"),
    **{kind: parts for kind, (parts, _) in ADDRESS_ASKED.items()},
}
_ORDINALS = ("первый", "второй", "третий", "четвёртый", "пятый", "шестой", "седьмой", "восьмой", "девятый", "десятый")


def _number(draft: Draft, number: int) -> str:
    return str(number) if draft.digits else cardinal(number)


def address(draft: Draft, parts: tuple[str, ...], style: str) -> list[str]:
    """Chunks between which a caller may pause; every proper prefix lacks something that was asked for."""
    rng = draft.rng
    chunks: list[str] = []
    if "city" in parts and (len(parts) == 2 or draft.chance(0.85)):
        chunks += ["город", SLOTS["city"](rng, False)] if draft.chance(0.25) else [SLOTS["city"](rng, False)]
    if "street" not in parts:
        pass
    elif style == "short":
        chunks += [draft.pick(STREET_NAMES)]
    elif draft.chance(0.5):
        chunks += ["улица", draft.pick(STREET_NAMES)]
    else:
        chunks += [draft.pick(FULL_STREETS)]
    house = _number(draft, rng.randint(1, 180))
    if "house" in parts:
        chunks += [house] if style == "short" else ["дом", house]
    if style == "building" and "house" in parts and "flat" in parts:
        chunks += [draft.pick(("корпус", "строение", "дробь")), _number(draft, rng.randint(1, 9))]
    if "flat" in parts:
        if style == "short" and "house" in parts and draft.chance(0.4):
            chunks += [_number(draft, rng.randint(1, 350))]
        else:
            chunks += [draft.pick(("квартира", "квартира", "офис")), _number(draft, rng.randint(1, 350))]
    for part in parts:
        if part in ("entrance", "floor", "intercom"):
            chunks += _indoors(draft, part)
    return chunks


def _indoors(draft: Draft, part: str) -> list[str]:
    """Entrance, floor or door code: the noun and its number in either order."""
    rng = draft.rng
    if part == "intercom":
        code = [_number(draft, rng.randint(1, 350)), *(["вэ", _number(draft, rng.randint(11, 99))] * draft.chance(0.2))]
        return [draft.pick(("домофон", "код", "код домофона", "и домофон")), " ".join(code)]
    noun = {"entrance": "подъезд", "floor": "этаж"}[part]
    if draft.chance(0.5):
        return [noun, _number(draft, rng.randint(1, 9))]
    # «третий подъезд» is one breath: after the ordinal alone nothing has been named.
    return [draft.pick(_ORDINALS), noun]


def _address_build(parts: tuple[str, ...], style: str, frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        chunks = address(draft, parts, style)
        if label is WAIT:
            chunks = chunks[: draft.rng.randint(1, len(chunks) - 1)]
            if frame == "filler":
                chunks.append(draft.pick(ADDRESS_FILLERS))
        elif frame == "filler":
            chunks.insert(draft.rng.randint(0, len(chunks) - 1), draft.pick(ADDRESS_FILLERS))
        if frame == "lead":
            chunks.insert(0, draft.pick(ADDRESS_LEADS))
        if label is SPEAK and draft.chance(0.12):
            chunks.append(draft.pick(TAILS_INDOORS if "flat" in parts else TAILS))
        return " ".join(chunks)

    return build


def address_templates() -> list[Template]:
    """Full addresses by parts, and short answers to questions for one part."""
    templates = []
    for kind, parts in PARTS.items():
        bots, size = (ADDRESS_ASKED[kind][1], 16) if kind in ADDRESS_ASKED else (ADDRESS_BOTS[kind], 3)
        for group, contexts in wording_groups({kind: bots}, size):
            for style in ("words", "short", "building"):
                for frame in FRAMES:
                    build = _address_build(parts, style, frame)
                    templates.append(Template("address", f"{group}/{style}-{frame}", contexts, BOTH, build, fixed=True))
            # A lead alone is the same wait under every question: the common ones carry it.
            for lead in () if kind in ADDRESS_ASKED else ADDRESS_LEADS + ADDRESS_OPEN:
                labels, build = phrases((lead,), ())
                templates.append(Template("address", f"{group}/open-{slug(lead)}", contexts, labels, build))
    for kind, sentences in ADDRESS_SENTENCES.items():
        for group, contexts in wording_groups({kind: ADDRESS_BOTS[kind]}, 4):
            for sentence in sentences:
                labels, build = phrases(*pauses(sentence))
                templates.append(Template("address", f"{group}/{slug(sentence)}", contexts, labels, build))
    for kind, (bots, sentences) in STREETS.items():
        for group, contexts in wording_groups({kind: bots}, 30):
            templates += sentence_templates("address", group, contexts, sentences)
    return templates
