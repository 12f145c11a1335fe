"""The conversation to keep: for programs as JSON, for people as text. All times are seconds on the recording."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from dialog_core.observe.observations import ReplyTimed
from dialog_demo.conversation import AgentTurn, CallerTurn, Conversation
from dialog_demo.goal import Check, pauses
from dialog_demo.sound import RATE
from dialog_demo.take import Take
from dialog_demo.waterfall import stages_of

__all__ = ["as_json", "as_text"]

COLUMN = 16
WIDTH = 96


def as_json(take: Take, talk: Conversation, checks: tuple[Check, ...]) -> str:
    """A JSON object: the call, its turns in order, what was checked."""
    document = {
        "began": take.began.isoformat(timespec="milliseconds"),
        "seconds": seconds(len(take.caller) / RATE),
        "ended": talk.reason,
        "noted": talk.noted,
        "turns": [
            caller_turn(turn) if isinstance(turn, CallerTurn) else agent_turn(turn)
            for turn in talk.turns
        ],
        "pauses": [
            {"start": seconds(pause.start), "end": seconds(pause.end)} for _, pause in pauses(take)
        ],
        "cleared": [seconds(at) for at in take.clears],
        "median_latency": seconds(talk.typical_latency),
        "checks": [
            {"what": check.what, "passed": not check.missing, "missing": check.missing}
            for check in checks
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def caller_turn(turn: CallerTurn) -> Mapping[str, Any]:
    return {
        "who": "caller",
        "text": turn.text,
        "start": seconds(turn.sound.start),
        "end": seconds(turn.sound.end),
        "decided": seconds(turn.decided),
    }


def agent_turn(turn: AgentTurn) -> Mapping[str, Any]:
    return {
        "who": "agent",
        "reply": turn.reply,
        "text": turn.text,
        "start": seconds(turn.sound.start),
        "end": seconds(turn.sound.end),
        "interrupted": turn.interrupted,
        "latency": seconds(turn.latency),
        "stages": stage_times(turn.times),
    }


def stage_times(times: ReplyTimed) -> Mapping[str, float | None]:
    """How long each stage took, by the server's own clock."""
    return {stage.name: seconds(stage.end - stage.start) for stage in stages_of(times)}


def seconds(value: float | None) -> float | None:
    """Rounded to a tenth of a millisecond, less than a sample."""
    return None if value is None else round(value, 4)


def as_text(take: Take, talk: Conversation) -> str:
    """A page to read."""
    head = f"Call of {take.began:%Y-%m-%d %H:%M} UTC, {len(take.caller) / RATE:.1f} s"
    lines = [head, "Times are seconds on recording.wav; words are as understood, and as heard.", ""]
    interrupted = False
    for turn in talk.turns:
        who = "caller" if isinstance(turn, CallerTurn) else "agent"
        remark = "(interrupts) " if interrupted and who == "caller" else ""
        words = f"{remark}{turn.text}{remarks(turn)}"
        start = f"{turn.sound.start:6.2f}  {who}".ljust(COLUMN)
        indent = " " * COLUMN
        lines += textwrap.wrap(words, WIDTH, initial_indent=start, subsequent_indent=indent)
        interrupted = isinstance(turn, AgentTurn) and turn.interrupted
    noted = [f"{key}: {value}" for key, value in talk.noted.items()]
    lines += ["", f"Ended: {talk.reason}.", *noted]
    return "\n".join(lines) + "\n"


def remarks(turn: CallerTurn | AgentTurn) -> str:
    if isinstance(turn, CallerTurn):
        return ""
    cut = " -- cut off" if turn.interrupted else ""
    return f"{cut} [after {turn.latency:.2f} s]" if turn.latency is not None else cut
