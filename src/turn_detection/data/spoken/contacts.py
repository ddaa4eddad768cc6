"""E-mail addresses by voice, personal names and spelling by letters."""

from __future__ import annotations

from ...types import TurnLabel
from .digits import cardinal
from .phrases.contacts import (
    CHUNK_FILLERS,
    EMAIL_BOTS,
    EMAIL_DOMAINS,
    EMAIL_LEADS,
    EMAIL_LOCALS,
    EMAIL_OTHER,
    EMAIL_TAILS,
    FULL_NAME_LEADS,
    LETTER_NAMES,
    NAME_BOTS,
    NAME_SENTENCES,
    SPELL_BOTS,
    SPELL_HINTS,
    TYPED_DOMAINS,
    TYPED_LOCALS,
)
from .slots import first_name, patronymic, surname
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

EMAIL_STYLES = ("surname", "nick", "letters", "digits", "typed", "half-typed")
EMAIL_FRAMES = ("bare", "lead", "filler", "tail")
_SEPARATORS = (("точка",), ("точка",), ("нижнее подчёркивание",), ("дефис",), ("тире",), ())


def _spoken_email(draft: Draft, style: str) -> list[str]:
    rng = draft.rng
    male = rng.random() < 0.5
    chunks: list[str] = []
    if style == "letters":
        chunks += [draft.pick(LETTER_NAMES) for _ in range(rng.randint(1, 3))]
        chunks += [*_separator(draft), surname(rng, male)]
    elif style == "nick":
        chunks += [draft.pick(EMAIL_LOCALS), *_separator(draft), draft.pick(EMAIL_LOCALS)]
    else:
        chunks += [
            surname(rng, male),
            *_separator(draft),
            first_name(rng, male) if draft.chance(0.6) else draft.pick(LETTER_NAMES),
        ]
    if style == "digits" or draft.chance(0.15):
        number = rng.randint(1, 99) if draft.chance(0.6) else rng.randint(1960, 2010)
        chunks.append(str(number) if draft.digits else cardinal(number))
    host, top = draft.pick(EMAIL_DOMAINS).split("|")
    dog = "собака" if draft.chance(0.85) else draft.pick(("собачка", "эт", "значок собака"))
    # The last chunk is what completes the address; «точка» alone does not.
    return [*chunks, dog, *host.split("+"), top]


def _separator(draft: Draft) -> list[str]:
    return list(_SEPARATORS[int(draft.rng.random() * len(_SEPARATORS))])


def _typed_email(draft: Draft, half: bool) -> list[str]:
    local = draft.pick(TYPED_LOCALS) + (str(draft.rng.randint(1, 2010)) if draft.chance(0.4) else "")
    host, top = draft.pick(TYPED_DOMAINS).split("|")
    if half:
        return [local, "собака" if draft.chance(0.7) else "@", host, "точка", top]
    return [local, "@", host, ".", top]


def _email_build(style: str, frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        typed = style == "typed"
        chunks = _typed_email(draft, style == "half-typed") if "typed" in style else _spoken_email(draft, style)
        glue = "" if typed else " "
        n_kept = len(chunks) if label is SPEAK else draft.rng.randint(1, len(chunks) - 1)
        chunks = chunks[:n_kept]
        if frame == "filler" and not typed:
            if label is WAIT:
                chunks.append(draft.pick(CHUNK_FILLERS))
            else:
                chunks.insert(draft.rng.randint(0, len(chunks) - 1), draft.pick(CHUNK_FILLERS))
        text = glue.join(chunks)
        if frame == "lead":
            text = f"{draft.pick(EMAIL_LEADS)} {text}"
        if frame == "tail" and label is SPEAK:
            text = f"{text} {draft.pick(EMAIL_TAILS)}"
        return text

    return build


def email_templates() -> list[Template]:
    """Addresses wait until the top-level domain has been said."""
    templates = []
    for group, contexts in wording_groups({"ask": EMAIL_BOTS}):
        for style in EMAIL_STYLES:
            for frame in EMAIL_FRAMES:
                build = _email_build(style, frame)
                templates.append(Template("email", f"{group}/{style}-{frame}", contexts, BOTH, build, 0.06, fixed=True))
        for lead in EMAIL_LEADS:
            labels, build = phrases((lead,), ())
            templates.append(Template("email", f"{group}/open-{slug(lead)}", contexts, labels, build, fixed=True))
        templates += sentence_templates("email", group, contexts, EMAIL_OTHER)
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
    return templates
