"""Deepgram's own SDK talks to the fake: what it cannot read, or would not send, shows up here."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.to_thread
import pytest
from dialog_deepgram.testing import KEY, FakeDeepgram, Fault, spoken

from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

deepgram = pytest.importorskip("deepgram")

from deepgram import AsyncDeepgramClient, DeepgramClient  # noqa: E402
from deepgram.core.api_error import ApiError  # noqa: E402
from deepgram.core.events import EventType  # noqa: E402
from deepgram.environment import DeepgramClientEnvironment  # noqa: E402
from deepgram.listen.v1.types import (  # noqa: E402
    ListenV1Metadata,
    ListenV1Results,
    ListenV1SpeechStarted,
    ListenV1UtteranceEnd,
)
from deepgram.listen.v2.types import ListenV2Connected, ListenV2TurnInfo  # noqa: E402

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.certify,
    # The SDK still uses names that the websockets library is about to drop.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    real_loop,
]

VOCABULARY = ("I", "want", "to", "cancel")
LIVE: dict[str, Any] = {
    "model": "nova-3",
    "encoding": "mulaw",
    "sample_rate": 8000,
    "channels": 1,
    "interim_results": True,
    "endpointing": 300,
    "utterance_end_ms": 1000,
    "vad_events": True,
    "smart_format": True,
    "keyterm": ["acme corp", "b"],
    "language": "en-US",
}
FLUX: dict[str, Any] = {
    "model": "flux-general-en",
    "encoding": "mulaw",
    "sample_rate": 8000,
    "eot_threshold": 0.8,
    "eager_eot_threshold": 0.5,
    "keyterm": ["a", "b c"],
}


def environment(base: str) -> DeepgramClientEnvironment:
    sockets = base.replace("http", "ws", 1)
    return DeepgramClientEnvironment(base=base, production=sockets, agent=sockets, agent_rest=base)


def audio(silence: float = 1.5) -> list[bytes]:
    frames = spoken("I want to cancel", VOCABULARY, silence=silence)
    return [frame.data for frame in frames]


def fake(**options: Any) -> FakeDeepgram:
    return FakeDeepgram(vocabulary=VOCABULARY, **options)


def kinds(messages: list[Any]) -> set[type]:
    return {type(message) for message in messages}


@pytest.mark.requirement("A.26")
async def test_the_async_sdk_reads_every_live_message() -> None:
    server, closed = fake(), anyio.Event()
    messages: list[Any] = []
    async with served(server.app) as base:
        client = AsyncDeepgramClient(api_key=KEY, environment=environment(base))
        async with client.listen.v1.connect(**LIVE) as socket:
            socket.on(EventType.MESSAGE, messages.append)
            socket.on(EventType.CLOSE, lambda _: closed.set())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(socket.start_listening)
                for data in audio():
                    await socket.send_media(data)
                await socket.send_keep_alive()
                await socket.send_finalize()
                await socket.send_close_stream()
                with anyio.fail_after(60):
                    await closed.wait()
    assert kinds(messages) == {
        ListenV1Results, ListenV1SpeechStarted, ListenV1UtteranceEnd, ListenV1Metadata
    }  # fmt: skip
    results = [message for message in messages if isinstance(message, ListenV1Results)]
    settled = [each.channel.alternatives[0].transcript for each in results if each.is_final]
    assert " ".join(filter(None, settled)) == "I want to cancel"
    assert any(each.speech_final for each in results)
    assert any(each.from_finalize for each in results)
    assert server.connections[0].kinds() == ["KeepAlive", "Finalize", "CloseStream"]
    assert ("keyterm", "acme corp") in server.connections[0].query


async def test_the_sync_sdk_reads_every_live_message() -> None:
    server = fake()
    messages: list[Any] = []

    def converse(base: str) -> None:
        client = DeepgramClient(api_key=KEY, environment=environment(base))
        with client.listen.v1.connect(**LIVE) as socket:
            socket.on(EventType.MESSAGE, messages.append)
            for data in audio():
                socket.send_media(data)
            socket.send_finalize()
            socket.send_close_stream()
            socket.start_listening()

    async with served(server.app) as base:
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(converse, base)
    assert kinds(messages) == {
        ListenV1Results, ListenV1SpeechStarted, ListenV1UtteranceEnd, ListenV1Metadata
    }  # fmt: skip


async def test_the_async_sdk_reads_every_flux_message() -> None:
    server, closed = fake(), anyio.Event()
    messages: list[Any] = []
    async with served(server.app) as base:
        client = AsyncDeepgramClient(api_key=KEY, environment=environment(base))
        async with client.listen.v2.connect(**FLUX) as socket:
            socket.on(EventType.MESSAGE, messages.append)
            socket.on(EventType.CLOSE, lambda _: closed.set())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(socket.start_listening)
                for data in audio(0.4) + audio():
                    await socket.send_media(data)
                await socket.send_close_stream()
                with anyio.fail_after(60):
                    await closed.wait()
    assert kinds(messages) == {ListenV2Connected, ListenV2TurnInfo}
    turns = [message for message in messages if isinstance(message, ListenV2TurnInfo)]
    assert {turn.event for turn in turns} == {
        "Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"
    }  # fmt: skip
    assert [message.sequence_id for message in messages] == list(range(len(messages)))
    assert turns[-1].turn_index == 0 or turns[-1].transcript == ""


async def test_the_sync_sdk_reads_every_flux_message() -> None:
    server = fake()
    messages: list[Any] = []

    def converse(base: str) -> None:
        client = DeepgramClient(api_key=KEY, environment=environment(base))
        with client.listen.v2.connect(**FLUX) as socket:
            socket.on(EventType.MESSAGE, messages.append)
            for data in audio():
                socket.send_media(data)
            socket.send_close_stream()
            socket.start_listening()

    async with served(server.app) as base:
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(converse, base)
    assert kinds(messages) == {ListenV2Connected, ListenV2TurnInfo}


@pytest.mark.parametrize("status", [401, 429])
async def test_the_sdk_sees_a_refusal_as_one(status: int) -> None:
    server = fake(faults=(Fault(refuse=status),))
    async with served(server.app) as base:
        client = AsyncDeepgramClient(api_key=KEY, environment=environment(base))
        with pytest.raises(ApiError) as caught:
            async with client.listen.v1.connect(**LIVE):
                pass
    assert caught.value.status_code == status


async def test_a_wrong_key_is_refused() -> None:
    async with served(fake().app) as base:
        client = AsyncDeepgramClient(api_key="wrong", environment=environment(base))
        with pytest.raises(ApiError) as caught:
            async with client.listen.v1.connect(**LIVE):
                pass
    assert caught.value.status_code == 401
