"""The examples that need keys import, build what can be built without a network, and say which key is missing."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any

import pytest
from scripted import ScriptedDetector


@pytest.mark.parametrize(
    ("framework", "name", "keys"),
    [
        ("livekit.agents", "livekit_agent", ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"]),
        ("pipecat", "pipecat_bot", ["OPENAI_API_KEY"]),
    ],
)
def test_without_keys_the_command_says_which(
    framework: str, name: str, keys: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(framework, reason=f"needs {framework}")
    for key in keys:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(sys, "argv", [name])
    assert importlib.import_module(name).main() == 2
    told = capsys.readouterr().err
    assert all(key in told for key in keys)
    assert "offline" in told  # and what works without keys


def test_the_livekit_agent_defines_a_server_with_an_entrypoint() -> None:
    agents = pytest.importorskip("livekit.agents", reason="needs the extra 'livekit'")
    module = importlib.import_module("livekit_agent")
    assert isinstance(module.server, agents.AgentServer)
    assert callable(module.entrypoint)


@pytest.mark.parametrize("with_audio", [False, True])
def test_the_pipecat_bot_builds_its_whole_pipeline(with_audio: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pipecat", reason="needs the extra 'pipecat'")
    import turn_detection.plugins.pipecat as adapter

    monkeypatch.setattr(adapter, "shared_detector", ScriptedDetector)
    bot = importlib.import_module("pipecat_bot")
    server = importlib.import_module("pipecat.transports.websocket.server")

    async def build() -> Any:
        transport = server.SingleClientWebsocketServerTransport(
            server.SingleClientWebsocketServerParams(audio_in_enabled=True, audio_out_enabled=True)
        )
        return bot.make_worker(transport, "no key", with_audio=with_audio)

    assert asyncio.run(build()) is not None


@pytest.mark.slow
@pytest.mark.parametrize(("framework", "name"), [("livekit.agents", "livekit_offline"), ("pipecat", "pipecat_offline")])
def test_the_offline_variants_show_partials_probability_delay_and_the_bot(framework: str, name: str) -> None:
    pytest.importorskip(framework, reason=f"needs {framework}")

    lines: list[str] = []
    stage = asyncio.run(importlib.import_module(name).run_call(ScriptedDetector(), show=lines.append))
    assert len(stage.turns) == 3
    assert stage.turns[2][0] == "восемь девятьсот три сто двадцать сорок пять ноль один"
    shown = "\n".join(lines)
    for part in ("… ", "p=0.020 -> wait", "p=0.970 -> speak", "bot speaks", "predictions="):
        assert part in shown
