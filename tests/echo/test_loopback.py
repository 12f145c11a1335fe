"""Whole calls on a line that returns the agent's voice: it never interrupts itself, and a caller still can."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.messages import Role, Transcript, Utterance
from dialog_core.observe.observations import Counted, Judged, Trouble
from dialog_core.policies.barge_in import (
    HardCut,
    HardCutSettings,
    MinWords,
    MinWordsSettings,
    SoftFade,
    SoftFadeSettings,
)
from dialog_core.protocols import SpeechToText
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.line import FakeLine
from dialog_core.testing.loopback import Loopback
from dialog_core.testing.recorded import RecordedTts, WrittenStt
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped
from dialog_core.turns.policy import BargeIn as Policy
from dialog_core.turns.records import BargeIn, Said, TurnComplete
from tests.echo.voices import agents_voice, callers_voice

pytestmark = pytest.mark.anyio

TEXT = "We are open on Tuesday from nine to five and on Friday until noon."
DELAYS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
LEVELS = (-10.0, -20.0, -30.0)
LONG, SHORT = agents_voice()[:88000], agents_voice()[:40000]
WITHIN = 0.3
"""Seconds in which a caller stops the agent."""
ROUNDING = 1e-6
DEFAULT = HardCut(HardCutSettings())
HASTY = HardCut(HardCutSettings(after=0.1))
FADING = SoftFade(SoftFadeSettings())
WORDY = MinWords(MinWordsSettings(words=1))


@attrs.frozen
class Reader:
    """Reads something out, and thanks for whatever is said to it."""

    greeting: str = TEXT

    async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield "Thank you."


async def listen(
    loopback: Loopback | None,
    policy: Policy,
    *,
    audio: bytes = SHORT,
    stt: SpeechToText | None = None,
    echo: bool = True,
) -> tuple[FakeLine, InCall]:
    """Hear the agent out."""
    line, speaking = FakeLine(loopback=loopback), new_policy(barge_in=policy)
    async with in_call(
        line, Reader(), tts=RecordedTts(audio), stt=stt, policy=speaking, echo=echo
    ) as call:
        await line.listen(quiet=1.5)
    return line, call


async def interrupt(
    loopback: Loopback | None, policy: Policy, *, at: float, echo: bool = True
) -> float:
    """Speak over the agent; seconds until it fell silent."""
    line, speaking = FakeLine(loopback=loopback), new_policy(barge_in=policy)
    async with in_call(line, Reader(), tts=RecordedTts(LONG), policy=speaking, echo=echo):
        await line.wait(at)
        await line.say("Stop it please", audio=callers_voice())
    assert line.clears
    return line.clears[0] - line.spoken[0].start


def heard(call: InCall) -> list[tuple[Role, str]]:
    return [(entry.role, entry.text) for entry in call.history.entries]


def vetoes(call: InCall) -> list[Judged]:
    return [seen for seen in call.observed if isinstance(seen, Judged) and seen.policy == "echo"]


@pytest.mark.parametrize("decibels", LEVELS)
@pytest.mark.parametrize("delay", DELAYS)
async def test_the_agent_never_interrupts_itself(delay: float, decibels: float) -> None:
    line, call = await listen(Loopback(delay, decibels), HASTY, audio=LONG)
    assert line.clears == []
    assert heard(call) == [(Role.ASSISTANT, TEXT)]
    assert [type(record) for record in call.records] == [Said]
    assert vetoes(call)


async def test_without_the_guard_it_does() -> None:
    _, call = await listen(Loopback(0.1, -10.0), DEFAULT, echo=False)
    assert BargeIn in {type(record) for record in call.records}


@pytest.mark.parametrize("decibels", LEVELS)
@pytest.mark.parametrize("delay", DELAYS)
async def test_a_caller_on_top_of_the_echo_stops_it_in_time(delay: float, decibels: float) -> None:
    seconds = await interrupt(Loopback(delay, decibels), DEFAULT, at=3.1 + delay)
    assert 0 <= seconds <= WITHIN + ROUNDING


@pytest.mark.parametrize("policy", [DEFAULT, HASTY, FADING])
@pytest.mark.parametrize("at", [1.0, 1.7, 2.9, 4.3])
async def test_a_caller_without_an_echo_is_not_delayed(policy: Policy, at: float) -> None:
    guarded, unguarded = [await interrupt(None, policy, at=at, echo=echo) for echo in (True, False)]
    assert guarded == pytest.approx(unguarded, abs=ROUNDING)


async def test_the_same_voice_at_the_same_time_is_no_echo_if_it_says_something_else() -> None:
    line = FakeLine()
    async with in_call(line, Reader(), tts=RecordedTts(LONG), policy=new_policy()) as call:
        await line.wait(1.0)
        await line.say("Wait a moment", audio=agents_voice()[100000:112000])
    assert BargeIn in {type(record) for record in call.records}
    assert vetoes(call) == []


async def test_what_is_found_out_is_told() -> None:
    _, call = await listen(Loopback(0.12, -20.0), DEFAULT)
    (told,) = [seen for seen in call.observed if isinstance(seen, Trouble)]
    assert (told.where, told.what) == ("line", "the line returns the agent's own voice")
    assert told.detail == "after 0.120 s, 20 dB softer"
    assert {veto.reason for veto in vetoes(call)} == {"echo"}
    (count,) = [seen for seen in call.observed if isinstance(seen, Counted)]
    assert count.what == "echoes kept out"


# --- what the recogniser makes of an echo


def said(text: str, started: float, at: float, *, final: bool) -> tuple[float, Transcript]:
    return at + 0.1, Transcript(at, text, final=final, started=started)


ECHOED = (
    said("are open", 0.5, 1.0, final=False),
    said("Are open on Tuesday from", 0.5, 1.9, final=True),
    said("nine two five and on", 2.0, 3.2, final=True),
    (3.4, EndOfTurn(3.3)),
)


@pytest.mark.parametrize("policy", [WORDY, DEFAULT, FADING])
async def test_the_agents_own_words_are_no_turn_of_the_caller(policy: Policy) -> None:
    line, call = await listen(Loopback(0.2, -20.0), policy, stt=WrittenStt(ECHOED))
    assert line.clears == []
    assert heard(call) == [(Role.ASSISTANT, TEXT)]


async def test_a_recogniser_that_hears_an_echo_too_soft_for_the_gate_makes_no_turn() -> None:
    _, call = await listen(Loopback(0.2, -45.0), WORDY, stt=WrittenStt(ECHOED))
    assert heard(call) == [(Role.ASSISTANT, TEXT)]


async def test_a_recogniser_that_detects_the_voice_itself_does_not_interrupt() -> None:
    events = ((1.0, SpeechStarted(0.9)), (2.5, SpeechStopped(2.4)))
    line, call = await listen(Loopback(0.1, -10.0), DEFAULT, stt=WrittenStt(events))
    assert line.clears == []
    assert heard(call) == [(Role.ASSISTANT, TEXT)]


async def test_a_caller_who_repeats_a_word_after_the_agent_is_answered() -> None:
    line = FakeLine(loopback=Loopback(0.3, -20.0))
    async with in_call(line, Reader(), tts=RecordedTts(SHORT)) as call:
        await line.wait(5.6)
        await line.say("until noon?", audio=callers_voice()[:6000])
        await line.listen()
    assert heard(call)[1] == (Role.USER, "until noon?")
    assert TurnComplete in {type(record) for record in call.records}


async def test_only_the_callers_words_are_left_of_both() -> None:
    written = (said("open on Tuesday from wait a moment", 0.5, 2.6, final=True),)
    line = FakeLine(loopback=Loopback(0.1, -20.0))
    async with in_call(line, Reader(), tts=RecordedTts(SHORT), stt=WrittenStt(written)) as call:
        await line.wait(1.7)
        await line.say("", audio=callers_voice()[:8000])
        await line.listen()
    assert heard(call)[1] == (Role.USER, "wait a moment")
