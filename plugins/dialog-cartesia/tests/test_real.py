from __future__ import annotations

import anyio
import pytest
from dialog_cartesia.session import Cartesia
from dialog_cartesia.testing import FakeCartesia
from dialog_cartesia.testing_stage import new_settings, speech

from dialog_core.audio import TELEPHONE
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.speech import say, segment, sound
from dialog_core.testing.vendor import served

pytestmark = [pytest.mark.anyio, real_loop]


@pytest.mark.requirement("A.28", "B.23")
async def test_calls_speak_and_are_interrupted_over_a_real_socket() -> None:
    fake = FakeCartesia(latency=0, speed=0, contexts=100)
    observed: list[Observation] = []
    said: list[bytes] = []

    async with served(fake) as url, open_services(observe=observed.append) as services:
        settings = new_settings(fake, url=url.replace("http://", "ws://"), contexts=100)

        async def call(reply: int) -> None:
            async with Cartesia(settings, services).open(TELEPHONE) as session:
                async with session.voice(reply) as voice:
                    await voice.speak(segment(0, "Nobody wants to hear this. ", reply))
                    await anext(voice.audio())
                said.append(sound(await say(session, "Hello. ", "There.", reply=reply)))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for reply in range(20):
                    tasks.start_soon(call, reply)
    assert said == [speech(fake, "Hello. There.")] * 20
    assert len(fake.handshakes) == 1


async def test_a_lost_real_socket_is_replaced() -> None:
    fake = FakeCartesia(latency=0, speed=50)
    async with served(fake) as url, open_services(observe=lambda _: None) as services:
        settings = new_settings(fake, url=url.replace("http://", "ws://"))
        async with (
            Cartesia(settings, services).open(TELEPHONE) as session,
            session.voice(1) as voice,
        ):
            await voice.speak(segment(0, "This is cut in the middle."))
            await voice.finish()
            stream = voice.audio()
            with anyio.fail_after(60):
                pieces = [await anext(stream)]
                fake.drop_sockets()
                pieces += [piece async for piece in stream]
    assert sound(pieces) == speech(fake, "This is cut in the middle.")
    assert len(fake.handshakes) == 2
