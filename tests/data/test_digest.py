"""The fingerprint of a set of dialogues: equal for equal data, another one when a reply changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from turn_detection.data.digest import dialogues_digest, files_digest
from turn_detection.types import Dialogue, Pause, Turn


def dialogue(*texts: str, name: str = "a:1", file: str = "") -> Dialogue:
    turns = tuple(Turn(text, ("agent", "client")[place % 2]) for place, text in enumerate(texts))
    return Dialogue(name, name.partition(":")[0], turns, file)


ONE, TWO = dialogue("Чем могу помочь?", "нужен билет"), dialogue("Куда?", "в Москву", name="a:2")


def test_order_names_and_files_do_not_count() -> None:
    elsewhere = dialogue("Чем могу помочь?", "нужен билет", name="b:7", file="other.jsonl")
    assert dialogues_digest([ONE, TWO]) == dialogues_digest(iter([TWO, elsewhere]))


@pytest.mark.parametrize(
    "other",
    [
        [ONE],
        [ONE, TWO, TWO],
        [ONE, dialogue("Куда?", "в Москву.")],
        [ONE, dialogue("Куда?", "в", "Москву")],
        [dialogue("Чем могу помочь?", "нужен билет", "Куда?", "в Москву")],
        [ONE, Dialogue("a:2", "a", (Turn("Куда?", "agent"), Turn("в Москву", None)))],
        [ONE, Dialogue("a:2", "a", (Turn("Куда?", "agent"), Turn("в Москву", "client", (Pause(1, 0.5),))))],
        [],
    ],
)
def test_a_changed_reply_speaker_pause_or_number_of_dialogues_gives_another_one(other: list[Dialogue]) -> None:
    assert dialogues_digest(other) != dialogues_digest([ONE, TWO])


def test_it_is_32_letters_whatever_the_text_holds() -> None:
    found = dialogues_digest([dialogue("\ud800", '\x1f\n"')])
    assert re.fullmatch("[0-9a-f]{32}", found)


def test_of_files_the_bytes_count_and_nothing_else(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl")]
    for path, text in zip(places, ("да", "нет", "нет", "нет "), strict=True):
        path.write_text(text, encoding="utf-8")
    a, b, c, d = places
    assert files_digest([a, b]) == files_digest([c, a])
    assert files_digest([a, b]) != files_digest([a, d])
