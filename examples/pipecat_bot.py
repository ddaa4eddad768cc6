"""A Pipecat bot that speaks Russian and waits for the caller to finish.

    pip install 'turn-detection[pipecat]'
    export OPENAI_API_KEY=...
    python examples/pipecat_bot.py [--with-audio] [--port 8765]

It serves one caller at a time over a WebSocket with Pipecat's protobuf frames, which Pipecat's own web clients speak. Recogniser, language
model and voice are OpenAI's; put your provider's services in their place. With ``--with-audio`` a turn ends only when our model (what was
said) and Smart Turn (how it sounded) agree; Smart Turn comes with pipecat-ai.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAIRealtimeSTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transcriptions.language import Language
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)
from pipecat.turns.user_stop import BaseUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from turn_detection.plugins.pipecat import RussianTurnStopStrategy
from turn_detection.plugins.pipecat_agreement import StopWhenAllAgree

INSTRUCTIONS = "Ты голосовой помощник. Говори по-русски, коротко, без разметки."


def stop_strategy(context: LLMContext, *, with_audio: bool = False) -> BaseUserTurnStopStrategy:
    """Text alone, or text and audio."""
    text = RussianTurnStopStrategy(context=context)
    if not with_audio:
        return text
    from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
    from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy

    return StopWhenAllAgree(text, TurnAnalyzerUserTurnStopStrategy(turn_analyzer=LocalSmartTurnAnalyzerV3()))


def make_worker(transport: BaseTransport, api_key: str, *, with_audio: bool = False) -> PipelineWorker:
    """The whole pipeline of one caller."""
    context = LLMContext([{"role": "system", "content": INSTRUCTIONS}])
    user, assistant = LLMContextAggregatorPair(
        context,
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(),
            user_turn_strategies=UserTurnStrategies(
                stop=[stop_strategy(context, with_audio=with_audio)]
            ),  # the one line
        ),
    )
    pipeline = Pipeline(
        [
            transport.input(),
            OpenAIRealtimeSTTService(
                api_key=api_key, settings=OpenAIRealtimeSTTService.Settings(language=Language.RU), turn_detection=False
            ),
            user,
            OpenAILLMService(api_key=api_key),
            OpenAITTSService(api_key=api_key),
            transport.output(),
            assistant,
        ]
    )
    return PipelineWorker(pipeline, params=PipelineParams(enable_metrics=True))


async def serve(api_key: str, *, host: str, port: int, with_audio: bool) -> None:
    """Wait for a caller and talk until the process is stopped."""
    params = SingleClientWebsocketServerParams(
        audio_in_enabled=True, audio_out_enabled=True, serializer=ProtobufFrameSerializer()
    )
    transport = SingleClientWebsocketServerTransport(params, host=host, port=port)
    worker = make_worker(transport, api_key, with_audio=with_audio)

    async def greet(*_: object) -> None:
        await worker.queue_frame(LLMRunFrame())

    transport.add_event_handler("on_client_connected", greet)
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with-audio", action="store_true", help="end a turn only when text and audio agree")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765)
    arguments = parser.parse_args()
    api_key = os.environ.get("OPENAI_API_KEY")
    if not api_key:
        print(
            "set OPENAI_API_KEY in the environment; without keys: python examples/pipecat_offline.py", file=sys.stderr
        )
        return 2
    asyncio.run(serve(api_key, host=arguments.host, port=arguments.port, with_audio=arguments.with_audio))
    return 0


if __name__ == "__main__":
    sys.exit(main())
