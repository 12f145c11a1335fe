from __future__ import annotations

import anyio
import pytest
from dialog_elevenlabs.testing import FakeElevenLabs
from dialog_elevenlabs.testing_stage import speech, stage

from dialog_core.audio import TELEPHONE, AudioOut
from dialog_core.errors import ProviderError, ProviderUnavailable
from dialog_core.testing.speech import lasts, pass_time, say, segment, sound
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

LONG = "A long sentence that nobody wants to hear."


@pytest.mark.requirement("A.29")
@pytest.mark.parametrize(("contexts", "sockets"), [(5, 1), (6, 2), (12, 3)])
async def test_replies_beyond_the_vendors_limit_wait_or_take_another_socket(
    contexts: int, sockets: int
) -> None:
    fake = FakeElevenLabs()
    said: list[bytes] = []
    async with stage(fake, contexts=contexts) as on:

        async def call(reply: int) -> None:
            said.append(sound(await say(on.session, LONG, reply=reply)))

        async with anyio.create_task_group() as tasks:
            for reply in range(12):
                tasks.start_soon(call, reply)
    assert said == [speech(fake, LONG)] * 12
    assert len(fake.handshakes) == sockets
    assert fake.most == 5


async def test_a_reply_that_was_cut_off_keeps_its_place_until_the_vendor_has_ended_it() -> None:
    fake = FakeElevenLabs(contexts=1)
    async with stage(fake, contexts=1) as on:
        for reply in (1, 2, 3):
            async with on.session.voice(reply) as voice:
                await voice.speak(segment(0, LONG, reply))
                await anext(voice.audio())
        assert sound(await say(on.session, "Next.", reply=4)) == speech(fake, "Next.")
    assert len(fake.handshakes) == 1


async def test_a_reply_that_waits_too_long_for_a_context_is_given_up() -> None:
    fake = FakeElevenLabs()
    async with stage(fake, contexts=1, queue_timeout=1.0) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "I stay."))
        with pytest.raises(ProviderUnavailable, match="no context came free within 1 s"):
            await say(on.session, "Second.")


async def test_the_queue_for_contexts_is_bounded() -> None:
    fake = FakeElevenLabs()
    async with stage(fake, contexts=1, queue=0) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "I stay."))
        with pytest.raises(ProviderUnavailable, match="already wait"):
            await say(on.session, "Second.")


async def test_a_context_that_waits_for_a_tool_does_not_count_as_silent() -> None:
    fake = FakeElevenLabs()
    async with stage(fake, first_audio=1.0) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        pieces: list[AudioOut] = []

        async def listen() -> None:
            pieces.extend([piece async for piece in stream])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await voice.speak(segment(0, "Let me look."))
            await pass_time(30)
            await voice.speak(segment(1, "There."))
            await voice.finish()
    assert lasts(pieces) == [0, 1]


async def test_speaking_waits_while_the_caller_is_far_behind() -> None:
    fake = FakeElevenLabs()
    pieces: list[AudioOut] = []
    async with stage(fake, buffer=6.0) as on, on.session.voice(1) as voice:

        async def speak() -> None:
            for index in range(8):
                await voice.speak(segment(index, "Some words that take a while."))
            await voice.finish()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak)
            async for piece in voice.audio():
                pieces.append(piece)
                await pass_time(TELEPHONE.seconds(len(piece.data)))
    assert lasts(pieces) == list(range(8))
    assert sound(pieces) == speech(fake, "Some words that take a while. ") * 8


async def test_a_reply_that_nobody_takes_fails_alone() -> None:
    fake = FakeElevenLabs()
    async with stage(fake, buffer=1.0) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "Far more than one second of words in one piece."))
        await pass_time(5)
        assert sound(await say(on.session, "Fine.", reply=2)) == speech(fake, "Fine.")
        with pytest.raises(ProviderError, match="were not taken"):
            _ = [piece async for piece in voice.audio()]


# --- the fake is as strict as the vendor


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (["{"], "not a JSON object"),
        (["[]"], "not a JSON object"),
        (['{"text": "Hello.", "context_id": "r"}'], "single blank"),
        (['{"text": " ", "context_id": "r", "voice_settings": {"speed": 2}}'], "from 0.7 to 1.2"),
        (['{"text": " ", "context_id": "r", "voice": "x"}'], "not a field"),
        (
            [
                '{"text": "", "context_id": "r"}',
                '{"text": " ", "context_id": "r", "voice_settings": {}}',
            ],
            "only be in the first message",
        ),
        (
            [f'{{"text": " ", "context_id": "r{number}"}}' for number in range(6)],
            "too many contexts",
        ),
    ],
)
async def test_the_fake_closes_the_socket_for_what_the_vendor_would(
    messages: list[str], said: str
) -> None:
    fake = FakeElevenLabs()
    url = "wss://api.elevenlabs.io/v1/text-to-speech/v1/multi-stream-input"
    url += "?model_id=eleven_flash_v2_5&output_format=ulaw_8000"
    async with (
        in_memory(fake) as services,
        services.connect(url, headers={"xi-api-key": fake.api_key}) as socket,
    ):
        for message in messages:
            await socket.send(message)
        assert said in str(await socket.receive())
