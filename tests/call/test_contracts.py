"""What the parts of a call promise each other, watched from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.audio import AudioFormat, AudioFrame, AudioOut
from dialog_core.call.guard import closing
from dialog_core.messages import SpeakText, Transcript, Utterance, Word
from dialog_core.observe.observations import ReplyTimed, StepTaken
from dialog_core.protocols import MarkReturned, SttEvent
from dialog_core.testing.calls import in_call, new_policy
from dialog_core.testing.fakes import FakeTts, FakeTtsSession, FakeVoice
from dialog_core.testing.line import FakeLine
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.policy import Continue, Cut, Overlap, Pause, Wait
from dialog_core.turns.records import BargeIn, Said, TurnComplete

pytestmark = pytest.mark.anyio

LONG = "We are the oldest house in the town and have rooms with a view of the lake for you."


@attrs.define
class Desk:
    """Notes what it is told, in order."""

    greeting: str = "Hello there."
    seen: list[object] = attrs.field(factory=list)

    async def opened(self, call: Call) -> None:
        self.seen.append(("opened", call.id))

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        self.seen.append(("reply", turn.text))
        yield f"You said {turn.text} "
        yield LONG

    async def closed(self, call: Call) -> None:
        self.seen.append(("closed", len(call.history.entries)))


@pytest.mark.requirement("A.14")
async def test_an_agent_is_opened_once_asked_at_each_turn_and_closed_once() -> None:
    line, agent = FakeLine(), Desk()
    async with in_call(line, agent):
        await line.listen()
        for text in ("One.", "Two."):
            await line.say(text)
            await line.listen()
    assert agent.seen == [
        ("opened", "fake-1"), ("reply", "One."), ("reply", "Two."), ("closed", 5),
    ]  # fmt: skip


# --- one envelope from text to mark


@attrs.define(eq=False)
class Watched:
    """A voice of the application's own, which keeps all that it was given and made."""

    inner: FakeTts = attrs.field(factory=FakeTts)
    made: list[AudioOut] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[WatchedSession]:
        async with self.inner.open(fmt) as session:
            yield WatchedSession(session, self.made)


@attrs.define(eq=False)
class WatchedSession:
    """Watched."""

    inner: FakeTtsSession
    made: list[AudioOut]

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[WatchedVoice]:
        async with self.inner.voice(reply) as voice:
            yield WatchedVoice(voice, self.made)


@attrs.define(eq=False)
class WatchedVoice:
    """Watched."""

    inner: FakeVoice
    made: list[AudioOut]

    async def speak(self, segment: SpeakText) -> None:
        await self.inner.speak(segment)

    async def finish(self) -> None:
        await self.inner.finish()

    async def audio(self) -> AsyncIterator[AudioOut]:
        async with closing(self.inner.audio()) as pieces:
            async for audio in pieces:
                self.made.append(audio)
                yield audio


@attrs.define(eq=False)
class Marking(FakeLine):
    """Keeps the names of its marks, and returns them some time late."""

    marks: list[str] = attrs.field(factory=list)
    late: float = 0.0

    async def mark(self, name: str) -> None:
        self.marks.append(name)
        await super().mark(name)

    async def events(self) -> AsyncIterator[object]:  # type: ignore[override]
        async for event in super().events():
            if isinstance(event, MarkReturned) and self.late:
                await anyio.sleep(self.late)
            yield event


@pytest.mark.requirement("A.9", "A.13", "A.21")
async def test_text_audio_and_mark_of_a_segment_bear_one_number_and_audio_says_which_is_last() -> (
    None
):
    line, tts = Marking(), Watched()
    async with in_call(line, Desk(), tts=tts) as call:
        await line.listen()
        await line.say("One.")
        await line.listen()
    keys = [(segment.reply, segment.index) for segment in tts.inner.spoken]
    assert keys == [(1, 0), (2, 0), (2, 1)]
    assert list(dict.fromkeys((audio.reply, audio.index) for audio in tts.made)) == keys
    assert [(audio.reply, audio.index) for audio in tts.made if audio.last] == keys
    assert line.marks == [f"{reply}.{index}" for reply, index in keys]
    assert [seen.reply for seen in call.observed if isinstance(seen, ReplyTimed)] == [1, 2]


