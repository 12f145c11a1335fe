"""The vendor's own SDK against our fake, so that the fake speaks the vendor's language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import anyio
import pytest
from dialog_core import TELEPHONE
from dialog_core.testing.hearing import voiced
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

from dialog_assemblyai.protocol import cut
from dialog_assemblyai.testing import KEY, FakeAssemblyAI

sdk = pytest.importorskip("assemblyai.streaming.v3")

pytestmark = [pytest.mark.anyio, pytest.mark.certify]
PARAMETERS = {"sample_rate": 8000, "encoding": "pcm_mulaw", "speech_model": "universal-3-5-pro"}

T = TypeVar("T")


class Seen:
    """What the SDK tells of a session."""

    def __init__(self, key: str, base_url: str) -> None:
        options = sdk.StreamingClientOptions(
            api_host=base_url.replace("http", "ws", 1), api_key=key
        )
        self.client = sdk.AsyncStreamingClient(options)
        self.begun: list[str] = []
        self.turns: list[tuple[str, bool]] = []
        self.seconds: list[int] = []
        self.errors: list[tuple[int, str]] = []
        self.changed = anyio.Event()
        for event, handler in self.handlers():
            self.client.on(event, handler)

    def handlers(self) -> Iterator[tuple[object, object]]:
        """A handler of each event."""
        events = sdk.StreamingEvents
        yield events.Begin, lambda _, event: self.add(self.begun, event.configuration.model)
        yield (
            events.Turn,
            lambda _, event: self.add(self.turns, (event.transcript, event.end_of_turn)),
        )
        yield (
            events.Termination,
            lambda _, event: self.add(self.seconds, event.audio_duration_seconds),
        )
        yield events.Error, lambda _, error: self.add(self.errors, (error.code, str(error)))

    def add(self, kept: list[T], value: T) -> None:
        """Keep what was told."""
        kept.append(value)
        self.changed.set()

    async def until(self, count: int, kept: Sequence[object]) -> None:
        """Wait until so much was told."""
        with anyio.fail_after(60):
            while len(kept) < count:
                await self.changed.wait()
                self.changed = anyio.Event()


@real_loop
async def test_the_sdk_holds_a_session_with_the_fake() -> None:
    fake = FakeAssemblyAI(["is anybody there"])
    async with served(fake.app) as base_url:
        seen = Seen(KEY, base_url)
        await seen.client.connect(sdk.StreamingParameters(**PARAMETERS, language_codes=["en"]))
        for message in cut(voiced("is anybody there", TELEPHONE), TELEPHONE):
            await seen.client.stream(message)
        await seen.client.force_endpoint()
        await seen.until(2, seen.turns)
        await seen.client.disconnect(terminate=True)

    assert seen.begun == ["universal-3-5-pro"]
    assert seen.turns[-1] == ("is anybody there", True)
    assert len(seen.seconds) == fake.terminated == 1
    assert fake.languages() == ["en"]
    assert seen.errors == []


@real_loop
async def test_the_sdk_understands_a_refused_key() -> None:
    async with served(FakeAssemblyAI().app) as base_url:
        seen = Seen("another", base_url)
        await seen.client.connect(sdk.StreamingParameters(**PARAMETERS))
        await seen.until(1, seen.errors)
        await seen.client.disconnect()

    assert seen.errors[0][0] == 1008


@real_loop
async def test_the_sdk_is_told_of_a_message_that_is_too_short() -> None:
    async with served(FakeAssemblyAI().app) as base_url:
        seen = Seen(KEY, base_url)
        await seen.client.connect(sdk.StreamingParameters(**PARAMETERS))
        await seen.client.stream(TELEPHONE.silence(0.02))
        await seen.until(1, seen.errors)
        await seen.client.disconnect()

    assert seen.errors[0][0] == 3007
