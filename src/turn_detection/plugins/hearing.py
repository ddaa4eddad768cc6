"""The endpointer, for owners that need final transcripts: no turn ends while an interim waits for its final."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..endpointing import EndOfTurn, Endpointer, EndpointingEvent, EndpointingPolicy, PredictionNeeded
from ..errors import InvalidInputError

Events = tuple[EndpointingEvent, ...]


class Hearing:
    """What the speech detector and the recogniser report of one call, in the order they do; no I/O, no clock of its own.

    For the :class:`~turn_detection.Endpointer` inside, the caller speaks until VAD reports silence *and* the recogniser has delivered
    the final of its last interim; the silence still counts from the end of speech. Words after a decision that the owner did not carry
    out (:meth:`turn_over` was not called) go on with the same turn: the texts of the events hold the whole turn.

    Args:
        policy: probability to silence.
        prediction_timeout_s: what the model gets.
        final_timeout_s: from the end of speech or the last interim, whichever is later; then the interim counts for nothing.

    Raises:
        InvalidInputError: a time out of range.
    """

    def __init__(self, policy: EndpointingPolicy, *, prediction_timeout_s: float, final_timeout_s: float) -> None:
        if not final_timeout_s > 0.0:
            raise InvalidInputError(f"final_timeout_s must be above 0, got {final_timeout_s}")
        self.policy = policy
        self._final_timeout_s = final_timeout_s
        # No grace: what comes after the end of a turn opens the owner's next turn and has to end it too.
        self._endpointer = Endpointer(policy, prediction_timeout_s=prediction_timeout_s, late_grace_s=0.0)
        # Of the caller, not of the turn: VAD reports changes only.
        self._speaking = False
        self._silent_since_s: float | None = None
        self._forget_words()
        self._said = ""  # in this turn, before a decision that was not carried out

    def _forget_words(self) -> None:
        self._interim_s: float | None = None  # when the interim came whose final is on the way
        self._first_words_s: float | None = None
        self._has_final = False

    @property
    def silent(self) -> bool:
        """Neither VAD nor the recogniser expects more words of what was said."""
        return not self._speaking and self._interim_s is None

    @property
    def undecided(self) -> bool:
        """Words wait for a decision."""
        return self._first_words_s is not None

    @property
    def due_s(self) -> float | None:
        """When :meth:`tick` is due; ``None``: there is nothing to wait for."""
        return self._final_due_s if self._interim_s is not None else self._endpointer.deadline_s

    @property
    def _final_due_s(self) -> float | None:
        if self._interim_s is None or self._speaking:
            return None
        return max(self._interim_s, self._silent_since_s or 0.0) + self._final_timeout_s

    def speech_started(self, now_s: float) -> Events:
        """VAD hears the caller."""
        self._speaking = True
        return self._endpointer.speech_started(now_s)

    def speech_stopped(self, now_s: float, *, silence_s: float = 0.0) -> Events:
        """VAD heard the caller fall silent ``silence_s`` seconds ago."""
        self._speaking = False
        self._silent_since_s = now_s - silence_s
        return self._released(now_s)

    def interim(self, text: str, now_s: float) -> Events:
        """Takes the place of the previous interim; an empty one withdraws it."""
        if text.strip():
            self._endpointer.speech_started(now_s)
            self._interim_s = now_s
            self._note_words(now_s)
        else:
            self._interim_s = None
        return self._whole(self._endpointer.partial(text, now_s)) + self._released(now_s)

    def final(self, text: str, now_s: float) -> Events:
        """The final of the interim before it, or of its own."""
        self._interim_s = None
        if text.strip():
            self._note_words(now_s)
            self._has_final = True
        return self._whole(self._endpointer.final(text, now_s)) + self._released(now_s)

    def prediction(self, p: float, now_s: float, revision: int) -> Events:
        """See :meth:`turn_detection.Endpointer.prediction`."""
        return self._whole(self._endpointer.prediction(p, now_s, revision))

    def tick(self, now_s: float) -> Events:
        """Time has passed."""
        if self._final_due_s is not None and now_s >= self._final_due_s:
            if not self._has_final:
                self._first_words_s = None
            return self.interim("", now_s)
        return self._whole(self._endpointer.tick(now_s))

    def turn_started(self) -> None:
        """The owner opened a turn: what was decided before is not part of it, what waits for a decision is."""
        self._said = ""

    def turn_over(self, now_s: float) -> None:
        """The owner's turn has ended, whoever ended it: forget its words."""
        self._forget_words()
        self._said = ""
        self._endpointer.agent_turn("", now_s)
        self._released(now_s)

    def _note_words(self, now_s: float) -> None:
        if self._first_words_s is None:
            self._first_words_s = now_s

    def _released(self, now_s: float) -> Events:
        """Report silence to the endpointer once VAD and the recogniser agree on it."""
        if not self.silent:
            return ()
        silence_s = 0.0
        if self._silent_since_s is not None:
            first_words_s = now_s if self._first_words_s is None else self._first_words_s
            # Words that first come long after VAD's last report are not from that speech.
            if first_words_s - self._silent_since_s <= self.policy.max_delay_s:
                silence_s = now_s - self._silent_since_s
        return self._whole(self._endpointer.speech_stopped(now_s, silence_s=silence_s))

    def _whole(self, events: Iterable[EndpointingEvent]) -> Events:
        """The same events with the text of the whole turn."""
        whole: list[EndpointingEvent] = []
        for event in events:
            if isinstance(event, PredictionNeeded | EndOfTurn):
                event = replace(event, text=f"{self._said} {event.text}".strip())
            if isinstance(event, EndOfTurn):
                self._forget_words()
                self._said = event.text
            whole.append(event)
        return tuple(whole)
