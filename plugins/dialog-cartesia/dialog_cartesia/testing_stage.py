"""What tests of the session share: a session against a fake, and a reply said in one go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs

from dialog_cartesia.session import Cartesia, CartesiaSession
from dialog_cartesia.settings import CartesiaSettings
from dialog_cartesia.testing import FakeCartesia
from dialog_cartesia.testing_speech import synthesise
from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut
from dialog_core.fields import Secret
from dialog_core.messages import SpeakText, Word
from dialog_core.observe.observations import Observation
from dialog_core.testing.vendor import in_memory

__all__ = [
    "Stage",
    "lasts",
    "new_settings",
    "pass_time",
    "say",
    "segment",
    "sound",
    "speech",
    "stage",
    "until_last",
    "words",
]


@attrs.frozen
class Stage:
    """A session, and what was observed of it."""

    session: CartesiaSession
    observed: list[Observation]


def new_settings(fake: FakeCartesia, **changes: Any) -> CartesiaSettings:
    """Settings for this fake."""
    return CartesiaSettings(**{"api_key": Secret(fake.api_key), "voice": "v1", **changes})


@asynccontextmanager
async def stage(
    fake: FakeCartesia, fmt: AudioFormat = TELEPHONE, **changes: Any
) -> AsyncIterator[Stage]:
    """A session whose vendor is the fake."""
    observed: list[Observation] = []
    async with in_memory(fake, observe=observed.append) as services:
        tts = Cartesia(new_settings(fake, **changes), services)
        async with tts.open(fmt) as session:
            yield Stage(session, observed)


def segment(index: int, text: str, reply: int = 1) -> SpeakText:
    """A segment of a reply."""
    return SpeakText(reply, index, text)


async def say(session: CartesiaSession, *texts: str, reply: int = 1) -> list[AudioOut]:
    """Speak a whole reply; returns all its pieces."""
    async with session.voice(reply) as voice:
        for index, text in enumerate(texts):
            await voice.speak(segment(index, text, reply))
        await voice.finish()
        return [piece async for piece in voice.audio()]


async def until_last(pieces: list[AudioOut], stream: AsyncIterator[AudioOut]) -> None:
    """Take pieces until a segment ends."""
    async for piece in stream:
        pieces.append(piece)
        if piece.last:
            return


async def pass_time(seconds: float) -> None:
    """Let virtual time pass."""
    with anyio.move_on_after(seconds):
        await anyio.sleep_forever()


def sound(pieces: Iterable[AudioOut], index: int | None = None) -> bytes:
    """The audio, of one segment or of all."""
    return b"".join(each.data for each in pieces if index is None or each.index == index)


def speech(fake: FakeCartesia, text: str, fmt: AudioFormat = TELEPHONE) -> bytes:
    """What the fake says for a text."""
    return synthesise(text, fmt, fake.seconds_per_character).data


def lasts(pieces: Iterable[AudioOut]) -> list[int]:
    """Indices of the last pieces."""
    return [each.index for each in pieces if each.last]


def words(pieces: Iterable[AudioOut]) -> list[Word]:
    """All word times."""
    return [word for each in pieces for word in each.words]
