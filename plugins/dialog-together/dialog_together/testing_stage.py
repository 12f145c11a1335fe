"""What tests share: sessions against a fake, and a caller to be heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs

from dialog_core.audio import TELEPHONE, AudioFormat
from dialog_core.factory import Services
from dialog_core.fields import Secret
from dialog_core.observe.observations import Observation
from dialog_core.testing.contracts.caller import Caller, calling
from dialog_core.testing.vendor import in_memory
from dialog_together.kits import kits
from dialog_together.listen import TogetherListener
from dialog_together.settings import TogetherSttSettings, TogetherTtsSettings
from dialog_together.speak import TogetherSpeaker, TogetherTtsSession
from dialog_together.testing import FakeTogether

__all__ = ["Heard", "Stage", "hearing", "stage", "stt_settings", "tts_settings"]


def stt_settings(fake: FakeTogether, **changes: Any) -> TogetherSttSettings:
    """Settings of a recogniser for this fake."""
    return TogetherSttSettings(**{"api_key": Secret(fake.key), **changes})


def tts_settings(fake: FakeTogether, **changes: Any) -> TogetherTtsSettings:
    """Settings of a voice for this fake."""
    return TogetherTtsSettings(**{"api_key": Secret(fake.key), **changes})


@attrs.frozen
class Stage:
    """A voice's session, and what was observed of it."""

    session: TogetherTtsSession
    observed: list[Observation]
    services: Services


@asynccontextmanager
async def stage(
    fake: FakeTogether, fmt: AudioFormat = TELEPHONE, **changes: Any
) -> AsyncIterator[Stage]:
    """A voice whose vendor is the fake."""
    observed: list[Observation] = []
    async with in_memory(fake.app, observe=observed.append) as services:
        tts = TogetherSpeaker(tts_settings(fake, **changes), services)
        async with tts.open(fmt) as session:
            yield Stage(session, observed, services)


@attrs.frozen
class Heard:
    """A call that is recognised, and what was observed of it."""

    call: Caller
    observed: list[Observation]


@asynccontextmanager
async def hearing(
    fake: FakeTogether, fmt: AudioFormat = TELEPHONE, **changes: Any
) -> AsyncIterator[Heard]:
    """A call that the fake listens to."""
    observed: list[Observation] = []
    async with in_memory(fake.app, observe=observed.append) as services:
        stt = TogetherListener(stt_settings(fake, **changes), services)
        async with calling(stt, kits()[0], services.clock, fmt) as call:
            yield Heard(call, observed)
