"""Personal names and spelling by letters."""

from __future__ import annotations

from ...types import TurnLabel
from .names import first_name, patronymic, surname
from .phrases.contacts import (
    CHUNK_FILLERS,
    FULL_NAME_LEADS,
    NAME_BOTS,
    NAME_SENTENCES,
    SPELL_BOTS,
    SPELL_HINTS,
)
from .phrases.mailing import (
    LETTER_SOUNDS,
    SPELL_ASKED,
    WHO_ASKED,
    WHO_DONE,
    WHO_LEADS,
    WHO_ORDERS,
    WHO_SENTENCES,
    WHO_UNDONE,
)
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


def person(draft: Draft, order: str) -> list[str]:
    """Surname, name and patronymic in the given order, all of one sex."""
    male = draft.chance(0.5)
    parts = {"s": surname, "n": first_name, "p": patronymic}
    return [parts[key](draft.rng, male) for key in order]


def _who_build(order: str, frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        words = person(draft, order)
        whole = label is SPEAK or (frame == "undone" and draft.chance(0.6))
        if not whole:
            words = words[: draft.rng.randint(1, len(words) - 1)]
        if frame == "led":
            words.insert(0, draft.pick(WHO_LEADS))
        elif frame == "done" and label is SPEAK:
            words.append(draft.pick(WHO_DONE))
        elif frame == "undone" and label is WAIT:
            words.append(draft.pick(WHO_UNDONE if whole else CHUNK_FILLERS))
        return " ".join(words)

    return build


def _sounded_build(style: str, frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        rng = draft.rng
        word = surname(rng, rng.random() < 0.6).lower()
        letters = [LETTER_SOUNDS.get(sign, sign) if style == "sounds" else sign for sign in word if sign.isalpha()]
        if label is WAIT:
            letters = letters[: rng.randint(1, max(1, len(letters) // 2))]
        link = draft.pick(("", "", "по буквам", "то есть", "значит", "пишется", "это", "диктую"))
        text = f"{word} {link} {' '.join(letters)}"
        if frame == "led":
            text = f"{draft.pick(('фамилия', 'записывайте', 'так', 'ну', 'да', 'моя фамилия'))} {text}"
        elif frame == "tail":
            text = f"{text} {draft.pick(('вот', 'всё', 'вот так') if label is SPEAK else CHUNK_FILLERS)}"
        return " ".join(text.split())

    return build


def _who_templates() -> list[Template]:
    templates = []
    for kind, bots in WHO_ASKED.items():
        for group, contexts in wording_groups({kind: bots}, 24):
            for order in WHO_ORDERS.get(kind, ()):
                for frame in ("plain", "led", "done", "undone"):
                    build = _who_build(order, frame)
                    templates.append(Template("name", f"{group}/{order}-{frame}", contexts, BOTH, build))
            templates += sentence_templates("name", group, contexts, WHO_SENTENCES.get(kind, ()))
    for group, contexts in wording_groups({"spelled": SPELL_ASKED}, 24):
        for style in ("sounds", "signs"):
            for frame in ("plain", "led", "tail"):
                build = _sounded_build(style, frame)
                templates.append(Template("name", f"{group}/{style}-{frame}", contexts, BOTH, build, fixed=True))
    return templates


def _name_build(order: str, frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        rng = draft.rng
        male = rng.random() < 0.5
        parts = {"s": surname(rng, male), "n": first_name(rng, male), "p": patronymic(rng, male)}
        words = [parts[key] for key in order]
        if label is WAIT:
            # Name and patronymic without the surname is how people introduce themselves: still not what was asked for.
            words = words[: rng.randint(1, len(words) - 1)]
        elif frame == "filler":
            words.insert(1, draft.pick(CHUNK_FILLERS))
        if frame == "lead":
            words.insert(0, draft.pick(FULL_NAME_LEADS))
        if frame == "filler" and label is WAIT:
            words.append(draft.pick(CHUNK_FILLERS))
        return " ".join(words)

    return build


def _spelling_build(style: str, frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        rng = draft.rng
        word = surname(rng, rng.random() < 0.6).lower()
        units = [_letter(draft, letter, style) for letter in word]
        if label is WAIT:
            n_kept = rng.randint(1, max(1, len(units) - 3))
            if style == "plain" and n_kept > 3:
                # A bare row of letters shows no end by itself; early cuts only.
                n_kept = rng.randint(1, 3)
            units = units[:n_kept]
            if frame == "filler":
                units.append(draft.pick(("дальше", "потом", "эээ", "так", "и", "сейчас")))
        text = " ".join(units)
        if frame == "said-first" or (label is SPEAK and style == "plain"):
            text = f"{word} {draft.pick(('по буквам', 'то есть', 'это', 'значит', ''))} {text}"
        elif frame == "lead":
            text = f"{draft.pick(('записывайте', 'значит', 'первая', 'так', 'пишите'))} {text}"
        return " ".join(text.split())

    return build


def _letter(draft: Draft, letter: str, style: str) -> str:
    hints = SPELL_HINTS.get(letter)
    if style == "hints" and hints:
        name = draft.pick(hints).lower() if letter in "ыьъйщ" else draft.pick(hints)
        return (
            name
            if letter in "ыьъй"
            else f"{letter} {draft.pick(('как', 'как', 'то есть', ''))} {name}".replace("  ", " ")
        )
    if style == "names" and hints:
        return draft.pick(hints).lower()
    return {"ь": "мягкий знак", "ъ": "твёрдый знак", "й": "и краткое"}.get(letter, letter)


def name_templates() -> list[Template]:
    """Full names, single names and spelling."""
    templates = []
    orders = {"full": ("snp", "nps"), "surname_name": ("sn", "ns")}
    for kind, allowed in orders.items():
        for group, contexts in wording_groups({kind: NAME_BOTS[kind]}, 3):
            for order in allowed:
                for frame in ("bare", "lead", "filler"):
                    build = _name_build(order, frame)
                    templates.append(Template("name", f"{group}/{order}-{frame}", contexts, BOTH, build))
    for kind, sentences in NAME_SENTENCES.items():
        for group, contexts in wording_groups({kind: NAME_BOTS[kind]}, 4):
            for sentence in sentences:
                labels, build = phrases(*pauses(sentence))
                templates.append(Template("name", f"{group}/{slug(sentence)}", contexts, labels, build))
    for group, contexts in wording_groups({"spell": SPELL_BOTS}, 3):
        for style in ("hints", "names", "plain"):
            for frame in ("bare", "lead", "filler", "said-first"):
                build = _spelling_build(style, frame)
                templates.append(Template("name", f"{group}/{style}-{frame}", contexts, BOTH, build, fixed=True))
    return templates + _who_templates()
