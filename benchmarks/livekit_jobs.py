"""Lag of the event loops of 32 calls in LiveKit's own way: a real worker, a process for each job, a whole session in each.

``python benchmarks/livekit_jobs.py [--jobs 32] [--rounds 2]`` (extra ``livekit``). There is no server and no room; the caller is that of
examples/livekit_offline.py. Prints one JSON object a line, for sessions without predictions, with the detector as the README constructs it
(the framework's inference process) and with a preloaded model in every job; the first turn of a process apart, in which the framework starts up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from livekit.agents import AgentServer, JobContext
from livekit_offline import Stage

from livekit.plugins.ru_turn_detector import RussianTurnDetector
from plugins import TURNS, Heart, Lags, environment

WITHOUT, PROCESS, PRELOADED = "without predictions", "inference process", "preloaded model in every job"
KINDS = (WITHOUT, PROCESS, PRELOADED)
#: Thirty-two loops that wake every millisecond would be a load of their own.
BEAT_S = 0.02

# The job's processes import this module, too: what they have to know comes by the environment.
KIND = os.environ.get("JOBS_KIND", PROCESS)
FOLDER = Path(os.environ.get("JOBS_FOLDER", "."))

# livekit-agents 1.8.7 and later know the option.
PRELOADING: dict[str, Any] = {"preload_modules": ["turn_detection.plugins.preload"]} if KIND == PRELOADED else {}

server = AgentServer(
    num_idle_processes=4,
    host="127.0.0.1",
    port=0,
    ws_url="ws://127.0.0.1:9",
    api_key="nobody",
    api_secret="asks for a key of thirty-two bytes",
    **PRELOADING,
)


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """One call: wait for the others, play the turns, write down the lags."""
    number = int(ctx.job.room.name.rsplit("-", 1)[-1])
    judge: Any = "vad" if KIND == WITHOUT else RussianTurnDetector()
    async with Stage(judge) as stage:
        (FOLDER / f"ready-{number}").touch()
        while not (FOLDER / "go").exists():
            await asyncio.sleep(0.05)
        lags = []
        await asyncio.sleep(number / 32)
        for words in TURNS[:3]:
            async with Heart(BEAT_S) as heart:
                await stage.caller_says(words, speech_s=0.6)
                await stage.turn_ends()
            lags.append(heart.lags)
    found = {"first": asdict(lags[0]), "later": asdict(Lags.of(lags[1:]))}
    (FOLDER / f"new-{number}").write_text(json.dumps(found))
    (FOLDER / f"new-{number}").rename(FOLDER / f"done-{number}")
    ctx.shutdown()


async def serve(n_jobs: int) -> None:
    """The worker's process: give it the jobs, start them together, wait for what they found."""
    started = asyncio.Event()
    server.once("worker_started", started.set)
    running = asyncio.create_task(server.run(unregistered=True))
    await asyncio.wait_for(started.wait(), 60)
    for number in range(n_jobs):
        await server.simulate_job(f"call-{number}", fake_job=True)
    await _count(n_jobs, "ready-*")
    (FOLDER / "go").touch()
    await _count(n_jobs, "done-*")
    await server.aclose()
    await running


async def _count(n: int, pattern: str) -> None:
    async with asyncio.timeout(120):
        while len(list(FOLDER.glob(pattern))) < n:
            await asyncio.sleep(0.2)


def run(kind: str, n_jobs: int) -> dict[str, Lags]:
    """One round in a worker of its own."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, __file__, "--serve", "--jobs", str(n_jobs)],
            env=os.environ | {"JOBS_KIND": kind, "JOBS_FOLDER": folder},
            check=True,
            timeout=300,
        )
        found = [json.loads(path.read_text()) for path in Path(folder).glob("done-*")]
    return {part: Lags.of(Lags(**job[part]) for job in found) for part in ("first", "later")}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        import livekit_jobs  # under its own name: the job's processes have to find the entrypoint by it

        asyncio.run(livekit_jobs.serve(arguments.jobs))
        return
    print(json.dumps(environment()))
    rounds = [(kind, run(kind, arguments.jobs)) for _ in range(arguments.rounds) for kind in KINDS]
    for kind in KINDS:
        for part in ("first", "later"):
            lags = Lags.of(found[part] for name, found in rounds if name == kind)
            print(json.dumps({"what": kind, "turns": part, "jobs": arguments.jobs, **lags.summary()}))


if __name__ == "__main__":
    main()
