"""The vendor's own client against the fake's single-context socket; no client speaks the other one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anyio.to_thread
import pytest
from dialog_elevenlabs.session import ElevenLabs
from dialog_elevenlabs.testing import FakeElevenLabs, Fault, Script
from dialog_elevenlabs.testing_stage import new_settings, speech

from dialog_core.audio import TELEPHONE
from dialog_core.net.services import open_services
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.speech import say, sound
from dialog_core.testing.vendor import in_memory, served

elevenlabs = pytest.importorskip("elevenlabs")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.certify,
    real_loop,
    # The vendor's client reads a property that its WebSocket library has deprecated.
    pytest.mark.filterwarnings("ignore:ConnectionClosed.code:DeprecationWarning"),
]

Client = Callable[..., bytes]


def speak_with(url: str, texts: list[str], **options: Any) -> bytes:
    """Let the vendor's client speak; blocks."""
    client = elevenlabs.ElevenLabs(api_key=options.pop("api_key", "sk_eleven_test"), base_url=url)
    # The client makes every address of this socket a TLS one; the fake has no certificate.
    client.text_to_speech._ws_base_url = url.replace("http://", "ws://")

    def words() -> Iterator[str]:
        yield from texts

    return b"".join(
        client.text_to_speech.convert_realtime(
            "voice1",
            text=words(),
            model_id="eleven_flash_v2_5",
            output_format="ulaw_8000",
            **options,
        )
    )


@pytest.fixture
def fake() -> FakeElevenLabs:
    return FakeElevenLabs(latency=0, speed=0)


async def test_the_vendors_client_hears_what_is_spoken(fake: FakeElevenLabs) -> None:
    voice = elevenlabs.VoiceSettings(stability=0.5, similarity_boost=0.8, speed=0.9)
    async with served(fake) as url:
        heard = await anyio.to_thread.run_sync(
            lambda: speak_with(url, ["Hello there, ", "how are you? "], voice_settings=voice)
        )
    assert heard == speech(fake, "Hello there, how are you?")
    settings = fake.openings[0]["voice_settings"]
    assert {"stability": 0.5, "similarity_boost": 0.8, "speed": 0.9}.items() <= settings.items()


async def test_the_vendors_client_reads_an_error(fake: FakeElevenLabs) -> None:
    fake.scripts.append(Script(Fault.NAMELESS, error="quota_exceeded"))
    async with served(fake) as url:
        with pytest.raises(Exception, match="quota_exceeded"):
            await anyio.to_thread.run_sync(lambda: speak_with(url, ["Hello there. "]))


async def test_the_fakes_frames_are_the_vendors_types(fake: FakeElevenLabs) -> None:
    types = elevenlabs.types
    url = "wss://api.elevenlabs.io/v1/text-to-speech/v1/multi-stream-input"
    url += "?model_id=eleven_flash_v2_5&output_format=ulaw_8000&auto_mode=true"
    frames: list[dict[str, Any]] = []
    async with (
        in_memory(fake) as services,
        services.connect(url, headers={"xi-api-key": fake.api_key}) as socket,
    ):
        await socket.send('{"text": " ", "context_id": "r1"}')
        await socket.send('{"text": "Hello there. ", "context_id": "r1", "flush": true}')
        await socket.send('{"context_id": "r1", "close_context": true}')
        while not frames or not frames[-1].get("isFinal"):
            frames.append(json.loads(await socket.receive()))
    *chunks, final = frames
    for chunk in chunks:
        read = types.AudioOutputMulti.model_validate(chunk)
        assert read.audio
        assert read.context_id == "r1"
        assert read.alignment is not None
        assert len(read.alignment.chars) == len(read.alignment.char_start_times_ms)
    ended = types.FinalOutputMulti.model_validate(final)
    assert (ended.is_final, ended.context_id) == (True, "r1")


async def test_our_session_speaks_over_a_real_socket(fake: FakeElevenLabs) -> None:
    async with served(fake) as url, open_services(observe=lambda _: None) as services:
        settings = new_settings(fake, url=url.replace("http://", "ws://"))
        async with ElevenLabs(settings, services).open(TELEPHONE) as session:
            pieces = await say(session, "Hello. ", "There.")
    assert sound(pieces) == speech(fake, "Hello. There.")
