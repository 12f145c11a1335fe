"""A recogniser's own voice events may drive the turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.messages import Transcript, Utterance
from dialog_core.protocols import SttEvent
from dialog_core.testing.calls import in_call
from dialog_core.testing.line import FakeLine
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.records import BargeIn, TurnComplete

pytestmark = pytest.mark.anyio


@attrs.define(eq=False)
class KeenStt:
    """Says at set times of the call that the caller sounds, whatever the line's own detector thinks."""

    script: list[SttEvent]

    @asynccontextmanager
    async def open(self, _fmt: AudioFormat) -> AsyncIterator[KeenStt]:
        yield self

    def feed(self, frame: AudioFrame) -> None:
        pass

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pass

    async def events(self) -> AsyncIterator[SttEvent]:
        began = anyio.current_time()
        for event in self.script:
            await anyio.sleep_until(began + event.at)
            yield event
        await anyio.sleep_forever()


class Talker:
    greeting = (
        "This is a long greeting that goes on and on, and nobody has ever heard the end of it."
    )

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        yield f"{turn.text}, yes."


@pytest.mark.requirement("A.52")
async def test_speech_that_only_the_recogniser_notices_interrupts() -> None:
    line = FakeLine()
    stt = KeenStt(
        [
            SpeechStarted(2.0),
            Transcript(2.8, "Stop", final=True, started=2.0),
            SpeechStopped(2.8),
        ]
    )
    async with in_call(line, Talker(), stt=stt) as call:
        await line.wait(6.0)
    cut, turn = (record for record in call.records if isinstance(record, BargeIn | TurnComplete))
    assert isinstance(cut, BargeIn)
    assert cut.at == pytest.approx(2.3)
    assert isinstance(turn, TurnComplete)
    assert turn.utterance.text == "Stop"
    assert len(line.clears) == 1
