"""Draw labelled samples of made telephone speech."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Literal

from ...errors import ConfigurationError
from .combined import combined_templates
from .contacts import name_templates
from .counted import cell_templates, counted_templates
from .dictation import code_templates, phone_templates
from .errands import errand_templates
from .grammar import HIDDEN_SHARE
from .mailbox import email_templates
from .noise import recognised
from .places import address_templates
from .talk import (
    banked_templates,
    cut_word_templates,
    filler_templates,
    flip_templates,
    hold_templates,
    request_templates,
    short_answer_templates,
)
from .template import SPEAK, WAIT, Draft, SpokenSample, Template
from .times import amount_templates, datetime_templates
from .valency import valency_templates

Part = Literal["train", "validation"]

#: Relative frequency of each family. Dictation and sentence endings are what bots break most.
WEIGHTS: dict[str, float] = {
    "phone": 8, "code": 8, "email": 5, "address": 6, "datetime": 7, "amount": 4, "name": 5, "hold": 6, "filler": 4,
    "short_answer": 8, "yes_but": 6, "list": 4, "cut_word": 5, "function_word": 8, "question": 4, "story": 4,
    "statement": 6, "code_switch": 2, "repair": 3, "greeting": 3, "context_flip": 6, "valency": 8,
}  # fmt: skip
FAMILIES: tuple[str, ...] = tuple(WEIGHTS)

_BUILDERS: dict[str, Callable[[], list[Template]]] = {
    "phone": lambda: phone_templates() + cell_templates(),
    "code": lambda: code_templates() + counted_templates(),
    "email": email_templates,
    "address": address_templates,
    "datetime": datetime_templates,
    "amount": amount_templates,
    "name": name_templates,
    "hold": lambda: [*hold_templates(), *errand_templates()],
    "valency": valency_templates,
    "filler": filler_templates,
    "short_answer": short_answer_templates,
    "cut_word": cut_word_templates,
    "function_word": lambda: request_templates("function_word", "|"),
    "statement": lambda: request_templates("statement", "^"),
    "context_flip": flip_templates,
}

WAIT_SHARE = 0.55
HELD_OUT_SHARE = HIDDEN_SHARE
PREFACE_SHARE = 0.15
_PREFACES = (
    "Хорошо.", "Спасибо.", "Поняла вас.", "Отлично.", "Так, записала.", "Минутку.", "Принято.", "Понял.",
    "Благодарю.", "Ясно.",
    "Конечно.", "Хорошо, спасибо.", "Давайте оформим.", "Уточню.", "С удовольствием помогу.",
    "Секунду, открываю карточку.",
)  # fmt: skip
_GREETS = ("Здравствуйте", "Добр", "Алло", "Всего", "Доброе")


@cache
def family_templates(family: str) -> tuple[Template, ...]:
    """All templates of a family; ids are unique."""
    templates = _BUILDERS[family]() if family in _BUILDERS else banked_templates(family)
    templates = [*templates, *combined_templates(family)]
    return tuple({template.template_id: template for template in templates}.values())


@cache
def _cells(family: str, part: str) -> dict[bool, tuple[Template, ...]]:
    """Templates of one part by "can wait"; the smallest hashes are held out, so both labels have some in either
    part."""
    cells = {}
    held_out = _held_out(family)
    for label in (WAIT, SPEAK):
        cells[label is WAIT] = tuple(
            template
            for template in family_templates(family)
            if label in template.labels and (template.template_id in held_out) == (part == "validation")
        )
    return cells


@cache
def _held_out(family: str) -> frozenset[str]:
    templates = family_templates(family)
    chosen = {template.template_id for template in templates if template.hash < HELD_OUT_SHARE * 10_000}
    for label in (WAIT, SPEAK):
        able = [template for template in templates if label in template.labels]
        if not any(template.template_id in chosen for template in able):
            chosen.add(min(able, key=lambda template: template.hash).template_id)
    return frozenset(chosen)


def spoken_samples(
    n: int, seed: int = 0, *, families: Sequence[str] = FAMILIES, part: Part = "train"
) -> Iterator[SpokenSample]:
    """Yield ``n`` made samples.

    Sample ``i`` depends only on ``(seed, i, part, families)``: the order of work and ``n`` change nothing. Families
    are drawn by
    :data:`WEIGHTS`; 55 % of each family's samples are ``wait``. About 12 % of the templates of every family appear in
    ``part="validation"`` only, and nothing else appears there.

    Raises:
        ConfigurationError: an unknown family or part, or none.
        MissingExtraError: num2words or faker is not installed (extra ``train``).
    """
    unknown = [family for family in families if family not in WEIGHTS]
    if unknown or not families:
        raise ConfigurationError(f"unknown spoken families {unknown}; there are: {', '.join(FAMILIES)}")
    if part not in ("train", "validation"):
        raise ConfigurationError(f"part is 'train' or 'validation', got {part!r}")
    return _samples(n, seed, tuple(families), part)


def _samples(n: int, seed: int, families: tuple[str, ...], part: str) -> Iterator[SpokenSample]:
    edges = list(accumulate(WEIGHTS[family] for family in families))
    cells = [_cells(family, part) for family in families]
    for index in range(n):
        rng = random.Random(f"{seed}:{index}:{part}")
        chosen = cells[min(bisect(edges, rng.random() * edges[-1]), len(edges) - 1)]
        label = WAIT if rng.random() < WAIT_SHARE else SPEAK
        templates = chosen[label is WAIT]
        template = templates[int(rng.random() * len(templates))]
        draft = Draft(rng)
        text = recognised(draft, template.build(draft, label), fixed=template.fixed)
        yield SpokenSample(template.family, template.template_id, _context(draft, template), text, label)


def _context(draft: Draft, template: Template) -> str:
    if draft.chance(template.free):
        return ""
    line = draft.fill(draft.pick(template.contexts))
    if draft.chance(PREFACE_SHARE) and not line.startswith(_GREETS):
        return f"{draft.pick(_PREFACES)} {line}"
    return line
