"""Settings of the server: file, environment, command line, in rising order of precedence."""

from __future__ import annotations

import os
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from ..config import load_group
from ..endpointing import EndpointingPolicy
from ..errors import ConfigurationError, InvalidInputError, MissingExtraError
from ..policy_file import load_policy

#: Environment variables of the settings: this and the key in capitals.
ENVIRONMENT_PREFIX = "TURN_DETECTION_SERVE_"


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Everything that ``configs/serve/default.yaml`` may say.

    Attributes:
        host, port: where to listen; port 0 takes a free one. Only this machine can reach the default host.
        root_path: path prefix that a proxy strips.
        workers: processes, each with a model of its own.
        shutdown_grace_s: whole seconds that accepted requests get to finish after SIGTERM.
        log_level: ``info``, ``warning`` or ``error``; there is no level that logs what callers say.
        backend: ``onnx`` runs the model in this process, ``triton`` asks a Triton server.
        bundle: folder of a bundle, its ``.onnx``, or ``owner/name`` at the Hugging Face hub; null for the model inside the package.
        threshold: ``speak`` from this probability on; null for the bundle's own.
        speak_share: share of ends of turns among the moments asked about; null for the bundle's own, about a half.
        slots: what may tell what the bot expects to hear: ``auto``, ``explicit`` or ``off``; see ``TurnDetector``.
        min_delay_s, max_delay_s, gamma, delay_mode: see ``EndpointingPolicy``.
        policy_file: what ``turn-detection tune`` wrote; takes the place of the four above. Null for none.
        n_threads: of the engine inside one call.
        parallel_calls: model calls at the same time in one process; null for one less than the cores, at least 1 and at most 4, and for
            64 with Triton, where they only wait.
        max_batch: questions in one model call.
        max_wait_ms: how long a model call may wait for more questions; 0 takes what is waiting.
        max_queue: questions waiting in one process; more are refused (503).
        deadline_ms: an answer that takes longer is an error (504); a request may ask for less.
        max_body_bytes, body_timeout_s: a larger body is refused (413), a slower one too (408).
        max_message_chars, max_context_chars, max_context_messages, max_batch_items: longer input is refused (422).
        ws_max_connections: calls at the same time in one process; more are refused (503).
        ws_max_frame_bytes, ws_max_messages_per_s, ws_max_errors: a call that exceeds them is closed (1009, 1008, 1008). The rate is
            an average, twice as much may come at once.
        ws_idle_timeout_s: a call without a frame for so long is closed (1000).
        token, token_file: the bearer token that clients must send, or the file that holds it; null for none.
        page: whether ``GET /`` is the live page; it needs no token itself, what it asks the server does.
        triton_url, triton_model: of the Triton server (gRPC) and of the model in its repository.
    """

    host: str = "127.0.0.1"
    port: int = 9090
    root_path: str = ""
    workers: int = 1
    shutdown_grace_s: int = 10
    log_level: Literal["info", "warning", "error"] = "info"
    backend: Literal["onnx", "triton"] = "onnx"
    bundle: str | None = None
    threshold: float | None = None
    speak_share: float | None = None
    slots: Literal["auto", "explicit", "off"] = "auto"
    min_delay_s: float = 0.3
    max_delay_s: float = 2.5
    gamma: float = 0.4
    delay_mode: Literal["continuous", "binary"] = "continuous"
    policy_file: str | None = None
    n_threads: int = 1
    parallel_calls: int | None = None
    max_batch: int = 4
    max_wait_ms: float = 0.0
    max_queue: int = 256
    deadline_ms: int = 1000
    max_body_bytes: int = 262_144
    body_timeout_s: float = 10.0
    max_message_chars: int = 4000
    max_context_chars: int = 16_000
    max_context_messages: int = 100
    max_batch_items: int = 128
    ws_max_connections: int = 1000
    ws_max_frame_bytes: int = 65_536
    ws_max_messages_per_s: float = 100.0
    ws_max_errors: int = 20
    ws_idle_timeout_s: float = 300.0
    token: str | None = field(default=None, repr=False)
    token_file: str | None = None
    page: bool = True
    triton_url: str = "127.0.0.1:8001"
    triton_model: str = "turn_detection"

    def __post_init__(self) -> None:
        for key, low, high in _RANGES:
            value = getattr(self, key)
            if value is not None and not low <= value <= high:
                raise ConfigurationError(f"serve.{key} must be from {low:g} to {high:g}, got {value:g}")
        if self.max_batch_items > self.max_queue:
            raise ConfigurationError("serve.max_batch_items must not exceed serve.max_queue: such a batch never fits")
        if self.root_path and (not self.root_path.startswith("/") or self.root_path.endswith("/")):
            raise ConfigurationError("serve.root_path must be empty or like /turns: a slash in front, none behind")
        if self.token is not None and self.token_file is not None:
            raise ConfigurationError("set serve.token or serve.token_file, not both")
        if self.token is not None and not self.token.strip():
            raise ConfigurationError("serve.token is empty; leave it out for a server without a token")
        try:
            _ = self.policy
        except InvalidInputError as error:
            raise ConfigurationError(f"serve: {error}") from error

    @property
    def policy(self) -> EndpointingPolicy:
        """Probability to suggested silence.

        Raises:
            InputFileNotFoundError, ConfigurationError: ``policy_file`` cannot be used.
            InvalidInputError: delays that make no sense.
        """
        if self.policy_file is not None:
            return load_policy(self.policy_file)
        return EndpointingPolicy(
            min_delay_s=self.min_delay_s, max_delay_s=self.max_delay_s, gamma=self.gamma, mode=self.delay_mode
        )

    @property
    def n_parallel(self) -> int:
        """Threads that read texts and run the model: by default the event loop keeps a core for itself."""
        if self.parallel_calls is not None:
            return self.parallel_calls
        n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, min(4, n_cores - 1))


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("port", 0, 65_535),
    ("speak_share", 0.001, 0.999),
    ("workers", 1, 256),
    ("shutdown_grace_s", 0, 3600),
    ("threshold", 0, 1),
    ("n_threads", 1, 256),
    ("parallel_calls", 1, 256),
    ("max_batch", 1, 1024),
    ("max_wait_ms", 0, 1000),
    ("max_queue", 1, 100_000),
    ("deadline_ms", 1, 600_000),
    ("max_body_bytes", 256, 100_000_000),
    ("body_timeout_s", 0.01, 3600),
    ("max_message_chars", 1, 1_000_000),
    ("max_context_chars", 1, 10_000_000),
    ("max_context_messages", 1, 100_000),
    ("max_batch_items", 1, 100_000),
    ("ws_max_connections", 0, 1_000_000),
    ("ws_max_frame_bytes", 64, 100_000_000),
    ("ws_max_messages_per_s", 0.1, 1e6),
    ("ws_max_errors", 0, 1e6),
    ("ws_idle_timeout_s", 0.01, 86_400),
)


def load_settings(overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> ServeConfig:
    """The file's settings, over them the environment's, over them ``overrides`` (``serve.port=8000``); the token's file is read.

    Raises:
        ConfigurationError: an unknown key or variable, or a value of the wrong type or range; never quotes a token.
        MissingExtraError: PyYAML is not installed.
    """
    values: dict[str, Any] = {}
    for name, text in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(ENVIRONMENT_PREFIX):
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower()
            if key not in _HINTS:
                raise ConfigurationError(f"the environment variable {name} names no setting of the server; unset it")
            _put(values, key, text)
    for override in overrides:
        key, _, text = override.partition("=")
        if not key.startswith("serve."):
            raise ConfigurationError(f"unknown configuration key '{key}'; keys here begin with 'serve.'")
        _put(values, key.removeprefix("serve."), text)
    config = load_group("serve", ServeConfig, {f"serve.{key}": value for key, value in values.items()})
    return _with_token(config)


def _put(values: dict[str, Any], key: str, text: str) -> None:
    """One source of the token replaces the other, so that the command line can win over the environment."""
    values[key] = _read(key, text)
    if key in ("token", "token_file"):
        values["token_file" if key == "token" else "token"] = None


def _read(key: str, text: str) -> Any:
    """A value as YAML reads it; a setting that holds text is taken as written, so that a token of digits stays a text."""
    hint = _HINTS.get(key, str)
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if type(None) in kinds and text in ("", "null"):
        return None
    if str in kinds:
        return text
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("Reading settings", "serve", error.name) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"serve.{key} is no YAML value") from error


def _with_token(config: ServeConfig) -> ServeConfig:
    if config.token_file is None:
        return config
    try:
        token = Path(config.token_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"serve.token_file {config.token_file} cannot be read ({type(error).__name__})"
        ) from error
    if not token:
        raise ConfigurationError(f"serve.token_file {config.token_file} is empty; put the token into it")
    return replace(config, token=token, token_file=None)


_HINTS: dict[str, Any] = {
    entry.name: hint for entry in fields(ServeConfig) for hint in [typing.get_type_hints(ServeConfig)[entry.name]]
}
