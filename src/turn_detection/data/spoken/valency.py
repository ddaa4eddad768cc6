"""Open valency in free combination: a head without what it governs waits, with it the turn is whole, with a tail begun it waits again."""

from __future__ import annotations

from ...types import TurnLabel
from .phrases import valency
from .template import BOTH, WAIT, Build, Draft, Template, slug, wording_groups


def valency_templates() -> list[Template]:
    """One template for every verb frame, head and intransitive sentence, times groups of bot lines."""
    templates: list[Template] = []
    groups = wording_groups({"any": valency.BOTS}, 7)
    for group, contexts in groups:
        for domain, frames in valency.FRAMES.items():
            for infinitive, objects, adjectives, tails in frames:
                name = f"{group}/{domain}-{slug(infinitive)}"
                build = _frame(infinitive, objects, adjectives, tails)
                templates.append(Template("valency", name, contexts, BOTH, build, 0.15))
        for head, complements in valency.HEADS:
            build = _head(head, complements)
            templates.append(Template("valency", f"{group}/{slug(head)}", contexts, BOTH, build, 0.15))
        for done in valency.DONE:
            templates.append(Template("valency", f"{group}/{slug(done)}", contexts, BOTH, _done(done), 0.15))
    return templates


def _frame(infinitive: str, objects: tuple[str, ...], adjectives: tuple[str, ...], tails: tuple[str, ...]) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        asking, thing, tail = draft.pick(valency.ASKING), draft.pick(objects), draft.pick(tails)
        adjective = draft.pick(adjectives) if adjectives and draft.chance(0.4) else ""
        parts = [draft.pick(valency.STARTS), asking, infinitive]
        if label is not WAIT:
            parts += [adjective, thing]
            if draft.chance(0.55):
                parts.append(tail)
            return _joined(parts)
        place = draft.rng.random()
        if place < 0.15 and asking not in valency.NOT_ALONE:
            parts = parts[:2]
        elif place < 0.5 and infinitive not in valency.WHOLE_BARE:
            pass
        elif place < 0.65 and adjectives:
            parts.append(draft.pick(adjectives))
        else:
            parts += [adjective, thing, _begun(draft, tail)]
        return _joined(parts)

    return build


def _begun(draft: Draft, tail: str) -> str:
    """A tail without its last word, where it is left with a preposition, a conjunction or an adjective; its first word otherwise."""
    words = tail.split()
    if len(words) == 1 or words[0] in ("моего", "вашего", "ещё"):
        return "и"  # «статус моего»: an agreed word alone is no sure sign; a conjunction is
    return " ".join(words[:-1]) if draft.chance(0.35) and len(words) == 2 else words[0]


def _head(head: str, complements: tuple[str, ...]) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        start = draft.pick(valency.STARTS) if draft.chance(0.5) else ""
        if label is WAIT:
            if draft.chance(0.25):
                return _joined([start, head, draft.pick(complements), draft.pick(valency.GOING_ON)])
            return _joined([start, head])
        return _joined([start, head, draft.pick(complements)])

    return build


def _done(sentence: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        start = draft.pick(valency.STARTS) if draft.chance(0.4) else ""
        parts = [start, sentence]
        if label is WAIT:
            parts.append(draft.pick(valency.GOING_ON))
        return _joined(parts)

    return build


def _joined(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)
