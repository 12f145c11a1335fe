"""What every endpointer must do."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from dialog_core.agent.call import Call
from dialog_core.messages import Utterance
from dialog_core.protocols import Endpointer
from dialog_core.testing.calls import in_call, new_policy
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.contract import Contract, calls_counted, proves
from dialog_core.testing.contracts.policy_kit import EndpointerAbility, EndpointerKit
from dialog_core.testing.contracts.quiet import QUIET
from dialog_core.testing.line import FakeLine
from dialog_core.turns.expectation import ANYTHING, Digits, YesNo
from dialog_core.turns.policy import Abstain, Ask, Done, Pause, Verdict, Wait
from dialog_core.turns.rhythm import Rhythm

__all__ = ["EndpointerContract"]

REPEATABLE = settings(max_examples=100, derandomize=True, database=None, deadline=None)
PAUSES = st.builds(
    Pause,
    silent=st.floats(0, 3600),
    text=st.text(max_size=80),
    settled=st.booleans(),
    end_of_turn=st.sampled_from((None, True, False)),
    previous=st.text(max_size=80),
    expecting=st.sampled_from((ANYTHING, YesNo(), Digits(4))),
    rhythm=st.builds(Rhythm, st.integers(0, 50), st.floats(0, 3), st.floats(0, 3)),
)
SAID = ("", "Yes.", "I would like to", "My number is four two", "and then,", "Is that all?", "well")
"""Ends of turns, and what is none."""
CALLS_PER_JUDGEMENT = 100
"""Python functions that one judgement may call."""


class Echo:
    """An agent that answers whatever it is told."""

    greeting = "Hello."

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Say it again."""
        del call
        yield f"You said: {turn.text}"


class EndpointerContract(Contract):
    """Subclass it with a kit to test an endpointer."""

    kit: ClassVar[EndpointerKit]

    def endpointer(self) -> Endpointer:
        """A fresh one."""
        found: Endpointer = choose(self.kit).build(QUIET)
        return found

    def for_every_pause(self, law: Callable[[Endpointer, Pause], object]) -> None:
        """Hold a law to pauses of every sort."""
        endpointer = self.endpointer()

        @REPEATABLE
        @given(PAUSES)
        def held(pause: Pause) -> None:
            law(endpointer, pause)

        held()

    # --- laws

    def test_every_pause_gets_a_verdict_and_a_bounded_wait(self) -> None:
        self.for_every_pause(lambda endpointer, pause: self.check(endpointer.judge(pause)))

    def test_the_same_pause_gets_the_same_verdict(self) -> None:
        other = self.endpointer()

        def law(endpointer: Endpointer, pause: Pause) -> None:
            first = endpointer.judge(pause)
            assert first == endpointer.judge(pause)
            assert first == other.judge(pause)

        self.for_every_pause(law)

    def test_words_that_settle_do_not_make_it_wait_longer(self) -> None:
        def law(endpointer: Endpointer, pause: Pause) -> None:
            unsettled, settled = (
                endpointer.judge(Pause(pause.silent, pause.text, settled, pause.end_of_turn))
                for settled in (False, True)
            )
            assert wait_of(settled) <= wait_of(unsettled)

        self.for_every_pause(law)

    def test_a_judgement_is_quick(self) -> None:
        plugin = choose(self.kit).plugin
        assert plugin is not None
        endpointer = self.endpointer()
        with calls_counted(plugin.module) as calls:
            for text in SAID:
                endpointer.judge(Pause(0.2, text, settled=True))
        assert calls.count / len(SAID) < CALLS_PER_JUDGEMENT

    async def test_whoever_falls_silent_is_answered(self) -> None:
        line = FakeLine()
        policy = new_policy(endpointer=self.endpointer())
        async with in_call(line, Echo(), policy=policy) as call:
            await line.listen()
            for words in ("I would like a table", "for two people, please."):
                await line.say(words)
                with anyio.fail_after(self.kit.longest + policy.watchdog):
                    await line.listen()
            assert call.history.heard().count("You said:") >= 1

    async def test_thinking_ends_in_an_answer_and_can_be_cancelled(self) -> None:
        endpointer = self.endpointer()
        for text in SAID:
            pause = Pause(0.2, text, settled=True)
            with anyio.fail_after(self.kit.longest):
                answer = await endpointer.ask(pause)
            assert not isinstance(answer, Ask)
            self.check(answer)
            with anyio.CancelScope() as scope:
                scope.cancel()
                await endpointer.ask(pause)

    # --- abilities

    @proves(EndpointerAbility.WORDS)
    def test_words_change_its_wait(self) -> None:
        endpointer = self.endpointer()
        verdicts = {endpointer.judge(Pause(0.2, text, settled=True)) for text in SAID}
        assert (len(verdicts) > 1) == self.claims(EndpointerAbility.WORDS)

    @proves(EndpointerAbility.VERDICT)
    def test_a_sure_recogniser_is_believed(self) -> None:
        endpointer = self.endpointer()

        def judged(verdict: bool | None) -> set[Verdict]:  # noqa: FBT001 - as the pause has it
            pauses = (Pause(0.2, text, settled=True, end_of_turn=verdict) for text in SAID)
            return {endpointer.judge(pause) for pause in pauses}

        if self.claims(EndpointerAbility.VERDICT):
            assert judged(True) == {Done()}
            assert Done() not in judged(False)
        else:
            assert judged(True) == judged(None)

    @proves(EndpointerAbility.THINKS)
    def test_it_asks_for_time(self) -> None:
        asked: list[Verdict] = []

        def law(endpointer: Endpointer, pause: Pause) -> None:
            verdict = endpointer.judge(pause)
            if isinstance(verdict, Ask):
                asked.append(verdict)

        self.for_every_pause(law)
        assert bool(asked) == self.claims(EndpointerAbility.THINKS)

    def check(self, verdict: Any) -> None:
        """A verdict is one, and its wait ends."""
        assert isinstance(verdict, Wait | Done | Ask | Abstain)
        assert math.isfinite(wait_of(verdict))
        assert 0 <= wait_of(verdict) <= self.kit.longest


def wait_of(verdict: Verdict) -> float:
    """Seconds of silence that a verdict asks for at most."""
    match verdict:
        case Done():
            return 0.0
        case Abstain(at_most=seconds):
            return seconds
    return verdict.seconds
