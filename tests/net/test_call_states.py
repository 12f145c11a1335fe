from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.line import Progress
from dialog_core.net.call_states import MOST, CallStates
from dialog_core.observe.observations import CallState


@attrs.define
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


def rank(progress: Progress) -> int:
    return 2 if progress.is_final else [Progress.RINGING, Progress.ANSWERED].index(progress)


@pytest.mark.requirement("D.20")
@given(st.lists(st.sampled_from(Progress)))
def test_whatever_webhooks_say_a_call_only_moves_forward_and_each_step_is_told_once(
    told: list[Progress],
) -> None:
    seen: list[CallState] = []
    states = CallStates(Clock())
    for progress in told:
        states.report("c1", progress, observe=seen.append)
    ranks = [rank(state.progress) for state in seen]
    assert ranks == sorted(set(ranks))
    assert max((rank(each) for each in told), default=-1) == max(ranks, default=-1)
    assert states.get("c1") == (seen[-1] if seen else None)


def test_calls_do_not_move_each_other_and_the_oldest_is_forgotten() -> None:
    states = CallStates(Clock())
    for number in range(MOST + 1):
        states.report(f"c{number}", Progress.RINGING)
    assert states.get("c0") is None
    assert states.get("c1") == CallState("c1", 1000.0, Progress.RINGING)


@pytest.mark.anyio
async def test_steps_end_with_the_final_state() -> None:
    states = CallStates(Clock())
    reached: list[CallState] = []

    def follow(state: CallState) -> None:
        reached.append(state)

    for progress in (Progress.RINGING, Progress.ANSWERED):
        states.report("c1", progress, observe=follow)
    steps = states.steps("c1")
    assert (await anext(steps)).progress is Progress.ANSWERED
    states.report("c1", Progress.ENDED, reason="completed", observe=follow)
    assert [step async for step in steps] == [reached[-1]]
    assert (await states.reached("c1", Progress.RINGING)).reason == "completed"
