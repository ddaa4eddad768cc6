"""A call on ``WS /v1/stream``: the model runs in another process, or on another machine.

    pip install 'turn-detection[serve]'
    python -m turn_detection.serve &
    printf 'bot Чем могу помочь?\\npartial мне нужен билет на\\nfinal мне нужен билет на завтра\\n' \\
        | python examples/stream_client.py

Lines on standard input: ``bot TEXT``, ``partial TEXT``, ``final TEXT``, ``started``, ``stopped``, ``sleep SECONDS``. The token, if the server
has one, is read from ``TURN_DETECTION_SERVE_TOKEN``.

A call whose server is lost is not connected again: the rest of it is timed here, every turn ends after ``max_delay_s`` of silence and is counted in
``fallback_turns``. The next call tries the server anew.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from turn_detection.endpointing import EndOfTurn
from turn_detection.text import normalise

DEFAULT_URL = "ws://127.0.0.1:9090/v1/stream"
#: Beyond its longest delay a server that has not ended the turn counts as lost.
_PATIENCE_S = 1.0
#: A final that comes later than this after the end of its turn opens a new one.
_OWED_FOR_S = 1.0


class StreamCall:
    """One call, with the methods of :class:`turn_detection.plugins.watcher.TurnWatcher`.

    Args:
        url: of ``/v1/stream``.
        token: of the server.
        max_delay_s: longest silence before a turn ends, with the server and without it.
        connect_timeout_s: then the call goes on without the server.
        on_event: called with every frame of the server; ``end_of_turn`` and ``late_transcript`` hold the caller's words.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        max_delay_s: float = 2.5,
        connect_timeout_s: float = 2.0,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._url, self._token, self._max_delay_s = url, token, max_delay_s
        self._connect_timeout_s, self._on_event = connect_timeout_s, on_event
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._ended: asyncio.Queue[EndOfTurn] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._connection: ClientConnection | None = None
        self._finals, self._interim = "", ""
        self._speaking, self._silent_since_s = False, 0.0
        self._owed, self._owed_since_s = "", 0.0  # the interim that the last turn ended on: its final is on the way
        self._seq = 0
        self._open = False  # the server judges a turn that it has not ended
        self.lost = False
        self.fallback_turns = 0

    async def __aenter__(self) -> StreamCall:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._send({"type": "start", "policy": {"max_delay_s": self._max_delay_s}, "late_grace_s": 0.0})
        try:
            self._connection = await connect(
                self._url, additional_headers=headers, open_timeout=self._connect_timeout_s, proxy=None
            )
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException):
            self._lose()
        else:
            self._tasks = [asyncio.create_task(self._write(self._connection)), asyncio.create_task(self._read())]
        self._tasks.append(asyncio.create_task(self._watch()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._connection.close(), 1.0)

    @property
    def undecided(self) -> bool:
        """The caller's words wait for a decision."""
        return not self._ended.empty() or (bool(self._text) and not self._speaking)

    def bot_said(self, text: str) -> None:
        """The bot's line: context of the caller's next turn."""
        self._clear()
        self._send({"type": "agent_turn", "text": text})

    def speech_started(self) -> None:
        """The caller began or went on to speak."""
        self._speaking = True
        self._send({"type": "speech_started"})

    def speech_stopped(self, silence_s: float = 0.0) -> None:
        """The caller fell silent ``silence_s`` seconds ago."""
        self._speaking, self._silent_since_s = False, time.monotonic() - silence_s
        self._send({"type": "speech_stopped", "silence_s": silence_s})

    def partial(self, text: str) -> None:
        """An interim transcript, in place of the previous one of its segment."""
        if not self._is_owed(text, final=False):
            self._interim = text
            self._heard("partial", text)

    def final(self, text: str) -> None:
        """A final segment, in place of the interim."""
        if not self._is_owed(text, final=True):
            self._finals, self._interim = f"{self._finals} {text}".strip(), ""
            self._heard("final", text)

    async def end_of_turn(self) -> EndOfTurn:
        """Wait until the caller has finished."""
        return await self._ended.get()

    @property
    def _text(self) -> str:
        return f"{self._finals} {self._interim}".strip()

    def _heard(self, kind: str, text: str) -> None:
        self._silent_since_s = time.monotonic()
        self._seq += 1
        self._send({"type": kind, "text": text, "seq": self._seq})

    def _is_owed(self, text: str, *, final: bool) -> bool:
        """True for what a recogniser still prints of a turn that has just ended on an interim: that interim, or its final."""
        owed, age_s = self._owed, time.monotonic() - self._owed_since_s
        if not owed or age_s > _OWED_FOR_S:
            return False
        if not final and normalise(text) == normalise(owed):
            return True
        self._owed = ""
        return final

    def _end(self, turn: EndOfTurn) -> None:
        self._owed, self._owed_since_s = self._interim, time.monotonic()
        self._clear()
        self._open = False
        self._ended.put_nowait(turn)

    def _clear(self) -> None:
        self._finals = self._interim = ""

    def _send(self, frame: dict[str, Any]) -> None:
        if not self.lost:
            self._outbox.put_nowait(json.dumps(frame, ensure_ascii=False))
        self._changed.set()

    def _lose(self) -> None:
        self.lost = True
        self._changed.set()

    async def _write(self, connection: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException, OSError):
            while True:
                await connection.send(await self._outbox.get())
        self._lose()

    async def _read(self) -> None:
        assert self._connection is not None
        with contextlib.suppress(WebSocketException, OSError):
            async for message in self._connection:
                event = json.loads(message)
                if self.lost:
                    return
                if self._on_event is not None:
                    self._on_event(event)
                if event["type"] in ("prediction", "error"):
                    self._open = True
                of_last_turn = event["type"] == "late_transcript" or (event["type"] == "skipped" and not self._open)
                if of_last_turn and event.get("seq") == self._seq:
                    self._clear()
                if event["type"] == "end_of_turn":
                    values = {name: event[name] for name in ("text", "eot_probability", "delay_s", "silence_s")}
                    self._end(EndOfTurn(**values))
        self._lose()

    async def _watch(self) -> None:
        """Ends turns when the server does not."""
        while True:
            self._changed.clear()
            due_s = self._silent_since_s + self._max_delay_s + (0.0 if self.lost else _PATIENCE_S)
            timeout_s = max(0.0, due_s - time.monotonic()) if self._text and not self._speaking else None
            try:
                await asyncio.wait_for(self._changed.wait(), timeout_s)
            except TimeoutError:
                if not self._text or self._speaking:
                    continue
                self.lost = True
                self.fallback_turns += 1
                silence_s = time.monotonic() - self._silent_since_s
                turn = EndOfTurn(text=self._text, eot_probability=None, delay_s=self._max_delay_s, silence_s=silence_s)
                self._end(turn)


async def follow_stdin(call: StreamCall) -> None:
    """Play the lines of standard input, then wait for the turn that is open."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        kind, _, rest = line.strip().partition(" ")
        match kind:
            case "bot":
                call.bot_said(rest)
            case "partial":
                call.partial(rest)
            case "final":
                call.final(rest)
            case "started":
                call.speech_started()
            case "stopped":
                call.speech_stopped()
            case "sleep":
                await asyncio.sleep(float(rest))
    while call.undecided:
        print("turn:", (await call.end_of_turn()).text)


async def talk(url: str) -> None:
    """One call from standard input."""

    def show(event: dict[str, Any]) -> None:
        print(json.dumps(event, ensure_ascii=False))

    async with StreamCall(url, token=os.environ.get("TURN_DETECTION_SERVE_TOKEN"), on_event=show) as call:
        await follow_stdin(call)
        print(f"turns without the server: {call.fallback_turns}", file=sys.stderr)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=DEFAULT_URL)
    asyncio.run(talk(parser.parse_args().server))
    return 0


if __name__ == "__main__":
    sys.exit(main())
