"""Dictated numbers under every wording: groupings, corrections, tails that close a number and tails that open more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...types import TurnLabel
from .dictation import Dictation, cut
from .digits import cardinal, dictate, digit_string, split_groups
from .phrases.dictated import (
    CELL_BOTS,
    COUNTED,
    DIGITS_DONE,
    DIGITS_UNDONE,
    EXTENSION_BOTS,
    LANDLINES,
    PHONE_DONE,
    PHONE_UNDONE,
    PLATE_BOTS,
    PLATE_LETTERS,
    READ_BACK,
    READ_BACK_BOTS,
    RESTARTS,
    UNCOUNTED_BOTS,
    VIN_BOTS,
    VIN_LETTERS,
)
from .phrases.digits import NUMBER_LEADS, PHONE_LEADS, THINKING
from .phrases.untold import PHONE_WORDS, RESTS, UNTOLD
from .template import BOTH, SPEAK, WAIT, Build, Draft, Template, sentence_templates, wording_groups

CELL_SIZES = ((3, 3, 2, 2), (3, 3, 4), (2, 2, 2, 2, 2), (3, 2, 2, 3), (3, 4, 3), (3, 3, 1, 3), (1,), (3, 1, 2, 2, 2))
#: Frames where the rest of the sentence decides as much as the count.
CELL_FRAMES = ("plain", "lead", "done", "undone", "mended", "broken", "printed", "thinking")


def _headed(draft: Draft, prefixed: bool) -> list[str]:
    roll = draft.rng.random()
    return ["восемь"] if prefixed and roll < 0.5 else ["плюс семь"] if prefixed and roll < 0.75 else []


def _mended(draft: Draft, label: TurnLabel, chunks: list[str], sizes: list[int]) -> str:
    """One group is said wrong and at once said anew; a cut falls before the last group or right after «нет»."""
    place = draft.rng.randint(0, len(chunks) - 1)
    wrong = dictate(draft.rng, [digit_string(draft.rng, min(sizes[place], 4), "123456789")])[0]
    repair = [*chunks[:place], wrong, draft.pick(RESTARTS)]
    if label is WAIT:
        n_more = draft.rng.randint(0, len(chunks) - 1 - place)
        return " ".join([*repair, *chunks[place : place + n_more]])
    return " ".join([*repair, *chunks[place:]])


def _printed(draft: Draft, head: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Groups as a recogniser formats them: «+7 (903) 123-45-67», «8-903-123-45-67», «8 903 1234567»."""
    first = {"восемь": "8", "плюс семь": "+7"}.get(head[0], "") if head else ""
    roll = draft.rng.random()
    if roll < 0.4 and head and len(groups) > 2:
        return [f"{first} ({groups[0]}) {groups[1]}".strip(), *(f"-{group}" for group in groups[2:])]
    if roll < 0.7:
        return [*([first] if first else []), *(f"-{group}" if index or first else group for index, group in
                                               enumerate(groups))]  # fmt: skip
    return [*([first + " "] if first else []), groups[0], *(f" {group}" for group in groups[1:])]


