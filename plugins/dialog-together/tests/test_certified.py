"""The vendor's own client against the fake's recogniser and chat, and OpenAI's against its chat."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from dialog_together.listen import TogetherListener
from dialog_together.speak import TogetherSpeaker
from dialog_together.testing import KEY, FakeTogether
from dialog_together.testing_stage import stt_settings, tts_settings

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.net.services import open_services
from dialog_core.testing.hearing import voiced
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.speech import say, sound
from dialog_core.testing.vendor import served

together = pytest.importorskip("together")

pytestmark = [pytest.mark.anyio, pytest.mark.certify, real_loop]

MODEL = "openai/whisper-large-v3"
PHRASE = "I would like a table"
PCM = AudioFormat(Encoding.PCM16, 16000)
OPTIONS: dict[str, Any] = {"model": MODEL, "input_audio_format": "pcm_s16le_16000"}


async def next_event(connection: Any, kind: str) -> Any:
    """The next event of a kind; none on the way may be unknown to the client but its own configuration."""
    with anyio.fail_after(60):
        while True:
            event = await connection.recv()
            known = type(event).__name__ != "UnknownEvent"
            assert known or event.type == "transcription_session.updated"
            if event.type == kind:
                return event


async def test_the_vendors_client_is_heard() -> None:
    fake = FakeTogether(script=[PHRASE])
    async with served(fake.app) as url:
        client = together.AsyncTogether(api_key=KEY, base_url=url)
        async with client.beta.realtime.connect(
            **OPTIONS, turn_detection={"type": "none"}
        ) as connection:
            await next_event(connection, "session.created")
            await connection.input_audio_buffer.append(voiced(PHRASE, PCM))
            transcription = "conversation.item.input_audio_transcription"
            delta = await next_event(connection, f"{transcription}.delta")
            assert PHRASE.startswith(delta.delta)
            await connection.input_audio_buffer.commit()
            completed = await next_event(connection, f"{transcription}.completed")
            assert completed.transcript == PHRASE
            await connection.input_audio_buffer.clear()
    received = fake.listening[0].received
    assert received[-1] == "input_audio_buffer.clear"
    assert fake.handshakes[0]["openai-beta"] == "realtime=v1"


async def test_the_vendors_client_is_refused_with_a_wrong_key() -> None:
    fake = FakeTogether()
    async with served(fake.app) as url:
        client = together.AsyncTogether(api_key="wrong", base_url=url)
        with pytest.raises(Exception, match="401"):
            async with client.beta.realtime.connect(**OPTIONS) as connection:
                await connection.recv()


async def test_the_vendors_client_chats() -> None:
    fake = FakeTogether(answers=["Hello there."])
    async with served(fake.app) as url:
        client = together.AsyncTogether(api_key=KEY, base_url=url)
        assert await chatted(client) == "Hello there."
    assert fake.requests[0]["stream"] is True


async def test_openais_client_chats() -> None:
    openai = pytest.importorskip("openai")
    fake = FakeTogether(answers=["Hello there."])
    async with served(fake.app) as url:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:
            assert await chatted(client) == "Hello there."


async def chatted(client: Any) -> str:
    """What a client makes of an answer."""
    messages = [{"role": "user", "content": "Hi."}]
    stream = await client.chat.completions.create(model="m", messages=messages, stream=True)
    text = ""
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
    return text.strip()


async def test_our_sessions_hear_and_speak_over_real_sockets() -> None:
    fake = FakeTogether(script=[PHRASE], latency=0, speed=0)
    async with served(fake.app) as url, open_services(observe=lambda _: None) as services:
        address = f"{url.replace('http://', 'ws://')}/v1"
        speaker = TogetherSpeaker(tts_settings(fake, url=address, completion=1.0), services)
        async with speaker.open(TELEPHONE) as session:
            spoken = sound(await say(session, "Hello there."))
        listener = TogetherListener(stt_settings(fake, url=address), services)
        async with listener.open(TELEPHONE):
            with anyio.fail_after(60):
                await fake.until(lambda fake: fake.listening)
    seconds = 12 * fake.seconds_per_character
    assert TELEPHONE.seconds(len(spoken)) == pytest.approx(
        seconds + fake.seconds_per_character, abs=0.1
    )
