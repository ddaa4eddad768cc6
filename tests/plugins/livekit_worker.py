"""A worker of LiveKit Agents with one job and no server, for test_plugin_livekit_job.py: ``SCENE=... FOLDER=... python livekit_worker.py``.

The job constructs a detector as the README says, asks, and writes what it found to ``$FOLDER/job.json``.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from livekit.agents import AgentServer, JobContext, JobExecutorType
from livekit.agents.llm import ChatContext

SCENE = os.environ["SCENE"]
FOLDER = Path(os.environ["FOLDER"])
N_QUESTIONS = 3

if SCENE != "late import":
    importlib.import_module("livekit.plugins.ru_turn_detector")


def prewarm(_: object) -> None:
    """Runs in the job's process before the job."""
    from turn_detection.plugins.scoring import shared_detector

    if SCENE == "prewarmed":
        shared_detector()


server = AgentServer(
    setup_fnc=prewarm,
    job_executor_type=JobExecutorType.THREAD if SCENE == "threads" else JobExecutorType.PROCESS,
    num_idle_processes=1,
    host="127.0.0.1",
    port=0,
    ws_url="ws://127.0.0.1:9",
    api_key="nobody",
    api_secret="asks for a key of thirty-two bytes",
)


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """One call."""
    from livekit.plugins.ru_turn_detector import RussianTurnDetector

    detector = RussianTurnDetector()
    chat_ctx = ChatContext.empty()
    chat_ctx.add_message(role="user", content="мне нужен билет на")
    answers = [await detector.predict_end_of_turn(chat_ctx) for _ in range(N_QUESTIONS)]
    if SCENE == "killed":
        (FOLDER / "kill").touch()
        while not (FOLDER / "killed").exists():
            await asyncio.sleep(0.02)
        answers += [await detector.predict_end_of_turn(chat_ctx) for _ in range(N_QUESTIONS)]
    found = {
        "answers": answers,
        "counters": asdict(detector.counters),
        "engine": "onnxruntime" in sys.modules,
        "pid": os.getpid(),
    }
    (FOLDER / "job.tmp").write_text(json.dumps(found))
    (FOLDER / "job.tmp").rename(FOLDER / "job.json")
    ctx.shutdown()


async def main() -> None:
    """Start the worker, give it a job, wait for what it found."""
    started = asyncio.Event()
    server.once("worker_started", started.set)
    running = asyncio.create_task(server.run(unregistered=True))
    await asyncio.wait_for(started.wait(), 60)
    await server.simulate_job("room", fake_job=True)
    async with asyncio.timeout(60):
        while not (FOLDER / "job.json").exists():
            await asyncio.sleep(0.02)
            if (FOLDER / "kill").exists() and not (FOLDER / "killed").exists():
                assert server._inference_executor is not None
                assert server._inference_executor.pid is not None
                os.kill(server._inference_executor.pid, signal.SIGKILL)
                (FOLDER / "killed").touch()
    await server.aclose()
    await running


if __name__ == "__main__":
    # Under its own name, as the framework imports an agent's module: the job's process has to find the entrypoint by it.
    import livekit_worker

    asyncio.run(livekit_worker.main())
