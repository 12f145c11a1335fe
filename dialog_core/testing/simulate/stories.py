"""A simulated call told line by line: who did what, when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dialog_core.messages import Transcript, Utterance
from dialog_core.observe.observations import StepTaken, Trouble
from dialog_core.testing.simulate.plan import CallPlan
from dialog_core.testing.simulate.run import Lived
from dialog_core.testing.simulate.sound import Heard, heard_in
from dialog_core.testing.simulate.turn_laws import Breach
from dialog_core.turns import effects as ef
from dialog_core.turns.records import BargeIn, BrokenOff, Record, Said, TurnComplete

__all__ = ["describe_plan", "story", "told_effect", "told_event"]

Line = tuple[float, str, str]
"""When, who, what."""


def story(lived: Lived, breaches: Sequence[Breach] = ()) -> str:
    """The call, with the laws that it broke where it broke them."""
    lines = [*notes(lived), *steps(lived), *sounds(lived), *troubles(lived)]
    lines += [(breach.at, "LAW", f"{breach.law}: {breach.detail}") for breach in breaches]
    told = [
        f"{at:8.2f}  {who:<8} {what}" for at, who, what in sorted(lines, key=lambda line: line[0])
    ]
    return "\n".join([describe_plan(lived.plan), *told])


def describe_plan(plan: CallPlan) -> str:
    """What everybody is like in this call."""
    carrier, pace = plan.carrier, plan.pace
    faults = ", ".join(
        f"{fault.where} {fault.what} (piece {fault.number}{f', {fault.seconds:g} s' if fault.seconds else ''})"
        for fault in plan.faults
    )
    echo = f", echo after {carrier.echo:.2f} s" if carrier.echo is not None else ""
    eager = ", eager" if plan.eager else ""
    return "\n".join(
        (
            f"seed {plan.seed}: endpointer {plan.endpointer}{eager}, barge-in {plan.barge_in}",
            f"line: {carrier.outbound:.2f} s out, {carrier.inbound:.2f} s in, jitter {carrier.jitter:.2f} s{echo}",
            f"vendors: stt {pace.stt:.2f} s, llm {pace.llm:.2f} s, tts {pace.tts:.2f} s",
            f"faults: {faults or 'none'}",
        )
    )


def notes(lived: Lived) -> Iterator[Line]:
    """What the caller did and what went wrong."""
    for note in lived.journal.notes:
        yield note.at, note.who, note.what


def troubles(lived: Lived) -> Iterator[Line]:
    """What the core said went wrong."""
    for at, seen in zip(lived.seen_at, lived.observed, strict=True):
        if isinstance(seen, Trouble):
            yield at, "core", f"{seen.where}: {seen.what}: {seen.detail}"


def steps(lived: Lived) -> Iterator[Line]:
    """What the turn machine did."""
    for at, step in lived.timed_steps:
        yield at, "machine", told_step(step)


def told_step(step: StepTaken) -> str:
    """A step in one line."""
    effects = "; ".join(told_effect(effect) for effect in step.effects)
    return f"{told_event(step.event)} -> {step.phase}{f': {effects}' if effects else ''}"


def told_event(event: object) -> str:
    """An event in a few words."""
    match event:
        case Transcript(text=text, final=final):
            return f"{'words' if final else 'maybe'} {text!r}"
    values = {
        name: getattr(event, name, None) for name in ("timer", "reply", "ticket", "reason", "error")
    }
    shown = " ".join(
        str(getattr(value, "value", value)) for value in values.values() if value is not None
    )
    return f"{type(event).__name__} {shown}".strip()


def told_effect(effect: object) -> str:
    """An effect in a few words."""
    match effect:
        case ef.Keep(record=record):
            return told_record(record)
        case ef.SetTimer(timer=timer, at=at):
            return f"{timer.value} at {at:.2f}"
        case ef.CancelTimer(timer=timer):
            return f"no {timer.value}"
        case ef.ConfirmReply(reply=reply):
            return f"confirm reply {reply}"
        case ef.DropReply(reply=reply, why=why):
            return f"drop reply {reply}, {why}"
        case ef.StartReply(reply=reply, cause=cause, eager=eager):
            why = (
                f"answering {cause.text!r}"
                if isinstance(cause, Utterance)
                else type(cause).__name__
            )
            return f"start reply {reply}{' eagerly' if eager else ''}, {why}"
        case ef.StopReply(reply=reply):
            return f"stop reply {reply}"
        case ef.EndCall(reason=reason):
            return f"end the call: {reason}"
    return type(effect).__name__


def told_record(record: Record) -> str:
    """A record in a few words."""
    match record:
        case TurnComplete(utterance=utterance):
            return f"TURN {utterance.text!r}"
        case Said(reply=reply, heard=heard) | BargeIn(reply=reply, heard=heard):
            return f"{type(record).__name__.upper()} {reply} {heard!r}"
        case BrokenOff(reply=reply, heard=heard, error=error):
            return f"BROKENOFF {reply} {heard!r} ({error})"
    return type(record).__name__.upper()


def sounds(lived: Lived) -> Iterator[Line]:
    """What the caller heard, a line for every stretch of a segment."""
    stretch: list[Heard] = []
    words = lived.tts.sound.words
    for sound in [*heard_in(lived.line.played), Heard(1e9, 1e9, 0)]:
        if stretch and not goes_on(stretch[-1], sound, words):
            yield stretch[0].start, "ear", f"{texts(stretch, words)} until {stretch[-1].end:.2f}"
            stretch = []
        stretch.append(sound)


def goes_on(one: Heard, other: Heard, words: Sequence[tuple[int, int, str]]) -> bool:
    """Whether a sound belongs to the same stretch."""
    if other.start > one.end + 0.01 or not one.number or not other.number:
        return False
    return words[one.number - 1][:2] == words[other.number - 1][:2]


def texts(stretch: Sequence[Heard], words: Sequence[tuple[int, int, str]]) -> str:
    """The words of a stretch."""
    if not stretch[0].number:
        return "(fading)"
    spoken = " ".join(words[sound.number - 1][2] for sound in stretch)
    return f"reply {words[stretch[0].number - 1][0]}: {spoken!r}"
