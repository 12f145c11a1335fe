"""Did the call do what it was to show? Each check is a sentence, and what is missing is another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from dialog_core.observe.observations import Trouble
from dialog_demo.caller import Played
from dialog_demo.conversation import Conversation
from dialog_demo.script import Script
from dialog_demo.sound import Span, first_sound
from dialog_demo.take import Take

__all__ = ["Check", "check", "interruptions", "pauses"]

CUT_SECONDS = 1.0
"""An interrupted agent must be silent so soon after the caller began."""
CLEARED_SECONDS = 0.1
"""What the carrier has begun to play when the audio is withdrawn."""
NEAR_SECONDS = 0.4
"""How far the server's idea of a turn may be off the words in it."""


@attrs.frozen
class Check:
    """Something that the call was to show."""

    what: str
    missing: str = ""
    """What speaks against it; empty if nothing does."""


def check(take: Take, talk: Conversation, script: Script) -> tuple[Check, ...]:
    """All that the call was to show."""
    goal = script.goal_on(take.began.date())
    return (
        *noted(talk, goal),
        whole(take, talk, script),
        *(cut(take, talk, line) for line in interruptions(take)),
        *(patient(take, talk, line, pause) for line, pause in pauses(take)),
        farewell(take, talk),
        untroubled(take),
    )


def interruptions(take: Take) -> Iterator[Played]:
    """The lines that were said into the agent's."""
    return (each for each in take.lines if each.line.into is not None)


def pauses(take: Take) -> Iterator[tuple[Played, Span]]:
    """The lines with a pause for thought, and where that is on the recording."""
    for each in take.lines:
        if (pause := each.line.pause) is not None:
            yield each, Span(each.at + pause.start, each.at + pause.end)


def sound_of(played: Played) -> Span:
    """Where a line sounds on the recording."""
    voiced = played.line.voiced
    return Span(played.at + voiced.start, played.at + voiced.end)


def noted(talk: Conversation, goal: Mapping[str, str]) -> Iterator[Check]:
    for key, wanted in goal.items():
        found = talk.noted.get(key, "")
        problem = f"the agent noted {found!r}" if found else "the agent noted none"
        yield Check(f"the {key} is {wanted}", problem if found != wanted else "")


def whole(take: Take, talk: Conversation, script: Script) -> Check:
    count = len(script.lines)
    what = f"each of the caller's {count} lines was one turn, and was answered"
    if take.gave_up:
        return Check(what, f"after line {len(take.lines)} {take.gave_up}")
    if len(talk.caller) != count:
        return Check(what, f"there were {len(talk.caller)} turns")
    answers = len(talk.latencies)
    return Check(what, f"{answers} turns were answered" if answers != count else "")


def cut(take: Take, talk: Conversation, line: Played) -> Check:
    sound = sound_of(line)
    what = f"the agent fell silent when it was interrupted at {sound.start:.1f} s"
    reply = next((each for each in talk.agent if each.sound.overlaps(sound)), None)
    if reply is None:
        return Check(what, "the agent was not speaking then")
    if not reply.interrupted:
        return Check(what, f"reply {reply.reply} was not taken as interrupted")
    cleared = next((at for at in take.clears if sound.start <= at), None)
    if cleared is None:
        return Check(what, "the carrier was not told to throw the rest away")
    silent = cleared + CLEARED_SECONDS
    if (
        cleared - sound.start > CUT_SECONDS
        or first_sound(take.agent, silent, sound.end) is not None
    ):
        return Check(what, f"it still sounded {CUT_SECONDS:g} s later")
    return Check(what)


def patient(take: Take, talk: Conversation, line: Played, pause: Span) -> Check:
    what = f"the agent waited through the pause of {pause.seconds:.1f} s at {pause.start:.1f} s"
    sound = sound_of(line)
    if first_sound(take.agent, pause.start, sound.end) is not None:
        return Check(what, "it spoke before the sentence was over")
    turns = [turn for turn in talk.caller if turn.sound.overlaps(sound)]
    if len(turns) != 1:
        return Check(what, f"the sentence became {len(turns)} turns")
    heard = turns[0].sound
    early, late = heard.start - sound.start, sound.end - heard.end
    return Check(
        what, "part of the sentence is not in its turn" if max(early, late) > NEAR_SECONDS else ""
    )


def farewell(take: Take, talk: Conversation) -> Check:
    what = "the agent said goodbye, and hung up when that was heard"
    if talk.reason != "agent hung up" or take.gave_up:
        return Check(what, f"the call ended otherwise: {talk.reason or 'it is not known how'}")
    last = talk.turns[-1] if talk.turns else None
    ended = last is not None and last in talk.agent and "goodbye" in last.text.lower()
    heard = ended and last is not None and not getattr(last, "interrupted", True)
    return Check(what, "" if heard else "the last that was heard is not a goodbye")


def untroubled(take: Take) -> Check:
    troubles = [f"{each.where}: {each.what}" for each in take.observed if isinstance(each, Trouble)]
    return Check("nobody had anything to complain of", "; ".join([*take.warnings, *troubles]))
