"""Requests to hold in free combination: an opener, an errand, a place. They wait; the answer that follows them speaks."""

from __future__ import annotations

from collections.abc import Sequence

from ...types import TurnLabel
from .phrases import errands as bank
from .phrases import talk
from .template import BOTH, SPEAK, WAIT, Build, Draft, Template, phrases, wording_groups

#: Answers that may follow an errand, by kind of question in ``talk.HOLD_BOTS``; none where only dictation answers.
_ANSWERS: dict[str, tuple[str, ...]] = {
    "digits": (),
    "number": ("{order}", "номер {order}", "{order} всё", "да {order}"),
    "choice": ("давайте {on_day}", "{on_day}", "первый вариант", "нас {few}", "лучше {on_day}", "второй"),
    "memory": ("{date}", "в {weekday}", "кажется {date}", "написано {date}", "{surname}", "в прошлом месяце"),
}


def errand_templates() -> list[Template]:
    """One template for every form of opener and errand, and for every form of what makes the same words whole."""
    templates: list[Template] = []
    for kind, bots in talk.HOLD_BOTS.items():
        for group, contexts in wording_groups({kind: bots}, 6):
            templates += _of_group(kind, group, contexts)
    agree = phrases((), bank.AGREE)
    for group, contexts in wording_groups({"agree": bank.AGREE_BOTS}, 5):
        templates.append(Template("hold", f"{group}/agree", contexts, agree[0], agree[1]))
    for index, told in enumerate(bank.TOLD):
        build = _said((told,))
        templates.append(Template("hold", f"told/{index}", bank.TELL_BOTS, (SPEAK,), build, 0.1))
    return templates


def _of_group(kind: str, group: str, contexts: tuple[str, ...]) -> list[Template]:
    made = []
    for opener, openers in bank.OPENERS.items():
        for errand, errands in bank.ERRANDS.items():
            build = _errand(openers, errands, errand, _ANSWERS[kind])
            made.append(Template("hold", f"{group}/{opener}-{errand}", contexts, BOTH, build, 0.1))
        made.append(Template("hold", f"{group}/{opener}-aloud", contexts, (WAIT,), _said(bank.ALOUD, openers), 0.1))
        made.append(Template("hold", f"{group}/{opener}-let", contexts, (WAIT,), _said(bank.LET_ME, openers), 0.1))
    return made


def _errand(openers: Sequence[str], errands: Sequence[str], kind: str, answers: Sequence[str]) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        opener, errand = draft.pick(openers), draft.pick(errands)
        if kind in ("look", "find") and draft.chance(0.6):
            errand = f"{errand} {draft.pick(bank.PLACES)}"
        elif kind == "open":
            into = "в " if "ахож" in errand or "айд" in errand else ""
            errand = f"{errand} {into}{draft.pick(bank.PLACES_INTO)}" if draft.chance(0.8) or into else errand
        parts = [errand, opener] if opener and kind != "say" and draft.chance(0.2) else [opener, errand]
        if label is SPEAK:
            if answers and draft.chance(0.6):
                parts += [draft.pick(bank.FOUND), draft.pick(answers)]
            else:
                parts.append(draft.pick(bank.NOT_FOUND))
            if draft.chance(0.25):
                del parts[1 if opener else 0]
        return _filled(draft, parts)

    return build


def _said(texts: Sequence[str], openers: Sequence[str] = ("",)) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        return _filled(draft, [draft.pick(openers), draft.pick(texts)])

    return build


def _filled(draft: Draft, parts: Sequence[str]) -> str:
    text = " ".join(part for part in parts if part)
    carried, person = draft.pick(bank.CARRIED), draft.pick(bank.PERSONS)
    for slot, value in (
        ("{carried}", carried[0]),
        ("{carried_ins}", carried[1]),
        ("{person_gen}", person[0]),
        ("{person_acc}", person[1]),
        ("{person_dat}", person[2]),
        ("{place}", draft.pick(bank.PLACES)),
    ):
        text = text.replace(slot, value)
    return draft.fill(text)
