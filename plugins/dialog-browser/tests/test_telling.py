from __future__ import annotations

import pytest
from dialog_browser.protocol import BargeIn, Done, Speaking, Thinking, ToPage
from dialog_browser.protocol import Transcript as Told
from dialog_browser.telling import Teller

from dialog_core.messages import Transcript, Utterance
from dialog_core.observe.observations import Counted, Observation, StepTaken
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns import records


def step(event: object, *effects: object) -> StepTaken:
    return StepTaken("c1", 0.0, "idle", event, effects)


def kept(record: records.Record) -> StepTaken:
    return step(ev.HungUp(0.0), ef.Keep(record))


def told(*observations: Observation) -> list[ToPage]:
    teller = Teller()
    return [message for each in observations for message in teller.tell(each)]


def said(text: str) -> Utterance:
    return Utterance(text, 0.0, 1.0)


WANTED = ev.ReplyWanted(0.0, 1)
THINKS = step(WANTED, ef.StartReply(1, WANTED))


@pytest.mark.requirement("D.14")
def test_a_turn_of_each_side_is_told_from_its_first_word_to_its_last() -> None:
    messages = told(
        step(Transcript(1.0, "What", final=False)),
        step(Transcript(2.0, "What does it", final=True)),
        step(Transcript(2.5, "cost", final=False)),
        kept(records.TurnComplete(3.0, said("What does it cost?"))),
        THINKS,
        step(ev.ReplyAudible(3.5, 1)),
        step(ev.MarkReached(4.0, 1, "Ten dollars. ")),
        kept(records.Said(5.0, 1, "Ten dollars. All in.")),
    )
    assert messages == [
        Told("caller", 1, "What"),
        Told("caller", 1, "What does it"),
        Told("caller", 1, "What does it cost"),
        Told("caller", 1, "What does it cost?", final=True),
        Thinking(1),
        Speaking(1),
        Told("agent", 1, "Ten dollars."),
        Told("agent", 1, "Ten dollars. All in.", final=True),
        Done(1, "Ten dollars. All in."),
    ]


@pytest.mark.requirement("D.14")
def test_a_barge_in_tells_what_was_heard_of_the_reply() -> None:
    assert told(THINKS, kept(records.BargeIn(4.0, 1, "Ten"))) == [
        Thinking(1),
        Told("agent", 1, "Ten", final=True),
        BargeIn(1, "Ten"),
    ]


def test_a_reply_that_is_taken_back_opens_the_callers_turn_again() -> None:
    messages = told(
        kept(records.TurnComplete(1.0, said("I would like"))),
        THINKS,
        kept(records.TakenBack(1.2, 1)),
        kept(records.TurnComplete(2.0, said("I would like a table"))),
        kept(records.TurnComplete(9.0, said("Yes"))),
    )
    assert messages == [
        Told("caller", 1, "I would like", final=True),
        Thinking(1),
        Done(1, "", complete=False),
        Told("caller", 1, "I would like a table", final=True),
        Told("caller", 2, "Yes", final=True),
    ]


def test_a_reply_that_broke_off_is_done_but_not_complete() -> None:
    assert told(kept(records.BrokenOff(1.0, 2, "Ten", "the voice failed"))) == [
        Told("agent", 2, "Ten", final=True),
        Done(2, "Ten", complete=False),
    ]


def test_what_the_provider_failed_with_is_not_told_to_the_caller() -> None:
    messages = told(kept(records.BrokenOff(1.0, 2, "", "key sk-123 was refused")))
    assert "sk-123" not in str(messages)


def test_a_mark_of_a_reply_that_is_over_tells_nothing() -> None:
    assert told(THINKS, step(ev.MarkReached(4.0, 7, "Late. "))) == [Thinking(1)]


def test_why_the_agent_ended_the_call_is_remembered() -> None:
    teller = Teller()
    assert list(teller.tell(step(ev.HungUp(1.0), ef.EndCall("agent hung up")))) == []
    assert teller.ending == "agent hung up"


def test_what_is_no_step_tells_nothing() -> None:
    assert told(Counted("c1", "frames dropped", 3)) == []
