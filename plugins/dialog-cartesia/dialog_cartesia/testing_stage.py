"""What tests of the session share: a session against a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs

from dialog_cartesia.session import Cartesia, CartesiaSession
from dialog_cartesia.settings import CartesiaSettings
from dialog_cartesia.testing import FakeCartesia
from dialog_core.audio import TELEPHONE, AudioFormat
from dialog_core.fields import Secret
from dialog_core.observe.observations import Observation
from dialog_core.testing.speech import synthesise
from dialog_core.testing.vendor import in_memory

__all__ = ["Stage", "new_settings", "speech", "stage"]


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


def speech(fake: FakeCartesia, text: str, fmt: AudioFormat = TELEPHONE) -> bytes:
    """What the fake says for a text."""
    return synthesise(text, fmt, fake.seconds_per_character).data