def _counted_build(
    length: int, first: str, all_sizes: Sequence[tuple[int, ...]], prefixed: bool, frame: str, *, phone: bool
) -> Build:
    leads, done, undone = (
        (PHONE_LEADS, PHONE_DONE, PHONE_UNDONE) if phone else (NUMBER_LEADS, DIGITS_DONE, DIGITS_UNDONE)
    )

    def build(draft: Draft, label: TurnLabel) -> str:
        rng = draft.rng
        digits, head = digit_string(rng, length, first), _headed(draft, prefixed)
        sizes = all_sizes[int(rng.random() * len(all_sizes))]
        groups = split_groups(digits, sizes)
        if len(groups) == 1 and label is WAIT:
            # A single group has no sure prefix: «сто двадцать» is three digits already.
            groups = list(digits)
        if frame == "printed":
            printed = _printed(draft, head, groups)
            return "".join(printed if label is SPEAK else printed[: rng.randint(1, max(1, len(printed) - 1))]).strip()
        singly = sizes == (1,) or draft.chance(0.1)
        if any(len(group) > 4 for group in groups):
            groups = split_groups(digits, (2,))
        spoken = dictate(rng, groups, singly=singly)
        if frame == "mended":
            text = _mended(draft, label, [*head, *spoken], [*(1 for _ in head), *map(len, groups)])
            return f"{draft.pick(leads)} {text}" if draft.chance(0.3) else text
        if draft.digits:
            head = [{"восемь": "8", "плюс семь": "+7"}[word] for word in head]
            spoken = groups
        number = Dictation([*head, *spoken])
        whole = label is SPEAK or (phone and frame == "undone" and draft.chance(0.6))
        text = number.all() if whole else cut(draft, number)
        if frame in ("lead", "broken"):
            text = f"{draft.pick(leads)} {text}"
        if frame == "done" and label is SPEAK:
            text = f"{text} {draft.fill(draft.pick(done))}"
        elif frame == "undone" and label is WAIT:
            text = f"{text} {draft.pick(undone if whole or not phone else THINKING)}"
        elif frame == "thinking":
            text = f"{text} {draft.pick(THINKING)}" if label is WAIT else f"{draft.pick(THINKING)} {text}"
        return text

    return build


