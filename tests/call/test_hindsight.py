"""Audio that has passed: kept for who wants it, and only then."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.agent.call import Call
from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, Encoding, Sound
from dialog_core.call.recent import RecentAudio
from dialog_core.messages import Utterance
from dialog_core.observe.observations import SpeakerLabelled, Trouble
from dialog_core.speech.speakers import speaker_of
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.line import FakeLine
from dialog_core.turns.policy import Ask, Pause, Wait
from dialog_core.turns.records import TurnComplete

pytestmark = pytest.mark.anyio
ZEROES = AudioFormat(Encoding.MULAW, 100)


# --- recent audio


def numbered(count: int, *, cut: int) -> RecentAudio:
    """`count` samples that count up from 0, of which the last 100 are kept, in frames of `cut`."""
    recent = RecentAudio(ZEROES, 1.0)
    samples = bytes(number % 256 for number in range(count))
    for start in range(0, count, cut):
        recent.feed(AudioFrame(start / 100, samples[start : start + cut]))
    return recent


@given(st.integers(1, 40), st.integers(0, 100), st.integers(0, 100))
def test_any_stretch_of_what_is_kept_comes_back_however_it_was_cut(
    cut: int, first: int, length: int
) -> None:
    start = 150 + first
    end = min(start + length, 250)
    sound = numbered(250, cut=cut).between(start / 100, end / 100)
    assert list(sound.data) == list(range(start, end))
    assert sound.at == pytest.approx(start / 100)


def test_what_is_older_than_wanted_is_gone() -> None:
    recent = numbered(10_000, cut=20)
    assert recent.between(0, 98.5).data == b""
    assert len(recent.between(0, 100).data) == 100


# --- an endpointer that hears


@attrs.define
class Ear:
    """Looks back two seconds at each pause."""

    wants_audio: float = 2.0
    heard: list[Sound] = attrs.field(factory=list)

    def judge(self, pause: Pause) -> Ask:
        assert pause.audio is None
        return Ask(1.0)

    async def ask(self, pause: Pause) -> Wait:
        if pause.audio is not None:
            self.heard.append(pause.audio(0.1))
        return Wait(0.3)


class Echo:
    """Answers everything."""

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield f"You said {turn.text}"


async def test_an_endpointer_may_look_back_at_the_callers_voice() -> None:
    line, ear = FakeLine(), Ear()
    async with in_call(line, Echo(), policy=new_policy(endpointer=ear)):
        await line.wait(1.0)
        await line.say("A table for two, please.")
        spoken = line.spoken[-1]
        await line.listen()
    sound = ear.heard[-1]
    assert sound.at + sound.seconds == pytest.approx(spoken.end + 0.1, abs=0.05)
    assert sound.seconds == pytest.approx(2.0, abs=0.05)
    silence, voice = TELEPHONE.silence(0.05), sound.data[: -TELEPHONE.nbytes(0.15)]
    assert sound.data.endswith(silence)
    assert silence not in voice[TELEPHONE.nbytes(2.0 - (spoken.end - spoken.start)) :]


async def test_who_does_not_want_audio_is_given_none_and_none_is_kept() -> None:
    line, deaf = FakeLine(), Ear(wants_audio=0.0)
    async with in_call(line, Echo(), policy=new_policy(endpointer=deaf)) as call:
        await line.say("A table.")
        await line.listen()
        assert call.run._hindsight.recent is None
    assert deaf.heard == []


# --- a diarizer


@attrs.define
class Slow:
    """Tells one voice from the next, after a while."""

    seconds: float = 1.0
    wants_audio: float = 1.5
    breaks: bool = False
    heard: list[Sound] = attrs.field(factory=list)

    async def label(self, sound: Sound) -> int | None:
        self.heard.append(sound)
        await anyio.sleep(self.seconds)
        if self.breaks:
            raise ValueError("no voice")
        return len(self.heard) - 1


def speakers(call: InCall) -> list[int | None]:
    turns = [entry.utterance for entry in call.history.entries if entry.utterance is not None]
    return [speaker_of(each) for turn in turns for each in turn.transcripts]


@pytest.mark.requirement("D.13")
async def test_labels_are_filled_in_afterwards_and_nobody_waits() -> None:
    line, slow = FakeLine(), Slow(seconds=3.0)
    async with in_call(line, Echo(), diarizer=slow) as call:
        await line.say("I would like to book a table for two people.")
        first = line.spoken[-1]
        await line.listen()
        assert line.now - first.end < 9
        (turn,) = [record for record in call.records if isinstance(record, TurnComplete)]
        assert turn.at - first.end < 1.0
        await line.say("Tomorrow, please.")
        await line.listen()
    assert speakers(call) == [0, 1]
    told = [seen for seen in call.observed if isinstance(seen, SpeakerLabelled)]
    assert [each.speaker for each in told] == [0, 1]
    assert told[0].at >= turn.at + 3.0
    assert (told[0].started, told[0].ended) == (first.start, first.end)


@pytest.mark.requirement("D.13")
async def test_a_diarizer_hears_the_end_of_what_was_said_and_not_more_than_it_wants() -> None:
    line, slow = FakeLine(), Slow()
    async with in_call(line, Echo(), diarizer=slow):
        await line.say("I would like to book a table for two people.")
        spoken = line.spoken[-1]
        await line.listen()
    (sound,) = slow.heard
    assert sound.seconds == pytest.approx(1.5, abs=0.02)
    assert sound.at + sound.seconds == pytest.approx(spoken.end, abs=0.02)


@pytest.mark.requirement("D.13")
async def test_a_label_known_only_after_the_call_is_still_filled_in() -> None:
    line = FakeLine()
    async with in_call(line, Echo(), diarizer=Slow(seconds=1.9)) as call:
        await line.say("Goodbye.")
        while not any(isinstance(record, TurnComplete) for record in call.records):
            await line.wait(0.1)
        line.hang_up_by_caller()
    assert speakers(call) == [0]


async def test_a_diarizer_that_hangs_does_not_hold_the_call() -> None:
    line = FakeLine()
    async with in_call(line, Echo(), diarizer=Slow(seconds=1000)) as call:
        await line.say("Goodbye.")
        await line.listen()
        before = line.now
        line.hang_up_by_caller()
        await call.over.wait()
        assert line.now - before < 5
    assert speakers(call) == [None]


async def test_a_label_that_never_comes_does_not_cost_the_next() -> None:
    line, slow = FakeLine(), Slow(seconds=1000)
    async with in_call(line, Echo(), diarizer=slow) as call:
        await line.say("A table.")
        await line.listen()
        slow.seconds = 0.1
        await line.say("For two.")
        await line.wait(12.0)
    assert speakers(call) == [None, 1]


async def test_a_diarizer_that_breaks_costs_only_the_label() -> None:
    line = FakeLine()
    async with in_call(line, Echo(), diarizer=Slow(breaks=True)) as call:
        await line.say("A table.")
        await line.listen()
    assert speakers(call) == [None]
    assert "You said A table." in call.history.heard()
    (trouble,) = [seen for seen in call.observed if isinstance(seen, Trouble)]
    assert trouble.where == "diarizer"
    assert "no voice" in trouble.detail
