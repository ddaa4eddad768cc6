"""Pipecat: end the turn when several stop strategies agree, for example text and audio. Extra: ``pipecat``.

Pipecat takes the first of its stop strategies; :class:`StopWhenAllAgree` makes one of several that takes the last.
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInputError, MissingExtraError

try:
    from pipecat.frames.frames import Frame, VADUserStartedSpeakingFrame
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
    from pipecat.turns.types import ProcessFrameResult
    from pipecat.turns.user_stop import BaseUserTurnStopStrategy, UserTurnStoppedParams
except ImportError as error:
    raise MissingExtraError("the Pipecat turn strategy", "pipecat", error.name) from error


class StopWhenAllAgree(BaseUserTurnStopStrategy):
    """Ends the turn once every inner strategy has ended it within the same silence.

    A strategy that has a true attribute ``undecided`` (:class:`~.pipecat.RussianTurnStopStrategy` while new words wait) has not
    agreed, whatever it said before. When the inner strategies never agree, the aggregator's ``user_turn_stop_timeout`` ends the turn.

    Args:
        *strategies: two or more; they are set up, fed and cleaned up by this one.
        **kwargs: for the base class.

    Raises:
        InvalidInputError: fewer than two strategies.
    """

    def __init__(self, *strategies: BaseUserTurnStopStrategy, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if len(strategies) < 2:
            raise InvalidInputError("StopWhenAllAgree needs two strategies or more")
        self._inner = strategies
        self._agreed: set[BaseUserTurnStopStrategy] = set()

    @property
    def resolves_proposed_turn_stop_frames(self) -> bool:
        """As the inner strategies do."""
        return any(strategy.resolves_proposed_turn_stop_frames for strategy in self._inner)

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Set up the inner strategies and listen to them."""
        await super().setup(setup)
        self._agreed.clear()
        for strategy in self._inner:
            await strategy.setup(setup)
            strategy.add_event_handler("on_push_frame", self._on_push_frame)
            strategy.add_event_handler("on_broadcast_frame", self._on_broadcast_frame)
            strategy.add_event_handler("on_user_turn_stopped", self._on_inner_stopped)

    async def cleanup(self) -> None:
        """Clean up the inner strategies."""
        await super().cleanup()
        for strategy in self._inner:
            await strategy.cleanup()
            strategy.remove_event_handler("on_push_frame", self._on_push_frame)
            strategy.remove_event_handler("on_broadcast_frame", self._on_broadcast_frame)
            strategy.remove_event_handler("on_user_turn_stopped", self._on_inner_stopped)

    async def handle_user_turn_started(self) -> None:
        """Pass on."""
        self._agreed.clear()
        for strategy in self._inner:
            await strategy.handle_user_turn_started()

    async def handle_user_turn_stopped(self) -> None:
        """Pass on."""
        self._agreed.clear()
        for strategy in self._inner:
            await strategy.handle_user_turn_stopped()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Pass on; speech takes back what was agreed."""
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._agreed.clear()
        for strategy in self._inner:
            if await strategy.process_frame(frame) == ProcessFrameResult.STOP:
                return ProcessFrameResult.STOP
        return ProcessFrameResult.CONTINUE

    async def _on_inner_stopped(self, strategy: BaseUserTurnStopStrategy, _: UserTurnStoppedParams) -> None:
        self._agreed.add(strategy)
        if len(self._agreed) == len(self._inner) and not any(getattr(s, "undecided", False) for s in self._inner):
            await self.trigger_user_turn_stopped()

    async def _on_push_frame(
        self, _: BaseUserTurnStopStrategy, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        await self.push_frame(frame, direction)

    async def _on_broadcast_frame(self, _: BaseUserTurnStopStrategy, frame_cls: type[Frame], **kwargs: Any) -> None:
        await self.broadcast_frame(frame_cls, **kwargs)
