"""The scenes in which voices are tested: a stage, sessions on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import anyio
import pytest

from dialog_core.audio import AudioFormat
from dialog_core.protocols import TtsSession
from dialog_core.testing.contracts.contract import Contract
from dialog_core.testing.contracts.kit import TtsKit, TtsVendor
from dialog_core.testing.contracts.reply import Reply, replying, sounds_like_speech, speak
from dialog_core.testing.contracts.stage import Stage, on_stage

__all__ = ["SHORT", "TEXTS", "TtsScene"]

SHORT = "Hello there."
TEXTS = ("Hello there. ", "We have a table for two. ", "Would eight o'clock suit you?")
LIMIT_SECONDS = 120.0
"""Limit of a test, by its loop's clock."""


class TtsScene(Contract):
    """What tests of voices share."""

    kit: ClassVar[TtsKit]

    @property
    def fmt(self) -> AudioFormat:
        """The format of tests that do not vary it."""
        return self.kit.formats[0]

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[Stage[TtsVendor]]:
        """A stage with a fresh vendor."""
        with anyio.fail_after(LIMIT_SECONDS):
            async with on_stage(self.kit, self.kit.vendor()) as stage:
                yield stage

    @asynccontextmanager
    async def session(
        self, stage: Stage[TtsVendor], fmt: AudioFormat | None = None, **settings: Any
    ) -> AsyncIterator[TtsSession]:
        """One call's voice."""
        async with stage.new(**settings).open(fmt or self.fmt) as session:
            yield session

    @asynccontextmanager
    async def reply(self, session: TtsSession, number: int = 1) -> AsyncIterator[Reply]:
        """A reply that is listened to."""
        async with replying(session, self.fmt, number) as reply:
            yield reply

    async def speak(self, session: TtsSession, *texts: str, number: int = 1) -> Reply:
        """Speak a whole reply."""
        return await speak(session, self.fmt, texts, number)

    def needs_a_vendor(self) -> None:
        """End a test of failures that a component in this process cannot have."""
        if self.kit.local:
            pytest.skip("not applicable: no vendor that can fail")

    def check_whole(self, reply: Reply, texts: Sequence[str]) -> None:
        """Everything was spoken: each segment once, in order, to its end, for about as long as it takes."""
        assert reply.error is None
        assert reply.lasts == list(range(len(texts)))
        assert {piece.reply for piece in reply.pieces} == {reply.number}
        indices = [piece.index for piece in reply.pieces]
        assert indices == sorted(indices)
        for index, text in enumerate(texts):
            self.check_length(reply.of(index), text, reply.fmt)

    def check_length(self, data: bytes, text: str, fmt: AudioFormat) -> None:
        """Audio is as long as its text."""
        assert len(data) % fmt.width == 0
        pace = self.kit.seconds_per_character
        seconds = fmt.seconds(len(data))
        if pace is None:
            assert 0.02 * len(text) <= seconds <= 0.3 * len(text) + 1.0
        else:
            assert abs(seconds - pace * len(text)) <= 0.2 + 0.1 * pace * len(text)
        assert sounds_like_speech(data, fmt), f"this is not {fmt.encoding.value} at {fmt.rate} Hz"
