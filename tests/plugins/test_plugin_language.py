"""Which tags of recognisers mean Russian."""

from __future__ import annotations

import pytest

from turn_detection.language import speaks_russian


@pytest.mark.parametrize(
    "tag",
    [
        "ru",
        "ru-RU",
        "RU_ru",
        "rus",
        "russian",
        "Russian",
        "ru-Cyrl-RU",
        None,
        "",
        " ",
        "multi",
        "auto",
        "und",
        "русский",
    ],
)
def test_russian_and_unnamed_languages_are_accepted(tag: str | None) -> None:
    assert speaks_russian(tag)


@pytest.mark.parametrize("tag", ["en", "en-US", "uk", "kk-KZ", "english", "run", "rum", "be"])
def test_other_languages_are_declined(tag: str) -> None:
    assert not speaks_russian(tag)
