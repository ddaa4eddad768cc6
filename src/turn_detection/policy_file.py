"""A policy as a file: what ``turn-detection tune`` writes, and what servers and plugins read.

JSON: ``{"policy": {...}, "origin": {...}}``. ``policy`` holds the settings of :class:`~.endpointing.EndpointingPolicy`; ``origin`` is for
people (which model, which limit, what was predicted) and is never needed to read the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .endpointing import EndpointingPolicy
from .errors import ConfigurationError, InputFileNotFoundError, TurnDetectionError
from .writing import write_whole

_KEYS = ("policy", "origin")


def load_policy(path: str | Path) -> EndpointingPolicy:
    """Read the policy of a file.

    Raises:
        InputFileNotFoundError: no such file.
        ConfigurationError: not such a file, an unknown key, or a setting out of range; names the file and the key.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputFileNotFoundError(f"no such policy file: {path}; write one with: turn-detection tune") from error
    except OSError as error:
        raise ConfigurationError(f"the policy file {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):  # not chained: it carries the file's content
        raise ConfigurationError(f"the policy file {path} is not JSON; write one with: turn-detection tune") from None
    if not isinstance(content, dict) or not isinstance(content.get("policy"), dict):
        raise ConfigurationError(f'the policy file {path} must hold {{"policy": {{...}}}}')
    if unknown := sorted(key for key in content if key not in _KEYS):
        raise ConfigurationError(f"the policy file {path} has unknown keys {unknown}; known: {', '.join(_KEYS)}")
    try:
        return EndpointingPolicy.from_dict(content["policy"])
    except TurnDetectionError as error:
        raise ConfigurationError(f"the policy file {path}: {error}") from error


def as_policy(policy: EndpointingPolicy | str | Path) -> EndpointingPolicy:
    """A policy itself, or the one in a file. Raises as :func:`load_policy`."""
    return policy if isinstance(policy, EndpointingPolicy) else load_policy(policy)


def save_policy(path: str | Path, policy: EndpointingPolicy, origin: Mapping[str, Any] | None = None) -> None:
    """Write a policy, whole or not at all; ``origin`` is plain JSON about where it comes from.

    Raises:
        OutputError: see :func:`~.writing.write_whole`.
    """
    content: dict[str, Any] = {"policy": policy.to_dict()}
    if origin:
        content["origin"] = dict(origin)
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
