"""A clip through any mode: the turn is complete its delay after the last voiced sample, on the audio clock."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from dialog_silero.policies import EndpointerSettings, SileroEndpointer

from dialog_core.agent.call import Call
from dialog_core.messages import Utterance
from dialog_core.policies.endpointers import (
    Acoustic,
    AcousticSettings,
    Heuristic,
    HeuristicSettings,
    Provider,
    ProviderSettings,
)
from dialog_core.protocols import Endpointer
from dialog_core.testing.calls import in_call, new_policy
from dialog_core.testing.fakes import FakeStt
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import TurnComplete

pytestmark = pytest.mark.anyio

TOLERANCE = 0.02
MODES: list[tuple[Endpointer, str, float]] = [
    (Acoustic(AcousticSettings(0.7)), "book a table", 0.7),
    (Acoustic(AcousticSettings(0.3)), "book a table", 0.3),
    (Heuristic(HeuristicSettings(finished=0.5)), "Book a table.", 0.5),
    (Heuristic(HeuristicSettings(unsure=0.8)), "book a table", 0.8),
    (Heuristic(HeuristicSettings(unfinished=1.5)), "book a table for", 1.5),
    (Provider(ProviderSettings(fallback=2.0)), "book a table", 2.0),
    (SileroEndpointer(EndpointerSettings(silence=0.5)), "book a table", 0.5),
]
"""(endpointer, words, the wait that it has for them)."""


class Clerk:
    async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield "Very well."


@pytest.mark.requirement("D.7", "D.8")
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: f"{type(mode[0]).__name__}-{mode[2]}")
@pytest.mark.parametrize(
    ("latency", "interims"), [(0.05, True), (0.25, True), (0.29, False)], ids=str
)
async def test_a_turn_is_complete_its_delay_after_the_last_voiced_sample(
    mode: tuple[Endpointer, str, float], latency: float, *, interims: bool
) -> None:
    endpointer, words, delay = mode
    line = FakeLine()
    stt = FakeStt(line, latency=latency, interims=interims)
    async with in_call(line, Clerk(), stt=stt, policy=new_policy(endpointer=endpointer)) as call:
        for begin, seconds in ((1.0, 0.9), (4.02, 1.24), (8.46, 0.6)):
            await line.wait(begin - line.now)
            await line.say(words, seconds=seconds)
            await line.wait(delay + 0.5)
    turns = [record for record in call.records if isinstance(record, TurnComplete)]
    assert len(turns) == len(line.spoken) == 3
    for turn, said in zip(turns, line.spoken, strict=True):
        assert turn.at - (said.end + delay) == pytest.approx(0.0, abs=TOLERANCE)
