"""The vendor's own SDK talks to the fakes of speech and of Responses: what it accepts, a client may rely on."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dialog_openai.testing import (
    FakeOpenAI,
    FakeRealtime,
    FakeSpeech,
    FakeTranscriber,
    Fault,
    RealtimeFault,
    Refuse,
    Reply,
    Synthesis,
)
from starlette.types import ASGIApp

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.messages import ToolCall
from dialog_core.testing.hearing import voiced
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.speech import synthesise
from dialog_core.testing.vendor import served
from dialog_core.wav import Wav, write

openai = pytest.importorskip("openai")
realtime = pytest.importorskip("openai.types.realtime")

pytestmark = [pytest.mark.anyio, pytest.mark.certify, real_loop]

PHRASE = "a table for two"
BOOK = ToolCall("call_1", "book", '{"seats": 3}')
PCM = AudioFormat(Encoding.PCM16, 24_000)
RESULT = "conversation.item.input_audio_transcription"


@asynccontextmanager
async def sdk(app: ASGIApp) -> AsyncIterator[Any]:
    """The SDK's client, whose server is a fake."""
    async with (
        served(app) as base,
        openai.AsyncOpenAI(api_key="sk-test", base_url=f"{base}/v1", max_retries=0) as client,
    ):
        yield client


def session(detection: dict[str, Any] | None, **options: Any) -> dict[str, Any]:
    """A configuration."""
    heard = {
        "format": {"type": "audio/pcmu"},
        "noise_reduction": {"type": "near_field"},
        "transcription": {"model": "gpt-4o-transcribe", "language": "en", "prompt": "tables"},
        "turn_detection": detection,
    }
    return {"type": "transcription", "audio": {"input": {**heard, **options}}}


async def until(connection: Any, kind: str) -> list[Any]:
    """Events up to one of this type."""
    events = []
    async for event in connection:
        events.append(event)
        if event.type == kind:
            return events
    raise AssertionError("the connection ended")


SEMANTIC = {"type": "semantic_vad", "eagerness": "high"}
SERVER = {
    "type": "server_vad",
    "threshold": 0.4,
    "prefix_padding_ms": 200,
    "silence_duration_ms": 300,
}


