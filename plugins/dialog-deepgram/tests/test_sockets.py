"""The session over real sockets: what memory cannot show."""

from __future__ import annotations

from typing import Any

import anyio.lowlevel
import pytest
from dialog_deepgram.rehearsal import FLUX, VOCABULARY
from dialog_deepgram.session import Deepgram, DeepgramSession
from dialog_deepgram.settings import DeepgramSettings
from dialog_deepgram.testing import KEY, FakeDeepgram, Fault, spoken

from dialog_core.audio import TELEPHONE
from dialog_core.errors import ProviderRejected
from dialog_core.fields import Secret
from dialog_core.messages import Transcript
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation
from dialog_core.protocols import SttEvent
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served
from dialog_core.turns.events import EndOfTurn

pytestmark = [pytest.mark.anyio, real_loop]

TEXT = "I want to cancel"


async def recognise(fake: FakeDeepgram, **options: Any) -> list[SttEvent]:
    """Feed a sentence at once and take the events up to the end of the turn."""
    events: list[SttEvent] = []
    observed: list[Observation] = []
    async with served(fake.app) as base, open_services(observe=observed.append) as services:
        settings = DeepgramSettings(
            **{"api_key": Secret(KEY), "url": base.replace("http", "ws", 1), **options}
        )
        with anyio.fail_after(60):
            async with Deepgram(settings, services).open(TELEPHONE) as session:
                for frame in spoken(TEXT, VOCABULARY, silence=0.7):
                    session.feed(frame)
                async for event in session.events():
                    events.append(event)
                    if isinstance(event, EndOfTurn):
                        break
    return events


@pytest.mark.parametrize("model", ["nova-3", FLUX])
async def test_a_sentence_is_recognised(model: str) -> None:
    events = await recognise(FakeDeepgram(vocabulary=VOCABULARY), model=model)
    finals = [each.text for each in events if isinstance(each, Transcript) and each.final]
    assert " ".join(finals) == TEXT


async def test_a_lost_connection_costs_no_word() -> None:
    fake = FakeDeepgram(vocabulary=VOCABULARY, faults=(Fault(drop_after=0.5),))
    events = await recognise(fake)
    finals = [each.text for each in events if isinstance(each, Transcript) and each.final]
    assert " ".join(finals) == TEXT
    assert len(fake.connections) == 2


async def test_the_vendors_reason_for_a_refusal_is_in_the_error() -> None:
    with pytest.raises(ProviderRejected, match="INVALID_AUTH") as caught:
        await recognise(FakeDeepgram(), api_key=Secret("wrong"))
    assert caught.value.status == 401


async def test_audio_leaves_from_within_the_lines_read_once_the_sender_has_nothing_to_do() -> None:
    fake, frames = FakeDeepgram(vocabulary=VOCABULARY), spoken(TEXT, VOCABULARY, silence=0.7)
    async with served(fake.app) as base, open_services(observe=lambda _: None) as services:
        settings = DeepgramSettings(api_key=Secret(KEY), url=base.replace("http", "ws", 1))
        with anyio.fail_after(10):
            async with Deepgram(settings, services).open(TELEPHONE) as session:
                assert isinstance(session, DeepgramSession)
                heard = 0
                for frame in frames:
                    session.feed(frame)
                    heard += len(frame.data)
                    if heard % 800 == 0:
                        assert heard == 800 or session.parts.buffer.unsent == 0
                        while not fake.connections or nbytes(fake) < heard:
                            await anyio.lowlevel.checkpoint()
    assert [size for _, size in fake.connections[0].audio] == [800] * (heard // 800)


def nbytes(fake: FakeDeepgram) -> int:
    return sum(size for _, size in fake.connections[0].audio)
