from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core import g711
from dialog_core.agent.call import Call
from dialog_core.audio import Encoding
from dialog_core.messages import Utterance
from dialog_core.policies.barge_in import (
    Disabled,
    DisabledSettings,
    HardCut,
    HardCutSettings,
    SoftFade,
    SoftFadeSettings,
)
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.fakes import FakeTts, heard_words
from dialog_core.testing.line import FakeLine
from dialog_core.turns.policy import BargeIn, Continue, Cut, Duck, Overlap
from dialog_core.turns.records import BargeIn as Interrupted
from dialog_core.turns.records import Said, TurnComplete

SOFT = SoftFade(SoftFadeSettings(after=0.2, fade=0.2, cut=2.0))
GREETING = "We are the oldest house in the town and have rooms with a view of the lake for you."


@pytest.mark.requirement("D.10")
@given(voiced=st.floats(0, 5), sounding=st.booleans())
def test_hard_cut_is_a_matter_of_seconds_of_speech(*, voiced: float, sounding: bool) -> None:
    decision = HardCut(HardCutSettings(0.3)).judge(Overlap(voiced, sounding))
    assert decision == (Cut() if voiced >= 0.3 else Continue(again=0.3))


@pytest.mark.requirement("D.11")
@pytest.mark.parametrize(
    ("overlap", "decision"),
    [
        (Overlap(0.1, sounding=True), Continue(again=0.2)),
        (Overlap(0.2, sounding=True), Duck(again=2.0, fade=0.2)),
        (Overlap(1.9, sounding=True, ducked=True), Duck(again=2.0, fade=0.2)),
        (Overlap(1.9, sounding=False, ducked=True), Continue()),
        (Overlap(0.1, sounding=False), Continue()),
        (Overlap(2.0, sounding=True, ducked=True), Cut()),
        (Overlap(2.0, sounding=False, ducked=True), Cut()),
    ],
)
def test_soft_fade_ducks_then_resumes_or_cuts(overlap: Overlap, decision: object) -> None:
    assert SOFT.judge(overlap) == decision


@pytest.mark.requirement("D.12")
@given(voiced=st.floats(0, 60), sounding=st.booleans(), text=st.text(max_size=9))
def test_disabled_never_interrupts(*, voiced: float, sounding: bool, text: str) -> None:
    assert Disabled(DisabledSettings()).judge(Overlap(voiced, sounding, text)) == Continue()


# --- in whole calls


class Greeter:
    greeting = GREETING

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield f"You said {turn.text}"


async def interrupted(
    barge_in: BargeIn, words: str, *, seconds: float
) -> tuple[InCall, FakeLine, FakeTts]:
    line, tts = FakeLine(), FakeTts()
    async with in_call(line, Greeter(), tts=tts, policy=new_policy(barge_in=barge_in)) as call:
        await line.wait(2.0)
        await line.say(words, seconds=seconds)
        await line.listen(quiet=2.0)
    return call, line, tts


def heard(call: InCall) -> list[str]:
    return [record.heard for record in call.records if isinstance(record, Said | Interrupted)]


@pytest.mark.anyio
@pytest.mark.requirement("D.10", "B.36")
async def test_hard_cut_stops_the_carriers_buffer_and_keeps_the_words_that_interrupted() -> None:
    call, line, tts = await interrupted(HardCut(HardCutSettings(0.3)), "Wait a moment", seconds=1.0)
    cut, answer = heard(call)
    assert GREETING.startswith(cut)
    assert abs(len(cut.split()) - int(heard_words(line.played, tts)[1])) <= 1
    assert answer == "You said Wait a moment"
    assert line.clears == [pytest.approx(2.3, abs=0.06)]


@pytest.mark.anyio
@pytest.mark.requirement("D.11")
async def test_soft_fade_plays_a_fading_tail_and_resumes_where_the_caller_stopped_hearing() -> None:
    call, line, tts = await interrupted(SOFT, "mhm", seconds=0.6)
    assert heard(call)[0] == GREETING
    words = heard_words(line.played, tts)[1]
    assert words == pytest.approx(len(GREETING.split()), abs=1.5)
    tail, rest = [piece for piece in line.played if piece.start >= line.clears[0]][:2]
    samples = g711.decode(tail.audio, Encoding.MULAW).astype(float)
    assert len(samples) == 0.2 * 8000
    loudness = np.abs(samples).reshape(4, -1).mean(axis=1)
    assert list(loudness) == sorted(loudness, reverse=True)
    assert rest.start > 2.6


@pytest.mark.anyio
@pytest.mark.requirement("D.11")
async def test_soft_fade_gives_way_to_a_caller_who_goes_on() -> None:
    call, _, _ = await interrupted(SOFT, "No please listen to me", seconds=3.0)
    cut, answer = heard(call)
    assert len(cut.split()) < len(GREETING.split())
    assert answer == "You said No please listen to me"


@pytest.mark.anyio
@pytest.mark.requirement("D.12")
async def test_disabled_speaks_on_and_answers_afterwards() -> None:
    call, line, _ = await interrupted(Disabled(DisabledSettings()), "Wait a moment", seconds=1.0)
    assert heard(call) == [GREETING, "You said Wait a moment"]
    assert line.clears == []
    assert len([record for record in call.records if isinstance(record, TurnComplete)]) == 1