@pytest.mark.parametrize("detection", [SERVER, SEMANTIC, None])
async def test_the_sdk_reads_a_transcription_session(detection: dict[str, Any] | None) -> None:
    fake = FakeRealtime((PHRASE,), latency=0.02)
    async with (
        sdk(fake.app) as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        await connection.session.update(session=session(detection))
        (created, updated) = await until(connection, "session.updated")
        audio = voiced(PHRASE, TELEPHONE) + TELEPHONE.silence(1.0)
        await connection.input_audio_buffer.append(audio=b64encode(audio).decode())
        if detection is None:
            await connection.input_audio_buffer.commit()
        events = await until(connection, f"{RESULT}.completed")
    assert type(created) is realtime.SessionCreatedEvent
    assert type(updated) is realtime.SessionUpdatedEvent
    by_type = {event.type: event for event in events}
    committed = by_type["input_audio_buffer.committed"]
    assert type(committed) is realtime.InputAudioBufferCommittedEvent
    assert (
        type(by_type[f"{RESULT}.delta"])
        is realtime.ConversationItemInputAudioTranscriptionDeltaEvent
    )
    completed = events[-1]
    assert type(completed) is realtime.ConversationItemInputAudioTranscriptionCompletedEvent
    assert completed.transcript == PHRASE
    assert completed.item_id == committed.item_id
    deltas = [event.delta for event in events if event.type == f"{RESULT}.delta"]
    assert "".join(deltas) == PHRASE
    if detection is not None:
        began, ended = (
            by_type[f"input_audio_buffer.speech_{what}"] for what in ("started", "stopped")
        )
        assert type(began) is realtime.InputAudioBufferSpeechStartedEvent
        assert type(ended) is realtime.InputAudioBufferSpeechStoppedEvent
        assert began.audio_start_ms == 0
        assert ended.audio_end_ms > 1000
    assert fake.refused == []


async def test_the_sdk_reads_the_realtime_errors() -> None:
    fake = FakeRealtime((PHRASE,), faults=(RealtimeFault(failing=frozenset({0})),), latency=0.02)
    async with (
        sdk(fake.app) as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        await connection.session.update(session=session(None))
        await until(connection, "session.updated")
        await connection.input_audio_buffer.commit()
        *_, error = await until(connection, "error")
        await connection.input_audio_buffer.clear()
        *_, cleared = await until(connection, "input_audio_buffer.cleared")
        audio = voiced(PHRASE, TELEPHONE)
        await connection.input_audio_buffer.append(audio=b64encode(audio).decode())
        await connection.input_audio_buffer.commit()
        *_, failed = await until(connection, f"{RESULT}.failed")
    assert type(error) is realtime.RealtimeErrorEvent
    assert error.error.code == "input_audio_buffer_commit_empty"
    assert type(cleared) is realtime.InputAudioBufferClearedEvent
    assert type(failed) is realtime.ConversationItemInputAudioTranscriptionFailedEvent


async def test_the_sdk_s_beta_is_refused_as_the_server_refuses_it() -> None:
    fake = FakeRealtime()
    headers = {"OpenAI-Beta": "realtime=v1"}
    async with (
        sdk(fake.app) as client,
        client.realtime.connect(
            extra_query={"intent": "transcription"}, extra_headers=headers
        ) as connection,
    ):
        event = await connection.recv()
    assert event.error.code == "beta_api_shape_disabled"


@pytest.mark.parametrize("model", ["gpt-4o-mini-transcribe", "whisper-1"])
async def test_the_sdk_uploads_a_file_and_reads_its_transcript(model: str) -> None:
    fake = FakeTranscriber((PHRASE,))
    file = write(Wav(PCM, voiced(PHRASE, PCM)))
    async with sdk(fake.app) as client:
        answer = await client.audio.transcriptions.create(
            file=("speech.wav", file), model=model, language="en"
        )
    assert answer.text == PHRASE
    assert fake.uploads[0].fields["language"] == "en"


async def test_the_sdk_reads_a_transcript_as_it_comes() -> None:
    file = write(Wav(PCM, voiced(PHRASE, PCM)))
    async with sdk(FakeTranscriber((PHRASE,)).app) as client:
        stream = await client.audio.transcriptions.create(
            file=("speech.wav", file),
            model="gpt-4o-transcribe",
            stream=True,
            include=["logprobs"],
        )
        events = [event async for event in stream]
    assert "".join(e.delta for e in events if e.type == "transcript.text.delta") == PHRASE
    assert type(events[-1]).__name__ == "TranscriptionTextDoneEvent"
    assert events[-1].text == PHRASE
    assert events[-1].logprobs[0].logprob == pytest.approx(-0.1)


async def test_the_sdk_reads_words_and_their_times() -> None:
    file = write(Wav(PCM, voiced(PHRASE, PCM)))
    async with sdk(FakeTranscriber((PHRASE,)).app) as client:
        answer = await client.audio.transcriptions.create(
            file=("speech.wav", file),
            model="whisper-1",
            response_format="verbose_json",
            timestamp_granularities=["word"],
        )
    assert [word.word for word in answer.words] == PHRASE.split()
    assert answer.words[-1].end == pytest.approx(answer.duration)


async def test_the_sdk_streams_speech() -> None:
    fake = FakeSpeech([Synthesis(between=0.001)])
    async with (
        sdk(fake.app) as client,
        client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts",
            voice="marin",
            input="Hello there.",
            instructions="Be calm.",
            speed=1.1,
            response_format="pcm",
        ) as response,
    ):
        audio = b"".join([chunk async for chunk in response.iter_bytes()])
    assert audio == synthesise("Hello there.", PCM, 0.05).data
    assert fake.requests[0]["instructions"] == "Be calm."


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Refuse(401), openai.AuthenticationError),
        (Refuse(429), openai.RateLimitError),
        (Refuse(500), openai.InternalServerError),
    ],
)
async def test_the_sdk_knows_the_errors_of_speech(answer: Refuse, kind: type[Exception]) -> None:
    async with sdk(FakeSpeech([answer]).app) as client:
        with pytest.raises(kind) as caught:
            await client.audio.speech.create(
                model="gpt-4o-mini-tts", voice="alloy", input="Hello.", response_format="pcm"
            )
    assert getattr(caught.value, "request_id", None) == "req_fake"


async def respond(fake: FakeOpenAI, **fields: Any) -> list[Any]:
    """All events of one answer, as the SDK reads them."""
    async with sdk(fake.app) as client:
        stream = await client.responses.create(
            model="gpt-x", stream=True, store=False, **{"input": "Hello?", **fields}
        )
        return [event async for event in stream]


async def test_the_sdk_reads_a_response_as_it_comes() -> None:
    tools = [{"type": "function", "name": "book", "parameters": {}, "strict": False}]
    events = await respond(FakeOpenAI([Reply("One moment.", (BOOK,))]), tools=tools)
    assert type(events[0]).__name__ == "ResponseCreatedEvent"
    assert type(events[-1]).__name__ == "ResponseCompletedEvent"
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    assert {type(event).__name__ for event in deltas} == {"ResponseTextDeltaEvent"}
    assert "".join(event.delta for event in deltas) == "One moment."
    response = events[-1].response
    call = next(item for item in response.output if item.type == "function_call")
    assert (call.call_id, call.name, call.arguments) == ("call_1", "book", '{"seats": 3}')
    assert (response.output_text, response.usage.output_tokens) == ("One moment.", 2)
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_the_sdk_may_answer_a_tool_call() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "book", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "done"}
    asked = [{"role": "user", "content": "A table."}, call, result]
    events = await respond(FakeOpenAI(["Booked."]), input=asked, reasoning={"effort": "low"})
    assert events[-1].response.output_text == "Booked."


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens")])
async def test_the_sdk_knows_an_answer_that_was_cut(finish: str, reason: str) -> None:
    events = await respond(FakeOpenAI([Reply("One", finish=finish)]))
    assert type(events[-1]).__name__ == "ResponseIncompleteEvent"
    assert events[-1].response.incomplete_details.reason == reason


async def test_the_sdk_is_told_of_an_error_inside_of_a_response() -> None:
    events = await respond(FakeOpenAI([Reply("Hello there.", fault=Fault.ERROR, after=3)]))
    assert type(events[-1]).__name__ == "ResponseErrorEvent"
    assert (events[-1].code, events[-1].message) == ("server_error", "overloaded")
