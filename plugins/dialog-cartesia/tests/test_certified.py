from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from dialog_cartesia.testing import FakeCartesia, Fault, Script

from dialog_core.audio import TELEPHONE
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.speech import synthesise
from dialog_core.testing.vendor import served

cartesia = pytest.importorskip("cartesia")

pytestmark = [pytest.mark.anyio, pytest.mark.certify, real_loop]

DEFAULTS: dict[str, Any] = {
    "model_id": "sonic-3",
    "voice": {"mode": "id", "id": "v1"},
    "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
    "language": "en",
    "add_timestamps": True,
}


@asynccontextmanager
async def client_of(fake: FakeCartesia, api_key: str = "sk_car_test") -> AsyncIterator[Any]:
    """A connection of the vendor's own client."""
    async with served(fake) as url:
        sockets = url.replace("http://", "ws://")
        async with (
            cartesia.AsyncCartesia(
                api_key=api_key, base_url=url, websocket_base_url=sockets
            ) as client,
            client.tts.websocket_connect() as connection,
        ):
            yield connection


@pytest.fixture
def fake() -> FakeCartesia:
    return FakeCartesia(latency=0, speed=0)


async def test_the_vendors_client_hears_a_whole_context(fake: FakeCartesia) -> None:
    async with client_of(fake) as connection:
        context = connection.context(context_id="turn-1", **DEFAULTS)
        await context.send(transcript="Hello, ", continue_=True, flush=True, **DEFAULTS)
        await context.push("world.")
        await context.no_more_inputs()
        events = [event async for event in context.receive()]
    kinds = [event.type for event in events]
    assert kinds[-1] == "done"
    assert {"chunk", "timestamps", "flush_done", "done"} == set(kinds)
    audio = b"".join(event.audio for event in events if event.type == "chunk")
    assert audio == synthesise("Hello, world.", TELEPHONE, fake.seconds_per_character).data
    spoken = [
        word
        for event in events
        if event.type == "timestamps"
        for word in event.word_timestamps.words
    ]
    assert spoken == ["Hello,", "world."]


async def test_the_vendors_client_reads_an_error(fake: FakeCartesia) -> None:
    fake.scripts.append(Script(Fault.FAIL, status=400))
    async with client_of(fake) as connection:
        context = connection.context(context_id="turn-2", **DEFAULTS)
        await context.push("Hello.")
        await context.no_more_inputs()
        events = [event async for event in context.receive()]
    assert events[-1].type == "error"
    assert events[-1].title == "scripted failure"


async def test_the_vendors_client_can_cancel(fake: FakeCartesia) -> None:
    fake.latency = 5.0
    async with client_of(fake) as connection:
        context = connection.context(context_id="turn-3", **DEFAULTS)
        await context.send(transcript="Never mind.", continue_=True, flush=True, **DEFAULTS)
        await context.cancel()
        with anyio.fail_after(60):
            await fake.until(lambda fake: fake.cancels)
    assert fake.cancels == ["turn-3"]


async def test_the_vendors_client_shares_a_socket_between_contexts(fake: FakeCartesia) -> None:
    async with client_of(fake) as connection:
        heard: dict[str, bytes] = {}
        contexts = [
            connection.context(context_id=name, **DEFAULTS) for name in ("One.", "Two or three.")
        ]
        for context, text in zip(contexts, ("One.", "Two or three."), strict=True):
            await context.push(text)
            await context.no_more_inputs()
        for context, text in zip(contexts, ("One.", "Two or three."), strict=True):
            events = [event async for event in context.receive()]
            heard[text] = b"".join(event.audio for event in events if event.type == "chunk")
    for text, audio in heard.items():
        assert audio == synthesise(text, TELEPHONE, fake.seconds_per_character).data
    assert len(fake.handshakes) == 1


async def test_the_vendors_client_is_refused_with_a_wrong_key(fake: FakeCartesia) -> None:
    with pytest.raises(Exception, match="401"):
        async with client_of(fake, api_key="sk_car_wrong"):
            pass
