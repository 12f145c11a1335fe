from __future__ import annotations

import json
from typing import Protocol

from dialog_demo.conversation import Conversation
from dialog_demo.goal import Check
from dialog_demo.take import Take
from dialog_demo.transcript import as_json, as_text


class Judge(Protocol):
    def checks(self, take: Take) -> tuple[Check, ...]: ...


def test_the_json_has_turns_times_and_checks(take: Take, talk: Conversation, judge: Judge) -> None:
    document = json.loads(as_json(take, talk, judge.checks(take)))
    assert [turn["who"] for turn in document["turns"]] == ["agent", "caller"] * 3 + ["agent"]
    assert document["turns"][2] == {
        "who": "agent",
        "reply": 2,
        "text": "We are open from Monday to Friday, from 9 AM",
        "start": 5.4,
        "end": 7.3,
        "interrupted": True,
        "latency": 0.6,
        "stages": {
            "endpointing": 0.5,
            "text": 0.004,
            "segment": 0.001,
            "speech": 0.074,
            "line": 0.001,
        },
    }
    assert document["began"] == "2026-11-21T06:00:00.000+00:00"
    assert document["seconds"] == 14.0
    assert document["noted"] == {"appointment": "2026-11-24 10:30 Ann"}
    assert document["pauses"] == [{"start": 3.5, "end": 4.3}]
    assert document["cleared"] == [7.3]
    assert all(check["passed"] for check in document["checks"])


def test_the_text_reads_as_a_conversation(take: Take, talk: Conversation) -> None:
    assert as_text(take, talk).splitlines()[3:7] == [
        "  0.10  agent   Hello. How can I help you?",
        "  3.00  caller  I would like to come on. Tuesday.",
        "  5.40  agent   We are open from Monday to Friday, from 9 AM -- cut off [after 0.60 s]",
        "  7.00  caller  (interrupts) At half past ten, please.",
    ]
    assert as_text(take, talk).endswith(
        "Ended: agent hung up.\nappointment: 2026-11-24 10:30 Ann\n"
    )