def _extension_build(frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        rng = draft.rng
        groups = split_groups(digit_string(rng, 10, "489"), (3, 3, 2, 2))
        extra = split_groups(digit_string(rng, rng.choice((3, 4)), "123456789"), (2,))
        word = draft.pick(("добавочный", "доб", "и добавочный", "внутренний", "дальше тоновым", "а добавочный"))
        spoken = groups if draft.digits else dictate(rng, groups)
        said = extra if draft.digits else dictate(rng, extra)
        chunks = [*_headed(draft, True), *spoken, word]
        # How many digits an extension has is not told: after the first of them only the whole is sure.
        text = " ".join([*chunks, *said] if label is SPEAK else chunks[: rng.randint(1, len(chunks))])
        if frame == "lead":
            text = f"{draft.pick(PHONE_LEADS)} {text}"
        return f"{text} {draft.pick(('вот', 'всё', 'это рабочий'))}" if frame == "done" and label is SPEAK else text

    return build


def cell_templates() -> list[Template]:
    """Phones: cells, landlines, the rest of a number the bot has begun, extensions, read-backs, answers in words."""
    templates = []
    kinds = {"cell": (10, "9", CELL_SIZES, True, CELL_BOTS), **LANDLINES}
    for kind, (length, first, sizes, prefixed, bots) in kinds.items():
        for group, contexts in wording_groups({kind: bots}, 45):
            for frame in CELL_FRAMES:
                for k, size in enumerate(sizes):
                    build = _counted_build(length, first, (size,), prefixed, frame, phone=True)
                    free = 0.05 if kind == "cell" and frame in ("plain", "lead", "done") else 0.0
                    name = f"{group}/{frame}-{k}"
                    templates.append(Template("phone", name, contexts, BOTH, build, free, fixed=True))
    for kind, (length, sizes, bots) in RESTS.items():
        for group, contexts in wording_groups({kind: bots}, 4):
            for frame in CELL_FRAMES:
                for k, size in enumerate(sizes):
                    build = _counted_build(length, "0123456789", (size,), False, frame, phone=True)
                    templates.append(Template("phone", f"{group}/{frame}-{k}", contexts, BOTH, build, fixed=True))
    for group, contexts in wording_groups({"words": CELL_BOTS}, 90):
        templates += sentence_templates("phone", group, contexts, PHONE_WORDS)
    for group, contexts in wording_groups({"extension": EXTENSION_BOTS}, 12):
        for frame in ("plain", "lead", "done"):
            templates.append(Template("phone", f"{group}/{frame}", contexts, BOTH, _extension_build(frame), fixed=True))
    for group, contexts in wording_groups({"readback": READ_BACK_BOTS}, 7):
        templates += sentence_templates("phone", group, contexts, READ_BACK, fixed=True)
    return templates


def _uncounted(draft: Draft, label: TurnLabel) -> str:
    """A code of untold length: three digits are too few, six are enough, four only when the caller says so."""
    groups = list(digit_string(draft.rng, 3)) if label is WAIT else split_groups(
        digit_string(draft.rng, 6 if draft.chance(0.7) else 4, "123456789"), (2,))  # fmt: skip
    spoken = groups if draft.digits else dictate(draft.rng, groups, singly=label is WAIT)
    if label is WAIT:
        lead = draft.pick(("", "", "так", "код", "пришло", "вот"))
        return " ".join([lead, *spoken[: draft.rng.randint(1, 3)]]).strip()
    text = " ".join(spoken)
    return text if len(groups) == 3 else f"{text} {draft.pick(DIGITS_DONE)}"


def counted_templates() -> list[Template]:
    """Codes and documents: the same requests for every count of digits, numbers of untold length, plates, VIN."""
    templates = [
        Template("code", f"{group}/uncounted-{k}", contexts, BOTH, _uncounted, fixed=True)
        for group, contexts in wording_groups({"uncounted": UNCOUNTED_BOTS}, 12)
        for k in range(6)
    ]
    for kind, (bots, sentences) in UNTOLD.items():
        for group, contexts in wording_groups({kind: bots}, 30):
            templates += sentence_templates("code", group, contexts, sentences, fixed=True)
    for kind, (length, sizes, bots) in COUNTED.items():
        for group, contexts in wording_groups({kind: bots}, 60):
            for frame in CELL_FRAMES:
                for k, size in enumerate(sizes):
                    build = _counted_build(length, "0123456789", (size,), False, frame, phone=False)
                    templates.append(Template("code", f"{group}/{frame}-{k}", contexts, BOTH, build, fixed=True))
    return templates + _plate_templates()


def plate(draft: Draft) -> list[str]:
    """A Russian car plate by voice: letter, three digits, two letters, region."""
    rng = draft.rng
    letters = rng.choices(list(PLATE_LETTERS), k=3)
    number = f"{rng.randint(1, 999):03d}"
    region = rng.choice(("77", "99", "177", "199", "777", "50", "78", "98", "16", "23", "66", "96", "54", "61", "63"))
    said = letters if draft.digits else [PLATE_LETTERS[letter] for letter in letters]
    numbers = [number, region] if draft.digits else [dictate(rng, [number])[0], cardinal(int(region))]
    tail = [draft.pick(("регион", "регион", "и регион")), numbers[1]] if draft.chance(0.3) else [numbers[1]]
    return [said[0], numbers[0], f"{said[1]} {said[2]}" if draft.chance(0.7) else said[1] + said[2], *tail]


def vin(draft: Draft) -> list[str]:
    """Seventeen signs of a vehicle number by voice."""
    signs = draft.rng.choices(list(VIN_LETTERS), k=draft.rng.randint(3, 6))
    digits = digit_string(draft.rng, 17 - len(signs))
    said = [sign.upper() if draft.digits else VIN_LETTERS[sign] for sign in signs]
    return [*said, *(digits if draft.digits else dictate(draft.rng, list(digits), singly=True))]


def _signs_build(signs: Callable[[Draft], list[str]], frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        chunks = signs(draft)
        chunks = chunks if label is SPEAK else chunks[: draft.rng.randint(1, len(chunks) - 1)]
        if frame == "lead":
            chunks.insert(0, draft.pick(("номер", "записывайте", "так", "значит", "пишите", "буква", "диктую")))
        elif frame == "tail":
            chunks.append(draft.pick(DIGITS_DONE[:4] if label is SPEAK else THINKING))
        return " ".join(chunks)

    return build


def _plate_templates() -> list[Template]:
    return [
        Template("code", f"{group}/{frame}", contexts, BOTH, _signs_build(signs, frame), fixed=True)
        for kind, bots, signs in (("platefull", PLATE_BOTS, plate), ("vin", VIN_BOTS, vin))
        for group, contexts in wording_groups({kind: bots}, 12)
        for frame in ("bare", "lead", "tail")
    ]
