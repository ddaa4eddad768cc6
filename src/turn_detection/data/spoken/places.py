"""Addresses: what is complete depends on what the bot asked for."""

from __future__ import annotations

from ...types import TurnLabel
from .digits import cardinal
from .phrases.places import ADDRESS_BOTS, ADDRESS_FILLERS, ADDRESS_LEADS, ADDRESS_OPEN, ADDRESS_SENTENCES
from .slots import FULL_STREETS, SLOTS, STREET_NAMES
from .template import BOTH, SPEAK, WAIT, Build, Draft, Template, pauses, phrases, slug, wording_groups

FRAMES = ("bare", "lead", "filler")
#: What a full answer holds, by the kind of the bot's question.
PARTS: dict[str, tuple[str, ...]] = {
    "full": ("city", "street", "house", "flat"),
    "street_house": ("street", "house"),
    "flat_too": ("street", "house", "flat"),
    "pickup": ("street", "house"),
}


def _number(draft: Draft, number: int) -> str:
    return str(number) if draft.digits else cardinal(number)


def _address(draft: Draft, parts: tuple[str, ...], style: str) -> list[str]:
    """Chunks between which a caller may pause; every proper prefix lacks something that was asked for."""
    rng = draft.rng
    chunks: list[str] = []
    if "city" in parts and draft.chance(0.75):
        chunks += ["город", SLOTS["city"](rng, False)] if draft.chance(0.25) else [SLOTS["city"](rng, False)]
    if style == "short":
        chunks += [draft.pick(STREET_NAMES)]
    elif draft.chance(0.5):
        chunks += ["улица", draft.pick(STREET_NAMES)]
    else:
        chunks += [draft.pick(FULL_STREETS)]
    house = _number(draft, rng.randint(1, 180))
    chunks += [house] if style == "short" else ["дом", house]
    if style == "building" and "flat" in parts:
        chunks += [draft.pick(("корпус", "строение", "дробь")), _number(draft, rng.randint(1, 9))]
    if "flat" in parts:
        if style == "short" and draft.chance(0.4):
            chunks += [_number(draft, rng.randint(1, 350))]
        else:
            chunks += [draft.pick(("квартира", "квартира", "офис")), _number(draft, rng.randint(1, 350))]
    return chunks


def _address_build(parts: tuple[str, ...], style: str, frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        chunks = _address(draft, parts, style)
        if label is WAIT:
            chunks = chunks[: draft.rng.randint(1, len(chunks) - 1)]
            if frame == "filler":
                chunks.append(draft.pick(ADDRESS_FILLERS))
        elif frame == "filler":
            chunks.insert(draft.rng.randint(0, len(chunks) - 1), draft.pick(ADDRESS_FILLERS))
        if frame == "lead":
            chunks.insert(0, draft.pick(ADDRESS_LEADS))
        if label is SPEAK and draft.chance(0.12):
            chunks.append(
                draft.pick(("это частный сектор", "вот", "всё", "второй подъезд", "вход со двора", "рядом со школой"))
            )
        return " ".join(chunks)

    return build


def address_templates() -> list[Template]:
    """Full addresses by parts, and short answers to questions for one part."""
    templates = []
    for kind, parts in PARTS.items():
        for group, contexts in wording_groups({kind: ADDRESS_BOTS[kind]}, 3):
            for style in ("words", "short", "building"):
                for frame in FRAMES:
                    build = _address_build(parts, style, frame)
                    templates.append(Template("address", f"{group}/{style}-{frame}", contexts, BOTH, build, fixed=True))
            for lead in ADDRESS_LEADS + ADDRESS_OPEN:
                labels, build = phrases((lead,), ())
                templates.append(Template("address", f"{group}/open-{slug(lead)}", contexts, labels, build))
    for kind, sentences in ADDRESS_SENTENCES.items():
        for group, contexts in wording_groups({kind: ADDRESS_BOTS[kind]}, 4):
            for sentence in sentences:
                labels, build = phrases(*pauses(sentence))
                templates.append(Template("address", f"{group}/{slug(sentence)}", contexts, labels, build))
    return templates
