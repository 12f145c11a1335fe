"""The same job on pipecat, for comparison: Twilio, Deepgram, OpenAI, Cartesia and Silero, all on the bench's vendors.

Run by :mod:`contrib.bench.pipecat_calls` in an environment of its own: ``python pipecat_agent.py CORE PORT``. It prints
its address. Settings are pipecat's own unless the job needs others: 8 kHz throughout, as the telephone has it; the end
of a turn after 0.5 s of silence (0.2 s until its voice detector says so, and 0.3 s), without a model that judges it.
"""

from __future__ import annotations

import json
import os
import sys
import threading

import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.turns.user_stop.speech_timeout_user_turn_stop_strategy import (
    SpeechTimeoutUserTurnStopStrategy,
)
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

GREETING = "Hello, this is the front desk of the hotel."
INSTRUCTIONS = "You are the receptionist of a small hotel by the sea."
RATE = 8000
SPEECH_TIMEOUT = 0.3
SETTLED = 0.35
"""Seconds in which the recogniser settles words; pipecat would wait longer for the real one."""

app = FastAPI()
vendors = sys.argv[2]


def new_pipeline(transport: FastAPIWebsocketTransport) -> Pipeline:
    """Recogniser, model and voice between the two ends of a line."""
    stt = DeepgramSTTService(
        api_key="bench", base_url=f"ws://127.0.0.1:{vendors}", ttfs_p99_latency=SETTLED
    )
    llm = OpenAILLMService(
        api_key="bench",
        base_url=f"http://127.0.0.1:{vendors}/v1",
        settings=OpenAILLMService.Settings(model="gpt-4.1-mini"),
    )
    tts = CartesiaTTSService(
        api_key="bench",
        url=f"ws://127.0.0.1:{vendors}/tts/websocket",
        settings=CartesiaTTSService.Settings(voice="f786b574-daa5-4673-aa0c-cbe3e8534c02"),
    )
    context = LLMContext([{"role": "system", "content": INSTRUCTIONS}])
    strategies = UserTurnStrategies(
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=SPEECH_TIMEOUT)]
    )
    aggregators = LLMContextAggregatorPair(
        context,
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(), user_turn_strategies=strategies
        ),
    )
    return Pipeline(
        [
            transport.input(),
            stt,
            aggregators.user(),
            llm,
            tts,
            transport.output(),
            aggregators.assistant(),
        ]
    )


@app.websocket("/ws")
async def call(websocket: WebSocket) -> None:
    """One call, from its start message on."""
    await websocket.accept()
    await websocket.receive_text()
    start = json.loads(await websocket.receive_text())
    transport = FastAPIWebsocketTransport(
        websocket,
        FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            add_wav_header=False,
            serializer=TwilioFrameSerializer(
                start["streamSid"], params=TwilioFrameSerializer.InputParams(auto_hang_up=False)
            ),
        ),
    )
    pipeline = new_pipeline(transport)
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
    )

    @transport.event_handler("on_client_connected")
    async def connected(_transport: object, _client: object) -> None:
        await worker.queue_frames([TTSSpeakFrame(GREETING)])

    @transport.event_handler("on_client_disconnected")
    async def disconnected(_transport: object, _client: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


class Server(uvicorn.Server):
    """Tells its address when it is ready."""

    async def startup(self, sockets: list[object] | None = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(json.dumps({"url": f"ws://127.0.0.1:{port}/ws"}), flush=True)


def until_closed() -> None:
    """End with the input."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serve."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    threading.Thread(target=until_closed, daemon=True).start()
    config = uvicorn.Config(app, port=0, log_level="warning", access_log=False)
    uvloop.run(Server(config).serve())


if __name__ == "__main__":
    main()
