from __future__ import annotations

import pytest

from dialog_core.messages import Message, Role, ToolCall, ToolSpec, Utterance
from dialog_core.speech.history import Entry, History
from dialog_core.speech.prompt import CUT, new_prompt

CALLS = Message(Role.ASSISTANT, tool_calls=(ToolCall("1", "price", "{}"),))
RESULT = Message(Role.TOOL, "90", tool_call_id="1")


def turn(text: str) -> Utterance:
    return Utterance(text, 1.0, 2.0)


def texts(history: History) -> list[str]:
    return [entry.text for entry in history.entries]


def test_what_was_heard_of_a_reply_replaces_what_was_known_of_it() -> None:
    history = History().said(1, "Good", at=1.0).asked(turn("Hi"), 2.0).said(1, "Good day", at=3.0)
    assert texts(history) == ["Good day", "Hi"]
    assert history.entries[0].at == 1.0


def test_a_reply_of_which_nothing_was_heard_leaves_no_entry() -> None:
    assert History().said(1, "", at=1.0, cut=True) == History()


def test_a_history_is_a_value() -> None:
    before = History().asked(turn("Hi"), 2.0)
    before.said(1, "Hello", at=3.0)
    assert texts(before) == ["Hi"]


def test_a_turn_taken_back_leaves_what_was_said_since() -> None:
    history = History().asked(turn("one"), 1.0).said(1, "yes", at=2.0).asked(turn("two"), 3.0)
    assert texts(history.taken_back()) == ["one", "yes"]
    assert History().taken_back() == History()


def test_tool_calls_belong_to_their_reply_whether_heard_before_or_after() -> None:
    early = History().did(1, CALLS, RESULT, at=1.0).said(1, "Ninety.", at=2.0)
    late = History().said(1, "Ninety.", at=1.0).did(1, CALLS, RESULT, at=2.0)
    assert [entry.messages for entry in early.entries] == [(CALLS, RESULT)]
    assert [(entry.text, entry.messages) for entry in late.entries] == [
        ("Ninety.", (CALLS, RESULT))
    ]


@pytest.mark.requirement("A.40")
def test_a_prompt_holds_entries_of_every_role_in_order() -> None:
    history = (
        History()
        .said(1, "Welcome.", at=0.0)
        .asked(turn("Hi"), 1.0)
        .noted(Entry(Role.DEVELOPER, "The caller is known.", 2.0))
        .said(2, "Hello.", at=3.0)
    )
    assert [(message.role, message.text) for message in new_prompt("Be kind.", history).messages] == [
        (Role.SYSTEM, "Be kind."), (Role.ASSISTANT, "Welcome."), (Role.USER, "Hi"),
        (Role.DEVELOPER, "The caller is known."), (Role.ASSISTANT, "Hello."),
    ]  # fmt: skip


@pytest.mark.requirement("D.10")
def test_a_reply_that_was_cut_is_marked_in_the_prompt() -> None:
    prompt = new_prompt("", History().said(1, "We are open", at=1.0, cut=True))
    assert prompt.messages == (Message(Role.ASSISTANT, "We are open" + CUT),)


@pytest.mark.requirement("B.33")
def test_the_prompt_has_forty_messages_of_the_conversation_at_most_the_latest() -> None:
    history = History()
    for number in range(100):
        history = history.asked(turn(f"t{number}"), float(number))
    messages = new_prompt("Be kind.", history).messages
    assert [message.text for message in messages[1:]] == [f"t{n}" for n in range(60, 100)]


def test_tool_results_are_never_parted_from_their_calls() -> None:
    history = History().asked(turn("price?"), 1.0).did(1, CALLS, RESULT, at=2.0)
    history = history.said(1, "Ninety.", at=3.0).asked(turn("ok"), 4.0)
    assert len(new_prompt("", history, limit=4).messages) == 4
    assert new_prompt("", history, limit=3).messages == (Message(Role.USER, "ok"),)


def test_tools_are_offered_with_the_prompt() -> None:
    tool = ToolSpec("price", "What it costs.", {"type": "object"})
    assert new_prompt("", History(), tools=[tool]).tools == (tool,)
