"""Families that are phrase banks: small answers, holds, requests, stories, repairs and the same words under two
questions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from ...errors import ConfigurationError
from ...types import TurnLabel
from .grammar import grammar_templates
from .phrases import answers, flips, requests, stories, talk
from .phrases.asking_back import ASKING_BACK
from .phrases.contrast import CONTRAST
from .phrases.corrections import CORRECTIONS
from .phrases.doubles import DOUBLES
from .phrases.elliptic import ELLIPTIC, FILLED
from .phrases.governing import GOVERNING
from .phrases.hesitating import GREETING, HESITATING
from .phrases.holding import HOLDING
from .phrases.mixing import MIXING
from .phrases.ordering import ORDERING
from .phrases.telling import TELLING
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
_N_CUT_TRIES = 100
#: Beginnings of longer words that are words themselves, and so no sure sign of a broken word.
_WHOLE_FRAGMENTS = frozenset(
    (
        "авто актив активирован ана анал анти баб бак бал бам бан банк бас бат без бер бес бил блин бон бонус "
        "бракован буди будил бур был быт вал ваш ваша век вели вес веч вече вечер виз вин вина вино вклад "
        "включат вне вод води водит водите воды вое воз вор ворон воскрес вот все всё выключат вылет выпи выход "
        "выясни выяснил газ гал гарант ген генерал глаз год гол голо гор горя гост град граду градус греч груз "
        "грузи дав дед деду дел диаг див для доверен договори договорил дозвон док документ дол дом дома достав "
        "дум жал жар жив заблудил зав завод заводи завтра зад задержи закон закончи зал залив замен захлопнул "
        "звон здрав зим изб изба избави измен измени изменил интер интерес исполни ист как капу карт кат ква "
        "кварт кил кило кино код коло ком комби комп кон кори кос кот кош кран крас красно кров кружи круп куп "
        "кур курс лам ламп лек лен лет лист маг макс мал маляр мама мани мар мат мед мен мест миг минерал мини "
        "мир мне мой мол мор моя муз наг наст находи наш наша нет нов ног нога ном номе номер ноут обман образ "
        "обрат обрати обратил оказал опер оплат опыт отказ отмен пак пал пан пар пара парк парт пас пассаж пен "
        "пени пере переду план пласт плат пли под подал поднял подо поз пока показ показа пол поле полет поли "
        "полк полу полёт помог поп попа пора посели поселит пост пот потер потеря пре пред при прием прим приме "
        "приступ приём про проб протек пух пыл работ рад раз раза разобрал ран рас регистр рез рейс рем реши роб "
        "роз рок рос рук руле сад сал сам само свидетель сдал сдач сего сей скор скоро слаб слабо след слез слом "
        "сломал смен соб соба сов согласи сок сокол сорт сот спал спас спи списал спор спрос ста стан стар сто "
        "стол столкну строит суд счет счёт сыр так там тар тел теле темп тер тест того тол тон тор торг транс "
        "трат треть тру труд тумб тур увлек удал удален удалён удлини упа уст фон фру ход холод хор хот цен "
        "центр чай час чех шел шин шёл это язык"
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
    return templates + grammar_templates("short_answer", ELLIPTIC)


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
    return templates + grammar_templates("filler", (*HESITATING, *FILLED))


def hold_templates() -> list[Template]:
    """Requests to hold wait; the same words inside a whole answer do not make it wait."""
    templates = label_templates("hold", talk.HOLD_BOTS, talk.HOLD, WAIT, size=10, free=0.15)
    for kind, sentences in talk.HOLD_DONE.items():
        for group, contexts in wording_groups({kind: talk.HOLD_BOTS[kind]}, 5):
            templates += sentence_templates("hold", f"done-{group}", contexts, sentences)
    return templates + grammar_templates("hold", HOLDING)


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
    grammars = {
        "yes_but": CONTRAST, "greeting": GREETING, "list": ORDERING, "repair": CORRECTIONS, "code_switch": MIXING,
        "story": TELLING, "question": ASKING_BACK,
    }  # fmt: skip
    return templates + grammar_templates(family, grammars[family])


def request_templates(family: str, marks: str) -> list[Template]:
    """``function_word`` cuts at ``|`` only, ``statement`` at ``^`` only; both share the bank and so the held-out
    sentences."""
    templates = []
    for domain, (bots, sentences) in requests.REQUESTS.items():
        kept = [sentence for sentence in sentences if any(mark in sentence for mark in marks)]
        templates += sentence_templates(family, domain, bots, kept, marks=marks, free=0.15)
    for grammar in GOVERNING:
        # Clauses without an object have hardly any open valency: they only teach where nothing is missing.
        cuts = "" if marks == "^" and grammar.key in ("alone", "ext") else marks
        templates += grammar_templates(family, (grammar,), cuts)
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
            build = _cut_word_build(phrases((), (whole,))[1])
            templates.append(Template("cut_word", name, bots, BOTH, build, 0.1, fixed=True))
    # Requests and lists that are put together share their names, and so their held-out parts, with the other families.
    for template in grammar_templates("cut_word", (*GOVERNING, *ORDERING)):
        if SPEAK in template.labels:
            templates.append(replace(template, labels=BOTH, build=_cut_word_build(template.build), fixed=True))
    return templates


def _cut_word_build(whole: Build) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        for _ in range(_N_CUT_TRIES):
            text = whole(draft, SPEAK)
            if label is SPEAK:
                return text
            words = text.split()
            places = [
                (index, fragments)
                for index, word in enumerate(words)
                if index and (fragments := _fragments(word.rstrip(",")))
            ]
            if places:
                place, fragments = places[int(draft.rng.random() * len(places))]
                return " ".join([*words[:place], draft.pick(fragments) + ("-" if draft.chance(0.12) else "")])
        raise ConfigurationError(f"no word of «{text}» can be broken: leave the sentence out of cut words")

    return build


@lru_cache(maxsize=8192)
def _fragments(word: str) -> tuple[str, ...]:
    """Beginnings that cannot be taken for a word: three letters or more are missing, so no bare stem or case form
    remains. Names and places that slots bring stay whole: their beginnings are names too."""
    low = word.lower()
    if not _WORD.fullmatch(word) or len(word) < 6 or low not in _vocabulary():
        return ()
    # A reflexive verb without its last syllable is a verb: «обратил», «находи».
    n_missing = 5 if low.endswith(("ся", "сь")) else 3
    return tuple(
        word[:cut]
        for cut in range(3, len(low) - n_missing + 1)
        if low[:cut] not in _vocabulary() and low[:cut] not in _WHOLE_FRAGMENTS
    )


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """Every word of the banks."""
    texts: list[str] = [text for bots, sentences in requests.REQUESTS.values() for text in (*bots, *sentences)]
    texts += [*stories.STORIES, *stories.QUESTIONS, *talk.GREETINGS, *talk.HOLD]
    for grammar in (*GOVERNING, *ORDERING, *HOLDING, *ELLIPTIC, *DOUBLES, *CONTRAST, *TELLING, *ASKING_BACK):
        texts += [*grammar.bots, *grammar.rules, *(entry for entries in grammar.parts.values() for entry in entries)]
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
    return templates + grammar_templates("context_flip", DOUBLES)
