"""Who said what and when, out of a call's observations and its recording.

What was said is the server's knowledge: the caller's words as it understood them, the agent's as far as the caller
heard them. When it sounded is measured on the recording. The server's times count from the same moment, within the
few milliseconds that its first message took.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import attrs

from dialog_core.observe.observations import CallEnded, Observation, ReplyTimed, StepTaken
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import (
    Backchannel,
    BargeIn,
    BrokenOff,
    NothingHeard,
    Record,
    Said,
    TakenBack,
    TurnComplete,
)
from dialog_demo.sound import Span, first_sound, last_sound
from dialog_demo.take import Take

__all__ = [
    "AgentTurn",
    "CallerTurn",
    "Conversation",
    "read_conversation",
    "records_in",
    "turn_sound",
]

EARLY_SECONDS = 0.1
"""The server's clock may be so much behind the recording."""
TAIL_SECONDS = 0.2


@attrs.frozen
class CallerTurn:
    """What the caller said in one turn, as it was understood."""

    text: str
    sound: Span
    decided: float
    """When the server took the turn for complete."""


@attrs.frozen
class AgentTurn:
    """A reply, as far as it was heard."""

    reply: int
    text: str
    sound: Span
    times: ReplyTimed
    interrupted: bool = False
    waited: Span | None = None
    """From the caller's last voiced sample to the first sample of this, both on the recording; None if it answers
    no words."""

    @property
    def latency(self) -> float | None:
        """Seconds that the caller waited for it."""
        return self.waited.seconds if self.waited is not None else None


Turn = CallerTurn | AgentTurn


@attrs.frozen
class Conversation:
    """A whole call."""

    turns: tuple[Turn, ...]
    """In the order in which they began to sound."""
    reason: str = ""
    """Why the call ended."""
    noted: dict[str, str] = attrs.field(factory=dict)
    """What the agent noted."""

    @property
    def caller(self) -> tuple[CallerTurn, ...]:
        """The caller's turns."""
        return tuple(turn for turn in self.turns if isinstance(turn, CallerTurn))

    @property
    def agent(self) -> tuple[AgentTurn, ...]:
        """The agent's turns."""
        return tuple(turn for turn in self.turns if isinstance(turn, AgentTurn))

    @property
    def latencies(self) -> tuple[float, ...]:
        """Of each answer, in seconds."""
        return tuple(turn.latency for turn in self.agent if turn.latency is not None)

    @property
    def typical_latency(self) -> float | None:
        """The median answer's, in seconds."""
        return median(self.latencies) if self.latencies else None


def records_in(observations: Sequence[Observation]) -> Iterator[Record]:
    """The records that the server kept, in order."""
    for step in observations:
        if isinstance(step, StepTaken):
            yield from (effect.record for effect in step.effects if isinstance(effect, Keep))


def read_conversation(take: Take) -> Conversation:
    """Put a call's turns together."""
    timed = {each.reply: each for each in take.observed if isinstance(each, ReplyTimed)}
    turns: list[Turn] = []
    for record in records_in(take.observed):
        match record:
            case TurnComplete(at=at, utterance=said):
                turns.append(CallerTurn(said.text, Span(said.started, said.ended), at))
            case TakenBack():
                turns.remove(next(each for each in reversed(turns) if isinstance(each, CallerTurn)))
            case Said(reply=reply) | BargeIn(reply=reply) | BrokenOff(reply=reply):
                turn = turn_sound(record, timed.get(reply), take.caller, take.agent)
                if turn is not None:
                    turns.append(turn)
            case NothingHeard() | Backchannel():
                continue
    ended = next((each for each in take.observed if isinstance(each, CallEnded)), None)
    noted = {key: value.text for key, value in ended.noted.items()} if ended else {}
    ordered = sorted(turns, key=lambda turn: turn.sound.start)
    return Conversation(tuple(ordered), ended.reason if ended else "", noted)


def turn_sound(
    record: Said | BargeIn | BrokenOff, times: ReplyTimed | None, caller: bytes, agent: bytes
) -> AgentTurn | None:
    """A reply with the moments at which it sounded on the recording's tracks; None if it never did."""
    if times is None or times.audible is None:
        return None
    last = record.at + TAIL_SECONDS
    start = first_sound(agent, times.audible - EARLY_SECONDS, last)
    end = last_sound(agent, times.audible - EARLY_SECONDS, last)
    if start is None or end is None:
        return None
    waited = None
    if times.ended is not None:
        silence = last_sound(caller, 0.0, start)
        waited = Span(silence, start) if silence is not None else None
    return AgentTurn(
        record.reply, record.heard, Span(start, end), times, isinstance(record, BargeIn), waited
    )