@pytest.mark.requirement("B.35")
async def test_the_agent_speaks_until_the_last_mark_has_come_back_not_until_all_is_sent() -> None:
    line = Marking(late=1.5)
    async with in_call(line, Desk()) as call:
        await line.wait(4.0)
    [sent] = [sum(len(piece.audio) for piece in line.played) / 8000]
    steps = [seen for seen in call.observed if isinstance(seen, StepTaken)]
    speaking = next(step.at for step in steps if step.phase == "speaking")
    idle = next(step.at for step in steps if step.phase == "idle" and step.at > speaking)
    assert idle - speaking == pytest.approx(sent + 1.5, abs=0.01)


# --- the recogniser hears everything


@attrs.define(eq=False)
class Counting:
    """Counts what it is fed; recognises what it was told, with speakers."""

    script: tuple[SttEvent, ...] = ()
    fed: list[AudioFrame] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, _fmt: AudioFormat) -> AsyncIterator[Counting]:
        yield self

    def feed(self, frame: AudioFrame) -> None:
        self.fed.append(frame)

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pass

    async def events(self) -> AsyncIterator[SttEvent]:
        began = anyio.current_time()
        for event in self.script:
            await anyio.sleep_until(began + event.at)
            yield event
        await anyio.sleep_forever()


@pytest.mark.requirement("B.44", "B.13")
async def test_the_recogniser_is_fed_every_frame_in_order_also_while_the_agent_speaks() -> None:
    line, stt = FakeLine(), Counting()
    async with in_call(line, Desk(greeting=LONG), stt=stt):
        await line.wait(5.0)
    times = [frame.at for frame in stt.fed]
    assert times == pytest.approx([n * 0.02 for n in range(len(times))])
    assert len(times) in {249, 250}


@pytest.mark.requirement("B.44", "B.19")
async def test_words_that_interrupt_are_not_clipped() -> None:
    line = FakeLine()
    async with in_call(line, Desk(greeting=LONG)) as call:
        await line.wait(2.0)
        await line.say("Please stop talking now.")
        await line.listen()
    assert isinstance(call.records[0], BargeIn)
    [turn] = [record for record in call.records if isinstance(record, TurnComplete)]
    assert turn.utterance.text == "Please stop talking now."


# --- every interface may be the application's own


class Quick:
    """Ends every turn at once, and every reply at the first sound."""

    def judge(self, question: Pause | Overlap) -> Wait | Cut | Continue:
        if isinstance(question, Pause):
            return Wait(0.0)
        return Cut() if question.sounding else Continue()

    async def ask(self, _pause: Pause) -> Wait:
        return Wait(0.0)


@pytest.mark.requirement("D.1")
async def test_line_recogniser_endpointer_speakers_voice_and_barge_in_may_all_be_ones_own() -> None:
    labelled = (Word("Hello", 3.0, 3.4, speaker=0), Word("hi", 3.4, 3.8, speaker=1))
    stt = Counting((Transcript(3.8, "Hello hi", final=True, started=3.0, words=labelled),))
    line, tts, quick = Marking(), Watched(), Quick()
    policy = new_policy(endpointer=quick, barge_in=quick)
    async with in_call(line, Desk(), stt=stt, tts=tts, policy=policy) as call:
        await line.wait(4.5)
        await line.say("so", seconds=0.2)
        await line.wait(1.0)
    [turn] = [record for record in call.records if isinstance(record, TurnComplete)]
    speakers = [word.speaker for span in turn.utterance.transcripts for word in span.words]
    assert speakers == [0, 1]
    assert turn.at == pytest.approx(3.8, abs=0.01)
    assert [type(record) for record in call.records] == [Said, TurnComplete, BargeIn]
    assert tts.made
    assert line.marks
