"""Silero finds a voice however soft it is, and so an echo too: whole calls on a line that returns the agent's voice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
from dialog_silero.model import Silero
from dialog_silero.policies import SileroBargeIn

from dialog_core import wav
from dialog_core.agent.call import Call
from dialog_core.cascade.ready_made import recorded
from dialog_core.messages import Role, Utterance
from dialog_core.policies.barge_in import HardCut, HardCutSettings
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.line import FakeLine
from dialog_core.testing.loopback import Loopback
from dialog_core.testing.recorded import RecordedTts
from dialog_core.turns.policy import BargeIn

pytestmark = [pytest.mark.anyio, pytest.mark.models]

AGENT = wav.parse(Path(__file__).with_name("phrase.wav").read_bytes()).data * 2
CALLER = recorded().audio
DELAYS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
LEVELS = (-10.0, -20.0, -30.0)
WITHIN = 0.3


@attrs.frozen
class Reader:
    """Reads something out."""

    greeting: str = "A long message, which is to be heard to its end."

    async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield "Thank you."


async def call_over(
    loopback: Loopback, barge_in: BargeIn, *, speaks_at: float | None = None
) -> tuple[FakeLine, InCall]:
    line, policy = FakeLine(loopback=loopback), new_policy(barge_in=barge_in)
    async with in_call(line, Reader(), tts=RecordedTts(AGENT), policy=policy, vad=Silero()) as call:
        if speaks_at is None:
            await line.listen(quiet=1.5)
        else:
            await line.wait(speaks_at)
            await line.say("Stop it please", audio=CALLER[:12000])
    return line, call


@pytest.mark.parametrize("decibels", LEVELS)
@pytest.mark.parametrize("delay", DELAYS)
async def test_the_agent_never_interrupts_itself(delay: float, decibels: float) -> None:
    line, call = await call_over(Loopback(delay, decibels), SileroBargeIn())
    assert line.clears == []
    assert [entry.role for entry in call.history.entries] == [Role.ASSISTANT]


@pytest.mark.parametrize("decibels", LEVELS)
@pytest.mark.parametrize("delay", DELAYS)
async def test_a_caller_on_top_of_the_echo_stops_it_in_time(delay: float, decibels: float) -> None:
    policy = HardCut(HardCutSettings(after=0.2))
    line, _ = await call_over(Loopback(delay, decibels), policy, speaks_at=2.1 + delay)
    assert 0 <= line.clears[0] - line.spoken[0].start <= WITHIN
