"""What made telephone speech promises to whoever trains on it."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest

pytest.importorskip("num2words")
pytest.importorskip("faker")

from turn_detection.data.spoken import FAMILIES, SpokenSample, spoken_samples
from turn_detection.data.spoken.digits import DIGIT_WORDS, cardinal, dictate, split_groups
from turn_detection.data.spoken.generate import family_templates
from turn_detection.data.spoken.phrases.talk import HOLD
from turn_detection.data.spoken.template import pauses
from turn_detection.errors import ConfigurationError
from turn_detection.types import TurnLabel

NUMBER_WORDS = {cardinal(number): number for number in (*range(20), *range(20, 100, 10), *range(100, 1000, 100))}
REPEATS = {"нуля": 0, "единицы": 1, "двойки": 2, "тройки": 3, "четвёрки": 4, "пятёрки": 5, "шестёрки": 6, "семёрки": 7,
           "восьмёрки": 8, "девятки": 9}  # fmt: skip


def heard_digits(text: str) -> str:
    """The digits that a listener writes down: an independent reading of «сто двадцать три ноль пять 67»."""
    plain = {word.replace("ё", "е"): value for word, value in NUMBER_WORDS.items()}
    repeats = {word.replace("ё", "е"): value for word, value in REPEATS.items()}
    words = (
        text.lower()
        .replace("ё", "е")
        .replace("+", " ")
        .replace("-", " ")
        .replace(".", " ")
        .replace(",", " ")
        .replace("?", " ")
        .split()
    )
    digits, total, last = "", 0, 1000
    open_number = False
    index = 0
    while index < len(words):
        word = words[index]
        following = words[index + 1] if index + 1 < len(words) else ""
        value = plain.get(word)
        is_repeat = following in repeats or (word == "двойной" and following == "ноль")
        size = 100 if value and value >= 100 else 10 if value and value >= 20 else 1
        continues = open_number and value and not is_repeat and value < last and last > 1
        if not continues and open_number:
            digits, open_number = digits + str(total), False
        if is_repeat:
            digits += "00" if word == "двойной" else str(repeats[following]) * {"два": 2, "две": 2, "три": 3}[word]
            index += 1
        elif value is not None:
            total = total + value if continues else value
            last, open_number = (size if value else 1), value > 0
            digits += "" if value else "0"
        elif word.isdigit():
            digits += word
        index += 1
    return digits + (str(total) if open_number else "")


def draw(n: int, *families: str, seed: int = 7, **kwargs: str) -> list[SpokenSample]:
    return list(spoken_samples(n, seed, families=families or FAMILIES, **kwargs))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def samples() -> list[SpokenSample]:
    return draw(12_000)


def test_a_sample_depends_on_its_place_and_not_on_how_many_are_drawn() -> None:
    assert draw(50) == list(islice(spoken_samples(5_000, 7), 50))
    assert draw(50) != draw(50, seed=8)


def test_every_family_is_drawn_and_both_labels_are_balanced(samples: list[SpokenSample]) -> None:
    by_family = Counter(sample.family for sample in samples)
    assert set(by_family) == set(FAMILIES)
    for family in FAMILIES:
        waits = sum(sample.label is TurnLabel.WAIT for sample in draw(1_500, family))
        assert 0.48 < waits / 1_500 < 0.62, family


@pytest.mark.parametrize("family", FAMILIES)
def test_held_out_templates_never_meet_training_ones(family: str) -> None:
    train = {sample.template_id for sample in draw(1_200, family)}
    validation = draw(600, family, part="validation")
    held_out = {sample.template_id for sample in validation}
    assert not train & held_out
    assert {sample.label for sample in validation} == set(TurnLabel)
    assert len(family_templates(family)) >= 60


def test_families_that_share_a_sentence_bank_hold_out_the_same_sentences() -> None:
    held_out = {s.template_id.split("/", 1)[1] for s in draw(600, "statement", part="validation")}
    trained = {s.template_id.split("/", 1)[1] for s in draw(3_000, "function_word", "cut_word")}
    assert not held_out & trained


def test_a_mobile_number_is_whole_at_ten_digits_or_at_eleven_with_a_prefix() -> None:
    checked = Counter()
    for sample in draw(6_000, "phone"):
        kind, pattern = sample.template_id.split("/")[1:]
        # A repair says digits twice, and a filled pause inside a number of words hides nothing from the parser.
        if not kind.startswith("mobile") or pattern.startswith("open") or "repair" in pattern or "-" not in pattern:
            continue
        if pattern.split("-")[1] not in ("bare", "lead", "filler", "answer"):
            continue
        digits = heard_digits(sample.text)
        whole = (len(digits) == 10 and digits[0] == "9") or (len(digits) == 11 and digits[0] in "78")
        assert whole == (sample.label is TurnLabel.SPEAK), (sample.text, digits)
        checked[sample.label] += 1
    assert min(checked.values()) > 500


@pytest.mark.parametrize(
    ("kind", "length"), [("sms4", 4), ("sms6", 6), ("card", 16), ("snils", 11), ("inn12", 12), ("passport", 10)]
)
def test_a_code_is_whole_exactly_when_all_its_digits_are_said(kind: str, length: int) -> None:
    checked = 0
    for sample in draw(5_000, "code"):
        group, pattern = sample.template_id.split("/")[1:]
        if group.rstrip("0123456789") != kind.rstrip("0123456789") or not group.startswith(kind):
            continue
        if pattern.startswith("open") or pattern.endswith("repair"):
            continue
        digits = heard_digits(sample.text)
        assert (len(digits) == length) == (sample.label is TurnLabel.SPEAK), (sample.text, digits)
        checked += 1
    assert checked > 20


def test_dictated_groups_read_back_to_the_same_digits() -> None:
    rng = random.Random(1)
    for _ in range(3_000):
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(4, 16)))
        sizes = rng.choice(((1,), (2,), (3,), (2, 3), (3, 3, 2, 2), (4,), (3, 2, 2, 3)))
        text = " ".join(dictate(rng, split_groups(digits, sizes)))
        assert heard_digits(text) == digits, text
    assert len(DIGIT_WORDS) == 10


def test_an_email_waits_for_its_top_level_domain() -> None:
    tops = {"ру", "ком", "рф", "нет", "ru", "com"}
    for sample in draw(3_000, "email"):
        pattern = sample.template_id.split("/")[-1]
        if pattern.rsplit("-", 1)[-1] not in ("bare", "lead", "filler") or pattern.startswith("open"):
            continue
        last = sample.text.lower().rstrip(".,?").replace(".", " ").split()[-1]
        assert (last in tops) == (sample.label is TurnLabel.SPEAK), sample.text


def test_hold_requests_always_wait_under_every_question(samples: list[SpokenSample]) -> None:
    holds = {hold.replace("ё", "е") for hold in HOLD}
    found = 0
    for sample in [*samples, *draw(1_000, "hold")]:
        if sample.text.lower().replace("ё", "е").rstrip(".,?") in holds:
            assert sample.label is TurnLabel.WAIT, sample
            found += 1
    assert found > 100


def test_a_full_stop_tells_nothing_about_the_verdict(samples: list[SpokenSample]) -> None:
    share = {}
    for label in TurnLabel:
        texts = [sample.text for sample in samples if sample.label is label and "@" not in sample.text]
        share[label] = sum(text.endswith((".", "?")) for text in texts) / len(texts)
    assert share[TurnLabel.WAIT] > 0.15
    assert abs(share[TurnLabel.WAIT] - share[TurnLabel.SPEAK]) < 0.03


def test_length_alone_does_not_decide_short_answers() -> None:
    drawn = draw(3_000, "short_answer")
    whole = [sample for sample in drawn if sample.label is TurnLabel.SPEAK]
    assert sum(" " not in sample.text for sample in whole) / len(whole) > 0.38
    single = Counter(sample.label for sample in drawn if " " not in sample.text)
    assert min(single.values()) > 300


def test_the_same_words_get_both_verdicts_under_different_questions() -> None:
    labels: dict[str, set[TurnLabel]] = {}
    for sample in draw(6_000, "context_flip"):
        labels.setdefault(sample.text.lower().rstrip(".,?"), set()).add(sample.label)
    assert sum(len(seen) == 2 for seen in labels.values()) > 80


def test_most_bot_lines_are_met_with_both_verdicts(samples: list[SpokenSample]) -> None:
    seen: dict[str, set[TurnLabel]] = {}
    frequent = Counter(sample.context for sample in samples)
    for sample in samples:
        seen.setdefault(sample.context, set()).add(sample.label)
    common = [context for context, count in frequent.items() if count >= 15]
    assert sum(len(seen[context]) == 2 for context in common) / len(common) > 0.95


def test_marked_sentences_yield_their_pauses() -> None:
    assert pauses("на | вторник / если | можно") == (("на", "на вторник если"), ("на вторник", "на вторник если можно"))
    assert pauses("мой | номер |") == (("мой", "мой номер"), ())


def test_no_slot_is_left_open(samples: list[SpokenSample]) -> None:
    for sample in samples:
        assert not set("{}|^") & set(sample.text + sample.context), sample
        assert sample.text.strip() == sample.text != ""


@pytest.mark.parametrize("kwargs", [{"families": ("opera",)}, {"families": ()}, {"part": "test"}])
def test_an_unknown_family_or_part_is_refused_at_once(kwargs: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        spoken_samples(1, **kwargs)  # type: ignore[arg-type]
