"""Dictated digits of a known length: phones, codes, cards, document numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...types import TurnLabel
from .digits import dictate, digit_string, split_groups
from .phrases.digits import (
    AFTER_NUMBER,
    BEFORE_NUMBER,
    CODES,
    NO_NUMBER,
    NUMBER_LEADS,
    OPEN_NUMBERS,
    PHONE_BOTS,
    PHONE_LEADS,
    THINKING,
)
from .template import (
    BOTH,
    SPEAK,
    WAIT,
    Build,
    Draft,
    Template,
    label_templates,
    phrases,
    slug,
    wording_groups,
)

#: Frames around the digits; every frame is used with both labels, so none of them carries the verdict.
FRAMES = ("bare", "lead", "filler", "answer", "repair")
PHONE_STYLES: dict[str, tuple[int, ...]] = {
    "3322": (3, 3, 2, 2), "334": (3, 3, 4), "3223": (3, 2, 2, 3), "singly": (1,), "typed": (3, 3, 2, 2), "solid": (10,),
    "mixed": (3, 3, 2, 2), "32222": (3, 2, 2, 2, 1), "half": (3, 3, 2, 2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dictation:
    """How one number is said: chunks between which a caller pauses."""

    chunks: list[str]
    glue: str = " "

    def all(self) -> str:
        """The whole number."""
        return self.glue.join(self.chunks)


def say(draft: Draft, head: Sequence[str], digits: str, sizes: tuple[int, ...], style: str) -> Dictation:
    """Digits after a spoken ``head`` («плюс», «семь»), in one of the styles of :data:`PHONE_STYLES`."""
    rng = draft.rng
    groups = split_groups(digits, sizes)
    typed_head = [{"плюс семь": "+7", "восемь": "8", "семь": "7"}.get(part, part) for part in head]
    if style == "solid":
        return Dictation([*typed_head, *digits], glue="")
    if style == "typed":
        return Dictation([*typed_head, *groups], glue="-" if draft.chance(0.2) else " ")
    if style == "singly":
        return Dictation([*head, *dictate(rng, list(digits), singly=True)])
    spoken = dictate(rng, groups)
    if style == "mixed":
        # Recognisers print some groups as figures and leave the others in words.
        return Dictation([*(typed_head if draft.chance(0.5) else head), *(
            group if draft.chance(0.5) else words for group, words in zip(groups, spoken, strict=True)
        )])  # fmt: skip
    if style == "half" and len(spoken) > 1:
        spoken[0] = dictate(rng, groups[:1], singly=True)[0]
    return Dictation([*head, *spoken])


def cut(draft: Draft, number: Dictation) -> str:
    """A sure prefix: whole chunks, or a part of the words of a chunk that is not the last one."""
    chunks = number.chunks
    n_kept = draft.rng.randint(1, len(chunks) - 1)
    kept = number.glue.join(chunks[:n_kept])
    words = chunks[n_kept].split()
    if n_kept < len(chunks) - 1 and len(words) > 1 and draft.chance(0.25):
        kept += number.glue + " ".join(words[: draft.rng.randint(1, len(words) - 1)])
    return kept


def _framed(draft: Draft, label: TurnLabel, number: Dictation, frame: str, leads: Sequence[str]) -> str:
    spoken = " " in number.glue and not any(char.isdigit() for char in number.all())
    text = number.all() if label is SPEAK else cut(draft, number)
    if frame == "lead":
        text = f"{draft.pick(leads)} {text}"
        if label is WAIT and draft.chance(0.2):
            text = f"{text} {draft.pick(THINKING)}"
    elif frame == "answer":
        text = f"{draft.pick(BEFORE_NUMBER)} {text}"
        if label is SPEAK and draft.chance(0.7):
            text = f"{text} {draft.pick(AFTER_NUMBER)}"
    elif frame == "filler":
        if label is WAIT:
            text = f"{text} {draft.pick(THINKING)}"
        elif spoken and len(number.chunks) > 2:
            place = draft.rng.randint(1, len(number.chunks) - 1)
            text = " ".join([*number.chunks[:place], draft.pick(THINKING), *number.chunks[place:]])
        else:
            text = f"{draft.pick(THINKING)} {text}"
    elif frame == "repair" and spoken:
        wrong = " ".join(
            [*number.chunks[: min(2, len(number.chunks) - 1)][:-1], draft.pick(("сорок шесть", "двести", "ноль"))]
        )
        restart = draft.pick(("нет", "ой нет", "то есть", "ой извините", "не так", "стоп"))
        text = f"{wrong} {restart} {text}"
        if label is WAIT and draft.chance(0.3):
            text = f"{wrong} {restart}"
    return text


def _number_build(
    sizes: tuple[int, ...], style: str, frame: str, leads: Sequence[str], length: int, first: str, prefixed: bool
) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        head: list[str] = []
        if prefixed:
            roll = draft.rng.random()
            head = ["восемь"] if roll < 0.55 else ["плюс семь"] if roll < 0.75 else ["семь"] if roll < 0.8 else []
        digits = digit_string(draft.rng, length, first)
        return _framed(draft, label, say(draft, head, digits, sizes, style), frame, leads)

    return build


def phone_templates() -> list[Template]:
    """Mobile numbers (10 digits, or 11 with 8 / +7), town numbers where the bot asks for one, and answers with no
    number."""
    templates = []
    mobile = {"mobile": PHONE_BOTS["mobile"]}
    for group, contexts in wording_groups(mobile):
        for style, sizes in PHONE_STYLES.items():
            for frame in FRAMES:
                build = _number_build(sizes, style, frame, PHONE_LEADS, 10, "9", prefixed=True)
                free = 0.08 if frame in ("bare", "lead") else 0.0
                templates.append(Template("phone", f"{group}/{style}-{frame}", contexts, BOTH, build, free, fixed=True))
        for lead in PHONE_LEADS:
            labels, build = phrases((lead,), ())
            templates.append(Template("phone", f"{group}/open-{slug(lead)}", contexts, labels, build, fixed=True))
    town = {"town": PHONE_BOTS["town"]}
    for group, contexts in wording_groups(town):
        for style, sizes in {"322": (3, 2, 2), "singly": (1,), "typed": (3, 2, 2), "mixed": (3, 2, 2)}.items():
            for frame in FRAMES:
                build = _number_build(sizes, style, frame, PHONE_LEADS, 7, "23567", prefixed=False)
                templates.append(Template("phone", f"{group}/{style}-{frame}", contexts, BOTH, build, fixed=True))
    templates += label_templates("phone", mobile | town, NO_NUMBER, SPEAK, size=100)
    return templates


def code_templates() -> list[Template]:
    """Numbers whose length the bot's line tells, and numbers of unknown length."""
    templates = []
    for kind, (length, all_sizes, wordings) in CODES.items():
        for group, contexts in wording_groups({kind: wordings}):
            for sizes in all_sizes:
                singly = sizes == (1,)
                for style in ("words", "typed", "solid", "mixed", "singly") if not singly else ("singly", "typed"):
                    for frame in FRAMES:
                        first = "123456789" if kind not in ("sms4", "sms6", "inn12", "inn10") else "0123456789"
                        build = _number_build(sizes, style, frame, NUMBER_LEADS, length, first, prefixed=False)
                        name = f"{group}/{'-'.join(map(str, sizes))}-{style}-{frame}"
                        templates.append(Template("code", name, contexts, BOTH, build, fixed=True))
            for lead in NUMBER_LEADS:
                labels, build = phrases((lead,), ())
                templates.append(Template("code", f"{group}/open-{slug(lead)}", contexts, labels, build, fixed=True))
    for kind, (wordings, waits, speaks) in OPEN_NUMBERS.items():
        templates += label_templates("code", {kind: wordings}, waits, WAIT)
        templates += label_templates("code", {kind: wordings}, speaks, SPEAK)
    every_bot = tuple(line for _, _, wordings in CODES.values() for line in wordings)
    templates += label_templates("code", {"any": every_bot}, NO_NUMBER, SPEAK, size=30)
    return templates
