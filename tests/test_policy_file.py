"""A policy file gives back what was written, and says what is wrong with it otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from turn_detection.endpointing import EndpointingPolicy
from turn_detection.errors import ConfigurationError, InputFileNotFoundError, OutputError
from turn_detection.policy_file import load_policy, save_policy

POLICY = EndpointingPolicy(min_delay_s=0.4, max_delay_s=1.5, threshold=0.62, gamma=0.3, mode="continuous")


@pytest.mark.parametrize("origin", [None, {"model": "toy", "predicted": [{"delay_s": 0.4}]}])
def test_what_was_written_is_read(tmp_path: Path, origin: dict[str, object] | None) -> None:
    path = tmp_path / "policy.json"
    save_policy(path, POLICY, origin)
    assert load_policy(path) == POLICY
    assert json.loads(path.read_text(encoding="utf-8")).get("origin") == origin


def test_a_policy_written_by_hand_needs_only_what_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('\ufeff{"policy": {"mode": "binary", "threshold": 0.3}}', encoding="utf-8")
    assert load_policy(path) == EndpointingPolicy(mode="binary", threshold=0.3)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "must hold"),
        ('{"threshold": 0.3}', "must hold"),
        ('{"policy": {}, "note": 1}', "note"),
        ('{"policy": {"treshold": 0.3}}', "treshold"),
        ('{"policy": {"threshold": 3}}', "threshold"),
        ('{"policy": {"threshold": "0.3"}}', "threshold"),
        ('{"policy": {"min_delay_s": NaN}}', "min_delay_s"),
    ],
)
def test_a_faulty_file_is_refused_in_one_line_with_its_name(tmp_path: Path, content: str, word: str) -> None:
    path = tmp_path / "policy.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_policy(path)
    assert "policy.json" in str(caught.value)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_or_a_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match="tune"):
        load_policy(tmp_path / "none.json")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_policy(tmp_path)


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    save_policy(path, POLICY)
    with pytest.raises(ValueError, match="JSON"):
        save_policy(path, EndpointingPolicy(), {"delay": float("nan")})
    with pytest.raises(OutputError):
        save_policy(tmp_path / "none" / "policy.json", POLICY)
    assert load_policy(path) == POLICY
