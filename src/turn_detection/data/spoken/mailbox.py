"""E-mail addresses by voice: whole when the zone has been said."""

from __future__ import annotations

from ...types import TurnLabel
from .digits import cardinal
from .names import first_name, surname
from .phrases.contacts import (
    CHUNK_FILLERS,
    EMAIL_BOTS,
    EMAIL_DOMAINS,
    EMAIL_LEADS,
    EMAIL_LOCALS,
    EMAIL_OTHER,
    EMAIL_TAILS,
    LETTER_NAMES,
    TYPED_DOMAINS,
    TYPED_LOCALS,
)
from .phrases.mailing import (
    DOGS,
    LATIN,
    MAIL_BOTS,
    MAIL_DOMAINS,
    MAIL_DONE,
    MAIL_LEADS,
    MAIL_UNDONE,
    MAIL_WORDS,
    SIGNS,
)
from .template import (
    BOTH,
    SPEAK,
    WAIT,
    Build,
    Draft,
    Template,
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
    return templates + _mail_templates()


def mail(draft: Draft, style: str) -> list[str]:
    """An address by voice; only the last chunk, the zone, completes it."""
    rng = draft.rng
    if style == "letters":
        local = [draft.pick(LATIN) for _ in range(rng.randint(3, 7))]
    elif style == "words":
        local = [draft.pick(MAIL_WORDS), *([draft.pick(SIGNS), draft.pick(MAIL_WORDS)] if draft.chance(0.6) else [])]
    elif style == "initials":
        local = [draft.pick(LATIN), draft.pick(SIGNS), surname(rng, rng.random() < 0.5)]
    else:
        number = rng.choice((rng.randint(1, 99), rng.randint(1950, 2012), rng.randint(100, 999)))
        local = [draft.pick(MAIL_WORDS), str(number) if draft.chance(0.4) else cardinal(number)]
        if draft.chance(0.3):
            local.insert(1, draft.pick(SIGNS))
    host, zone = draft.pick(MAIL_DOMAINS).split("|")
    return [*local, draft.pick(DOGS), *host.split("+"), zone]


def _mail_build(style: str, frame: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        chunks = mail(draft, style)
        whole = label is SPEAK or (frame == "undone" and draft.chance(0.5))
        if not whole:
            # Late cuts are the hard ones: half of them fall at the sign of the host or after it.
            low = chunks.index(next(c for c in chunks if c in DOGS)) if draft.chance(0.5) else 1
            chunks = chunks[: draft.rng.randint(max(1, low), len(chunks) - 1)]
        if frame == "led":
            chunks.insert(0, draft.pick(MAIL_LEADS))
        elif frame == "done" and label is SPEAK:
            chunks.append(draft.pick(MAIL_DONE))
        elif frame == "undone" and label is WAIT:
            chunks.append(draft.pick(MAIL_UNDONE if whole else CHUNK_FILLERS))
        elif frame == "pondered":
            place = len(chunks) if label is WAIT else draft.rng.randint(0, len(chunks) - 1)
            chunks.insert(place, draft.pick(CHUNK_FILLERS))
        return " ".join(chunks)

    return build


def _mail_templates() -> list[Template]:
    return [
        Template("email", f"{group}/{style}-{frame}", contexts, BOTH, _mail_build(style, frame), 0.04, fixed=True)
        for group, contexts in wording_groups({"mail": MAIL_BOTS}, 16)
        for style in ("letters", "words", "initials", "numbered")
        for frame in ("plain", "led", "pondered", "done", "undone")
    ]
