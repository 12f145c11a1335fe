from __future__ import annotations

from typing import Any, Protocol

import attrs
import pytest
from dialog_demo.conversation import Conversation
from dialog_demo.goal import Check
from dialog_demo.sound import Span
from dialog_demo.take import Take

from dialog_core.observe.observations import CallEnded, Observation, StepTaken, Trouble
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import BargeIn, Said, TurnComplete


class Judge(Protocol):
    def checks(self, take: Take) -> tuple[Check, ...]: ...

    def missing(self, take: Take) -> list[str]: ...


def with_records(take: Take, old: type, new: object) -> Take:
    """The take with each record of a class replaced."""

    def changed(seen: Observation) -> Observation:
        if not isinstance(seen, StepTaken):
            return seen
        effects = tuple(
            new if isinstance(each, Keep) and isinstance(each.record, old) else each
            for each in seen.effects
        )
        return attrs.evolve(seen, effects=effects)

    return attrs.evolve(take, observed=tuple(map(changed, take.observed)))


def ended(take: Take, **changes: Any) -> Take:
    *before, last = take.observed
    assert isinstance(last, CallEnded)
    return attrs.evolve(take, observed=(*before, attrs.evolve(last, **changes)))


def louder(track: bytes, start: float, end: float) -> bytes:
    first, last = round(start * 8000), round(end * 8000)
    return track[:first] + b"\x80" * (last - first) + track[last:]


def test_the_call_as_it_should_be_lacks_nothing(take: Take, judge: Judge) -> None:
    assert judge.missing(take) == []
    assert [each.what for each in judge.checks(take)] == [
        "the appointment is 2026-11-24 10:30 Ann",
        "each of the caller's 3 lines was one turn, and was answered",
        "the agent fell silent when it was interrupted at 7.0 s",
        "the agent waited through the pause of 0.8 s at 3.5 s",
        "the agent said goodbye, and hung up when that was heard",
        "nobody had anything to complain of",
    ]


def test_latency_is_from_the_callers_last_sample_to_the_agents_first(talk: Conversation) -> None:
    assert [turn.waited for turn in talk.agent] == [
        None, Span(4.8, 5.4), Span(8.0, 8.6), Span(11.2, 11.8),
    ]  # fmt: skip
    assert talk.typical_latency == pytest.approx(0.6)
    assert [turn.interrupted for turn in talk.agent] == [False, True, False, False]


def test_another_appointment_is_none(take: Take, judge: Judge) -> None:
    assert judge.missing(ended(take, noted={})) == ["the agent noted none"]


def test_an_interruption_that_is_not_taken_as_one_is_missed(take: Take, judge: Judge) -> None:
    deaf = with_records(take, BargeIn, Keep(Said(7.31, 2, "We are open.")))
    assert judge.missing(deaf) == ["reply 2 was not taken as interrupted"]


def test_an_interruption_must_reach_the_carrier(take: Take, judge: Judge) -> None:
    assert judge.missing(attrs.evolve(take, clears=())) == [
        "the carrier was not told to throw the rest away"
    ]


@pytest.mark.parametrize("cleared", [7.1, 8.05])
def test_an_agent_that_talks_on_was_not_cut(take: Take, judge: Judge, cleared: float) -> None:
    stubborn = attrs.evolve(take, clears=(cleared,), agent=louder(take.agent, 7.3, 7.35))
    assert judge.missing(stubborn) == ["it still sounded 1 s later"]


def test_an_interruption_of_nothing_is_none(take: Take, judge: Judge) -> None:
    silent = attrs.evolve(take, agent=louder(take.agent, 0, 0)[: 5 * 8000] + b"\xff" * 72000)
    assert "the agent was not speaking then" in judge.missing(silent)


def test_an_agent_that_speaks_into_the_pause_is_too_eager(take: Take, judge: Judge) -> None:
    eager = attrs.evolve(take, agent=louder(take.agent, 4.0, 4.2))
    assert judge.missing(eager) == ["it spoke before the sentence was over"]


def test_a_sentence_that_becomes_two_turns_is_split(take: Take, judge: Judge) -> None:
    first = take.observed[5]
    assert isinstance(first, StepTaken)
    (keep,) = first.effects
    assert isinstance(keep, Keep)
    assert isinstance(keep.record, TurnComplete)
    said = attrs.evolve(keep.record.utterance, ended=3.5)
    half = attrs.evolve(first, effects=(Keep(TurnComplete(4.0, said)),))
    split = attrs.evolve(take, observed=(*take.observed[:5], half, *take.observed[5:]))
    assert judge.missing(split) == ["there were 4 turns", "the sentence became 2 turns"]


def test_a_caller_who_hangs_up_got_no_goodbye(take: Take, judge: Judge) -> None:
    assert judge.missing(ended(take, reason="hangup")) == ["the call ended otherwise: hangup"]


def test_a_goodbye_that_is_not_heard_is_none(take: Take, judge: Judge) -> None:
    rude = with_records(take, Said, Keep(Said(13.0, 4, "See you.")))
    assert judge.missing(rude)[-1] == "the last that was heard is not a goodbye"


def test_a_caller_who_gives_up_says_why(take: Take, judge: Judge) -> None:
    alone = attrs.evolve(take, gave_up="the agent did not answer", lines=take.lines[:1])
    assert judge.missing(alone)[0] == "after line 1 the agent did not answer"


def test_complaints_are_told(take: Take, judge: Judge) -> None:
    trouble = Trouble("CA1", "tts local", "was slow")
    bad = attrs.evolve(take, warnings=("31951: no",), observed=(trouble, *take.observed))
    assert judge.missing(bad) == ["31951: no; tts local: was slow"]
