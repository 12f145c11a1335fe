"""What tests of the session share: a session against a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs

from dialog_core.audio import TELEPHONE, AudioFormat
from dialog_core.fields import Secret
from dialog_core.observe.observations import Observation
from dialog_core.testing.speech import synthesise
from dialog_core.testing.vendor import in_memory
from dialog_elevenlabs.session import ElevenLabs, ElevenLabsSession
from dialog_elevenlabs.settings import ElevenLabsSettings
from dialog_elevenlabs.testing import FakeElevenLabs

__all__ = ["Stage", "new_settings", "speech", "stage"]


@attrs.frozen
class Stage:
    """A session, and what was observed of it."""

    session: ElevenLabsSession
    observed: list[Observation]


def new_settings(fake: FakeElevenLabs, **changes: Any) -> ElevenLabsSettings:
    """Settings for this fake."""
    return ElevenLabsSettings(**{"api_key": Secret(fake.api_key), "voice": "v1", **changes})


@asynccontextmanager
async def stage(
    fake: FakeElevenLabs, fmt: AudioFormat = TELEPHONE, **changes: Any
) -> AsyncIterator[Stage]:
    """A session whose vendor is the fake."""
    observed: list[Observation] = []
    async with in_memory(fake, observe=observed.append) as services:
        tts = ElevenLabs(new_settings(fake, **changes), services)
        async with tts.open(fmt) as session:
            yield Stage(session, observed)


def speech(fake: FakeElevenLabs, text: str, fmt: AudioFormat = TELEPHONE) -> bytes:
    """What the fake says for a text."""
    return synthesise(text, fmt, fake.seconds_per_character).data
