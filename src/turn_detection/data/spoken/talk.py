"""Families that are phrase banks: small answers, holds, requests, stories, repairs and the same words under two
questions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ...types import TurnLabel
from .phrases import answers, flips, requests, stories, talk
from .template import (
    BOTH,
    SPEAK,
    WAIT,
    Build,
    Draft,
    Template,
    label_templates,
    pauses,
    phrases,
    sentence_templates,
    slug,
    wording_groups,
)

_WORD = re.compile(r"[а-яёА-ЯЁ]+")
#: Beginnings of longer words that are words themselves, and so no sure sign of a broken word.
_WHOLE_FRAGMENTS = frozenset(
    (
        "вод газ дом час сто чай сыр кот код рок пол тон мир под пере при про раз рас без для как так там вот это "
        "мне мой моя ваш наш все всё был быт лет мор сад сок суд год зал бак тел вес дел нет пост стол счет счёт "
        "парк лист карт мест рейс вечер ваша наша дома курс банк центр мама сам само номер завтра плат шел шёл "
        "стан раза вклад кур приём прием сдал сдач воды тур кран опыт след сорт пока того рук гор груз вина пас "
        "пар тор пак нога ног кори диаг"
    ).split()
)


def short_answer_templates() -> list[Template]:
    """Short whole answers, and equally short beginnings under the same questions."""
    templates = []
    for kind, (bots, texts) in answers.SHORT.items():
        unique = list(dict.fromkeys(texts))
        # One-word answers are the ones that bots wait for in vain: two of every five samples at least.
        single = [text for text in unique if " " not in text]
        longer = [text for text in unique if " " in text]
        free = 0.1 if kind in ("yesno", "more") else 0.0
        templates += label_templates("short_answer", {kind: bots}, single + longer, SPEAK, size=6, free=free)
        templates += label_templates("short_answer", {kind: bots}, answers.SHORT_OPEN[kind], WAIT, size=6)
    return templates


def filler_templates() -> list[Template]:
    """Nothing but fillers waits under any question; an answer with a filler in it can be whole."""
    templates = label_templates("filler", answers.OPEN_BOTS, answers.FILLER_ONLY, WAIT, size=10, free=0.1)
    for kind, sentences in answers.FILLER_DONE.items():
        templates += sentence_templates("filler", f"done-{kind}", answers.OPEN_BOTS[kind], sentences)
    for kind, (bots, _) in answers.SHORT.items():
        if kind == "yesno":
            tails = (
                "да",
                "нет",
                "давайте",
                "не знаю",
                "конечно",
                "не надо",
                "хорошо",
                "наверное",
                "наверное да",
                "скорее нет",
            )
            whole = [
                f"{filler} {tail}" for filler in ("эээ", "ну", "ммм", "хм", "ну это", "так", "ну вот") for tail in tails
            ]
            templates += label_templates("filler", {kind: bots}, whole, SPEAK, size=10)
    return templates


def hold_templates() -> list[Template]:
    """Requests to hold wait; the same words inside a whole answer do not make it wait."""
    templates = label_templates("hold", talk.HOLD_BOTS, talk.HOLD, WAIT, size=10, free=0.15)
    for kind, sentences in talk.HOLD_DONE.items():
        for group, contexts in wording_groups({kind: talk.HOLD_BOTS[kind]}, 5):
            templates += sentence_templates("hold", f"done-{group}", contexts, sentences)
    return templates


def banked_templates(family: str) -> list[Template]:
    """Families whose bank is ``kind -> marked sentences`` under that kind's questions."""
    banks: dict[str, tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]], float]] = {
        "yes_but": (talk.YES_BUT_BOTS, talk.YES_BUT, 0.05),
        "greeting": (talk.GREETING_BOTS, {"hello": talk.GREETINGS}, 0.15),
        "list": (talk.LIST_BOTS, talk.LISTS, 0.0),
        "repair": (talk.REPAIR_BOTS, talk.REPAIRS, 0.0),
        "code_switch": ({"any": talk.CODE_SWITCH_BOTS}, {"any": talk.CODE_SWITCH}, 0.15),
        "story": ({"any": stories.STORY_BOTS}, {"any": stories.STORIES}, 0.15),
        "question": ({"any": stories.QUESTION_BOTS}, {"any": stories.QUESTIONS}, 0.12),
    }
    bots, sentences, free = banks[family]
    templates = []
    for kind, wordings in bots.items():
        for group, contexts in wording_groups({kind: wordings}, 6):
            templates += sentence_templates(family, group, contexts, sentences[kind], free=free)
    return templates


def request_templates(family: str, marks: str) -> list[Template]:
    """``function_word`` cuts at ``|`` only, ``statement`` at ``^`` only; both share the bank and so the held-out
    sentences."""
    templates = []
    for domain, (bots, sentences) in requests.REQUESTS.items():
        kept = [sentence for sentence in sentences if any(mark in sentence for mark in marks)]
        templates += sentence_templates(family, domain, bots, kept, marks=marks, free=0.15)
    return templates


def cut_word_templates() -> list[Template]:
    """A word that the recogniser heard only the beginning of, against the same sentence to its end."""
    templates = []
    for domain, (bots, sentences) in requests.REQUESTS.items():
        for sentence in sentences:
            whole = pauses(sentence)[1][-1]
            # At least one word of the sentence itself, not of a slot, must be breakable.
            if not any(_fragments(word.rstrip(",")) for word in whole.split()[1:]):
                continue
            name = f"{domain}/{slug(sentence)}"
            templates.append(Template("cut_word", name, bots, BOTH, _cut_word_build(whole), 0.1, fixed=True))
    return templates


def _cut_word_build(sentence: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        text = draft.fill(sentence)
        if label is SPEAK:
            return text
        words = text.split()
        places = [
            (index, fragments)
            for index, word in enumerate(words)
            if index and (fragments := _fragments(word.rstrip(",")))
        ]
        place, fragments = places[int(draft.rng.random() * len(places))]
        return " ".join([*words[:place], draft.pick(fragments) + ("-" if draft.chance(0.12) else "")])

    return build


@lru_cache(maxsize=8192)
def _fragments(word: str) -> tuple[str, ...]:
    """Beginnings that cannot be taken for a word: three letters or more are missing, so no bare stem or case form
    remains."""
    if not _WORD.fullmatch(word) or len(word) < 6:
        return ()
    low = word.lower()
    return tuple(
        word[:cut]
        for cut in range(3, len(low) - 2)
        if low[:cut] not in _vocabulary() and low[:cut] not in _WHOLE_FRAGMENTS
    )


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """Every word of the banks."""
    texts: list[str] = [text for bots, sentences in requests.REQUESTS.values() for text in (*bots, *sentences)]
    texts += [*stories.STORIES, *stories.QUESTIONS, *talk.GREETINGS, *talk.HOLD]
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))


def flip_templates() -> list[Template]:
    """The same answers under a question that they settle and under one that asks for more."""
    templates = []
    for kind, (texts, whole, part) in flips.FLIPS.items():
        for text in texts:
            for suffix, bots, label in (("whole", whole, SPEAK), ("part", part, WAIT)):
                for group, contexts in wording_groups({f"{kind}-{suffix}": bots}, 4):
                    labels, build = phrases((text,), ()) if label is WAIT else phrases((), (text,))
                    templates.append(
                        Template("context_flip", f"{group}/{slug(text)}", contexts, labels, build, fixed=True)
                    )
    return templates
