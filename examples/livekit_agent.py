"""A LiveKit agent that speaks Russian and waits for the caller to finish.

    pip install 'turn-detection[livekit]'
    export LIVEKIT_URL=wss://... LIVEKIT_API_KEY=... LIVEKIT_API_SECRET=...
    python examples/livekit_agent.py

Recogniser, language model and voice come from LiveKit Inference, so these three keys are all it takes; STT_MODEL, LLM_MODEL and
TTS_MODEL choose others. CONTINUOUS_DELAYS=1 lets the delay follow the probability instead of switching between two.
"""

from __future__ import annotations

import os
import sys

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, inference
from livekit.agents.__main__ import main as run_agents

from livekit.plugins.ru_turn_detector import RussianTurnDetector

KEYS = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")


# The import above has told the framework to keep one model for all calls, in its inference process.
server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """One call."""
    detector = RussianTurnDetector()
    session: AgentSession[None] = AgentSession(
        vad=inference.VAD(),
        stt=inference.STT(os.environ.get("STT_MODEL", "deepgram/nova-3"), language="ru"),
        llm=inference.LLM(os.environ.get("LLM_MODEL", "openai/gpt-4.1-mini")),
        tts=inference.TTS(os.environ.get("TTS_MODEL", "cartesia/sonic-3"), language="ru"),
        turn_handling={
            "turn_detection": detector,  # the one line
            # Finished turns wait min_delay, unfinished ones max_delay. min_delay must exceed the recogniser's lag.
            "endpointing": {"mode": "fixed", "min_delay": 0.4, "max_delay": 2.5},
        },
    )
    if os.environ.get("CONTINUOUS_DELAYS") == "1":
        detector.use_continuous_delays(session)
    agent = Agent(instructions="Ты голосовой помощник. Говори по-русски, коротко, без разметки.")
    await session.start(agent, room=ctx.room)
    await session.generate_reply(instructions="Поздоровайся и спроси, чем помочь.")


def main() -> int:
    """Check the keys and start the worker."""
    if missing := [name for name in KEYS if not os.environ.get(name)]:
        print(
            f"set {', '.join(missing)} in the environment; without keys: python examples/livekit_offline.py",
            file=sys.stderr,
        )
        return 2
    return run_agents(["start", __file__, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
