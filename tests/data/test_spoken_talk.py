"""Talk that is put together from parts: what is held out, what stays true of every text, what a listener would say."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import islice

import pytest

pytest.importorskip("num2words")
pytest.importorskip("faker")

from turn_detection.data.spoken import SpokenSample, spoken_samples
from turn_detection.data.spoken.generate import HELD_OUT_SHARE, family_templates
from turn_detection.data.spoken.grammar import HIDDEN_SHARE, Writer, grammar_templates, is_hidden, visible
from turn_detection.data.spoken.phrases.asking_back import ASKING_BACK
from turn_detection.data.spoken.phrases.contrast import CONTRAST
from turn_detection.data.spoken.phrases.corrections import CORRECTIONS
from turn_detection.data.spoken.phrases.doubles import DOUBLES
from turn_detection.data.spoken.phrases.elliptic import ELLIPTIC, FILLED
from turn_detection.data.spoken.phrases.governing import GOVERNING
from turn_detection.data.spoken.phrases.hesitating import GREETING, HESITATING
from turn_detection.data.spoken.phrases.holding import HOLDING, OPENERS
from turn_detection.data.spoken.phrases.mixing import MIXING
from turn_detection.data.spoken.phrases.notation import Grammar, lines, spread
from turn_detection.data.spoken.phrases.ordering import ORDERING
from turn_detection.data.spoken.phrases.telling import TELLING
from turn_detection.data.spoken.template import Draft, slug
from turn_detection.errors import ConfigurationError
from turn_detection.types import TurnLabel

BANKS = {
    "hold": HOLDING, "short_answer": ELLIPTIC, "filler": (*HESITATING, *FILLED), "yes_but": CONTRAST, "list": ORDERING,
    "repair": CORRECTIONS, "context_flip": DOUBLES, "question": ASKING_BACK, "story": TELLING, "code_switch": MIXING,
    "greeting": GREETING, "function_word": GOVERNING,
}  # fmt: skip
WAIT, SPEAK = TurnLabel.WAIT, TurnLabel.SPEAK


def draw(family: str, n: int, **kwargs: str) -> list[SpokenSample]:
    return list(spoken_samples(n, 31, families=(family,), **kwargs))  # type: ignore[arg-type]


def bare(text: str) -> str:
    return text.lower().replace("ё", "е").rstrip(".,?… ")


def test_what_a_grammar_hides_is_what_the_generator_holds_out() -> None:
    assert HIDDEN_SHARE == HELD_OUT_SHARE
    for template in family_templates("repair"):
        assert is_hidden(template.name) == (template.hash < HELD_OUT_SHARE * 10_000)


@pytest.mark.parametrize("family", BANKS)
def test_every_entry_of_a_key_has_a_template_of_its_own(family: str) -> None:
    names = [template.name for template in grammar_templates(family, BANKS[family])]
    assert len(names) == len(set(names))
    assert set(names) <= {template.name for template in family_templates(family)}


@pytest.mark.parametrize("family", BANKS)
def test_every_template_writes_each_label_that_it_claims(family: str) -> None:
    for template in islice(grammar_templates(family, BANKS[family]), 0, None, 5):
        for label in template.labels:
            for seed in range(3):
                text = template.build(Draft(random.Random(f"{template.name}:{seed}")), label)
                assert text, template.name
                assert not set("{}[]<>|^@") & set(text), (template.name, text)
                assert not {"  ", " ,"} & {text[place : place + 2] for place in range(len(text))}, text


def test_training_never_meets_a_hidden_opener_or_action() -> None:
    grammar = next(grammar for grammar in HOLDING if grammar.name == "hold-number-act")
    seen = set(visible(grammar.name, OPENERS))
    hidden = set(OPENERS) - seen
    assert hidden
    assert seen
    trained = [entry for entry in grammar.parts["act"] if not is_hidden(f"{grammar.name}/{slug(entry)}")]
    draft = Draft(random.Random(3))
    for entry in trained[::9]:
        writer = Writer(grammar, entry, sees_all=False)
        for _ in range(20):
            said = writer.sentence(draft)
            starts = [opener for opener in OPENERS if said.startswith(f"{opener} ")]
            assert not starts or max(starts, key=len) in seen, said


def test_bot_lines_are_held_out_too() -> None:
    lines_of = {
        part: {sample.context for sample in draw("context_flip", 3_000, part=part)} for part in ("train", "validation")
    }
    assert len(lines_of["validation"] - lines_of["train"]) > 50


@pytest.mark.parametrize(
    ("family", "n_distinct"),
    [("hold", 5_500), ("yes_but", 5_000), ("list", 7_500), ("repair", 8_000), ("function_word", 6_500), ("story", 7_500),
     ("statement", 5_500), ("cut_word", 8_000), ("context_flip", 4_500), ("question", 2_500), ("filler", 4_000),
     ("short_answer", 3_000), ("code_switch", 2_500), ("greeting", 1_400)],
)  # fmt: skip
def test_texts_are_many(family: str, n_distinct: int) -> None:
    assert len({bare(sample.text) for sample in draw(family, 12_000)}) > n_distinct


def test_no_text_has_both_labels_under_one_question() -> None:
    labels: dict[tuple[str, str], set[TurnLabel]] = defaultdict(set)
    for sample in spoken_samples(60_000, 77, families=tuple(BANKS)):
        if sample.context:
            labels[sample.context, bare(sample.text)].add(sample.label)
    torn = [moment for moment, found in labels.items() if len(found) == 2]
    assert len(torn) <= 3, torn


@pytest.mark.parametrize("word", ["минут", "секунд", "подожд", "сейчас", "посмотр", "подума"])
def test_words_of_waiting_are_no_verdict(word: str) -> None:
    found = {sample.label for sample in draw("hold", 6_000) if word in bare(sample.text)}
    assert found == {WAIT, SPEAK}


def test_the_same_words_wait_or_speak_by_how_much_was_asked() -> None:
    found: dict[str, set[TurnLabel]] = defaultdict(set)
    for sample in draw("context_flip", 12_000):
        found[bare(sample.text)].add(sample.label)
    assert sum(len(labels) == 2 for labels in found.values()) > 300


def test_a_repair_waits_for_its_second_value() -> None:
    endings = (" ой", " вернее", " точнее", " то есть", " извините", " стоп")
    said = [sample for sample in draw("repair", 5_000) if bare(sample.text).endswith(endings)]
    assert len(said) > 300
    assert all(sample.label is WAIT for sample in said)


def test_a_sentence_that_ends_with_a_noun_may_wait() -> None:
    # «если придёт курьер»: the ending of the last word must not be enough.
    fronted = [template for template in family_templates("statement") if "govern-clause" in template.name]
    assert len(fronted) > 50
    ends: dict[TurnLabel, set[str]] = {WAIT: set(), SPEAK: set()}
    for template in fronted:
        for seed in range(30):
            for label in template.labels:
                ends[label].add(bare(template.build(Draft(random.Random(seed)), label)).split()[-1])
    assert len(ends[WAIT] & ends[SPEAK]) > 30


def test_a_broken_word_is_no_word_of_the_banks() -> None:
    whole = {bare(word) for sample in draw("cut_word", 6_000) if sample.label is SPEAK for word in sample.text.split()}
    for sample in draw("cut_word", 4_000):
        if sample.label is WAIT:
            last = bare(sample.text).rstrip("-.").split()[-1]
            assert last not in whole, sample.text


def test_one_speaker_keeps_one_gender() -> None:
    grammar = Grammar("g", ("Слушаю.",), ("я заказал@ и нашёл@нашла <x>",), {"x": ("дом",)}, "x")
    writer = Writer(grammar, "дом", sees_all=True)
    said = {writer.sentence(Draft(random.Random(seed))) for seed in range(30)}
    assert said == {"я заказал и нашёл дом", "я заказала и нашла дом"}


def test_two_draws_of_one_part_differ() -> None:
    grammar = Grammar("g", ("Слушаю.",), ("<x> и <x>",), {"x": ("чай", "сок", "кофе")}, "x")
    writer = Writer(grammar, "чай", sees_all=True)
    for seed in range(200):
        first, second = writer.sentence(Draft(random.Random(seed))).split(" и ")
        assert first == "чай" != second or seed % 50  # four tries: a repetition is rare, not impossible


def test_lines_write_out_every_alternative() -> None:
    assert lines("[Назовите;Скажите] [дату;час].", "Когда?") == (
        "Назовите дату.", "Назовите час.", "Скажите дату.", "Скажите час.", "Когда?",
    )  # fmt: skip
    assert spread("а [б;в] [г;д]") == ("а б [г;д]", "а в [г;д]")
    with pytest.raises(ValueError, match="do not nest"):
        lines("[а;[б;в]]")


def test_a_grammar_that_cannot_write_a_label_is_named() -> None:
    grammar = Grammar("mute", ("Слушаю.",), ("<x>", *["<x> |"] * 3), {"x": ("да",)}, "x")
    template = grammar_templates("hold", (grammar,))[0]
    assert set(template.labels) == {WAIT, SPEAK}
    silent = Grammar("mute", ("Слушаю.",), ("<x> |",), {"x": ("да",)}, "x")
    only = grammar_templates("hold", (silent,))[0]
    assert only.labels == (WAIT,)
    with pytest.raises(ConfigurationError, match="mute"):
        only.build(Draft(random.Random(1)), SPEAK)
