from __future__ import annotations

import anyio
import pytest
from dialog_cartesia.testing import FakeCartesia, Fault, Script
from dialog_cartesia.testing_stage import speech, stage

from dialog_core.audio import TELEPHONE, AudioOut
from dialog_core.errors import (
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.testing.speech import lasts, pass_time, say, segment, sound
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio


async def test_a_reply_beyond_the_contexts_waits_for_its_turn() -> None:
    fake = FakeCartesia(contexts=1)
    async with stage(fake, contexts=1) as on, anyio.create_task_group() as tasks:
        tasks.start_soon(say, on.session, "First.")
        tasks.start_soon(say, on.session, "Second.")
    assert len(fake.transcripts) == 2


async def test_a_reply_that_waits_too_long_for_a_context_is_given_up() -> None:
    fake = FakeCartesia()
    async with stage(fake, contexts=1, queue_timeout=1.0) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "I stay."))
        with pytest.raises(ProviderUnavailable, match="no context came free within 1 s"):
            await say(on.session, "Second.")


async def test_the_queue_for_contexts_is_bounded() -> None:
    fake = FakeCartesia()
    async with stage(fake, contexts=1, queue=0) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "I stay."))
        with pytest.raises(ProviderUnavailable, match="already wait"):
            await say(on.session, "Second.")


async def test_speaking_waits_while_the_caller_is_far_behind() -> None:
    fake = FakeCartesia()
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
    fake = FakeCartesia()
    async with stage(fake, buffer=1.0) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "Far more than one second of words in one piece."))
        await pass_time(5)
        assert sound(await say(on.session, "Fine.", reply=2)) == speech(fake, "Fine.")
        with pytest.raises(ProviderError, match="were not taken"):
            _ = [piece async for piece in voice.audio()]


async def test_a_cancelled_reply_gives_its_context_back() -> None:
    fake = FakeCartesia(contexts=5)
    async with stage(fake, contexts=1) as on:
        async with on.session.voice(1) as voice:
            await voice.speak(segment(0, "Never mind."))
        assert await say(on.session, "Next.")


async def test_an_error_of_one_reply_leaves_the_other_alone() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.FAIL, after=1, status=500))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable):
            await say(on.session, "Broken.")
        assert sound(await say(on.session, "Fine.")) == speech(fake, "Fine.")
    assert len(fake.handshakes) == 1


async def test_too_many_contexts_at_the_vendor_is_no_reason_to_give_up_for_good() -> None:
    fake = FakeCartesia(contexts=1)
    async with stage(fake, contexts=5) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "I stay."))
        with pytest.raises(ProviderUnavailable, match="too many concurrent contexts"):
            await say(on.session, "Second.", reply=2)


async def test_a_request_that_the_vendor_refuses_is_rejected() -> None:
    fake = FakeCartesia()
    async with stage(fake, model="sonic-9", version="2025-04-16") as on:
        with pytest.raises(ProviderRejected, match="Invalid model"):
            await say(on.session, "Hello.")


@pytest.mark.parametrize("raw", ["{", "[]", "1", "{}", '{"context_id": []}', '{"cancel": true}'])
async def test_the_fake_refuses_what_names_no_context_and_keeps_the_socket(raw: str) -> None:
    fake = FakeCartesia()
    headers = {"authorization": f"Bearer {fake.api_key}", "cartesia-version": "2026-03-01"}
    async with (
        in_memory(fake) as services,
        services.connect("wss://api.cartesia.ai/tts/websocket", headers=headers) as socket,
    ):
        for _ in range(2):
            await socket.send(raw)
            assert '"status_code": 400' in str(await socket.receive())
