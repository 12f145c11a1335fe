"""What every barge-in policy must do."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from dialog_core.agent.call import Call
from dialog_core.messages import Utterance
from dialog_core.testing.calls import in_call, new_policy
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.contract import Contract, calls_counted, proves
from dialog_core.testing.contracts.policy_kit import BargeInAbility, BargeInKit
from dialog_core.testing.contracts.quiet import QUIET
from dialog_core.testing.line import FakeLine
from dialog_core.turns.policy import (
    BargeIn,
    Continue,
    Cut,
    Doubt,
    Duck,
    Hold,
    Ignore,
    Overlap,
)
from dialog_core.turns.records import BargeIn as BargeInRecord

__all__ = ["BargeInContract"]

REPEATABLE = settings(max_examples=100, derandomize=True, database=None, deadline=None)
OVERLAPS = st.builds(
    Overlap,
    voiced=st.floats(0, 600),
    sounding=st.booleans(),
    text=st.text(max_size=40),
    probability=st.floats(0, 1),
    ducked=st.booleans(),
    heard=st.text(max_size=40),
)
WORDS = ("", "mhm", "no wait, that is wrong")
STEP = 0.1
"""Seconds between two looks at a caller who goes on speaking."""
LONGEST_WAIT = 60.0
CALLS_PER_JUDGEMENT = 100
"""Python functions that one judgement may call."""


class Talker:
    """An agent that speaks for a long time."""

    greeting = "Hello."

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Go on and on."""
        del turn, call
        for _ in range(8):
            yield "This is one of many sentences of a very long answer. "


class BargeInContract(Contract):
    """Subclass it with a kit to test a barge-in policy."""

    kit: ClassVar[BargeInKit]

    def policy(self) -> BargeIn:
        """A fresh one."""
        found: BargeIn = choose(self.kit).build(QUIET)
        return found

    def for_every_overlap(self, law: Callable[[BargeIn, Overlap], object]) -> None:
        """Hold a law to overlaps of every sort."""
        policy = self.policy()

        @REPEATABLE
        @given(OVERLAPS)
        def held(overlap: Overlap) -> None:
            law(policy, overlap)

        held()

    # --- laws

    def test_every_overlap_gets_an_answer(self) -> None:
        def law(policy: BargeIn, overlap: Overlap) -> None:
            answer = policy.judge(overlap)
            assert isinstance(answer, Continue | Doubt | Ignore | Duck | Hold | Cut)
            if isinstance(answer, Duck):
                assert math.isfinite(answer.fade)
                assert 0 <= answer.fade <= LONGEST_WAIT

        self.for_every_overlap(law)

    def test_the_same_overlap_gets_the_same_answer(self) -> None:
        other = self.policy()

        def law(policy: BargeIn, overlap: Overlap) -> None:
            first = policy.judge(overlap)
            assert first == policy.judge(overlap)
            assert first == other.judge(overlap)

        self.for_every_overlap(law)

    def test_it_is_asked_again_later_and_not_at_once_for_ever(self) -> None:
        def law(policy: BargeIn, overlap: Overlap) -> None:
            again = getattr(policy.judge(overlap), "again", None)
            if again is not None and overlap.sounding:
                assert overlap.voiced < again <= overlap.voiced + LONGEST_WAIT

        self.for_every_overlap(law)

    def test_a_caller_who_is_silent_again_leaves_no_reply_held(self) -> None:
        def law(policy: BargeIn, overlap: Overlap) -> None:
            silent = attrs.evolve(overlap, sounding=False)
            assert isinstance(policy.judge(silent), Continue | Doubt | Ignore | Cut)

        self.for_every_overlap(law)

    def test_a_judgement_is_quick(self) -> None:
        plugin = choose(self.kit).plugin
        assert plugin is not None
        policy = self.policy()
        with calls_counted(plugin.module) as calls:
            for text in WORDS:
                policy.judge(Overlap(0.3, sounding=True, text=text))
        assert calls.count / len(WORDS) < CALLS_PER_JUDGEMENT

    async def test_a_call_goes_on_whatever_it_decides(self) -> None:
        line = FakeLine()
        policy = new_policy(barge_in=self.policy())
        async with in_call(line, Talker(), policy=policy) as call:
            await line.listen()
            await line.say("Tell me everything.")
            await line.wait(3.0)
            await line.say("Stop, that is not at all what I was asking about, thank you very much")
            await line.listen()
            cuts = [record for record in call.records if isinstance(record, BargeInRecord)]
        assert bool(cuts) == self.claims(BargeInAbility.YIELDS)

    # --- abilities

    @proves(BargeInAbility.YIELDS)
    def test_whoever_goes_on_speaking_gets_the_floor(self) -> None:
        answers = self.answers_to("no wait, that is wrong")
        if self.claims(BargeInAbility.YIELDS):
            assert answers[-1] == Cut()
        else:
            assert Cut() not in answers

    @proves(BargeInAbility.DUCKS)
    def test_it_lowers_the_reply_while_it_makes_up_its_mind(self) -> None:
        answers = [answer for text in WORDS for answer in self.answers_to(text)]
        lowered = any(isinstance(answer, Duck | Hold) for answer in answers)
        assert lowered == self.claims(BargeInAbility.DUCKS)

    @proves(BargeInAbility.WORDS)
    def test_words_change_its_mind(self) -> None:
        policy = self.policy()
        differ = any(
            len({policy.judge(Overlap(voiced, sounding, text, sure)) for text in WORDS}) > 1
            for voiced in (0.0, 0.1, 0.3, 1.0, 3.0)
            for sounding in (True, False)
            for sure in (0.3, 1.0)
        )
        assert differ == self.claims(BargeInAbility.WORDS)

    def answers_to(self, text: str) -> list[Any]:
        """What the policy says, look by look, to a sure voice that goes on, until it gets the floor."""
        policy, answers = self.policy(), list[Any]()
        for step in range(1, round(self.kit.longest / STEP) + 1):
            ducked = bool(answers) and isinstance(answers[-1], Duck | Hold)
            answers.append(policy.judge(Overlap(step * STEP, True, text, ducked=ducked)))
            if answers[-1] == Cut():
                break
        return answers
