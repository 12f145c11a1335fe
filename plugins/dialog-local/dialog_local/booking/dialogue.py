"""The booking conversation: what was said and where it stands in, what to say and where it stands then out.

::

    OPEN --(a wish to book, or any of its facts)--> FILLING: asks for day, time, name, in this order
    FILLING --(all known)--> CONFIRMING --(yes)--> BOOKED --(goodbye)--> over
                 ^---------------(a change)-------------'

Every fact may come at any time and in any order, together or alone; what comes later replaces what came before. The
question that is still open is asked again after anything else, so an interrupted question is not lost.
"""

from __future__ import annotations

import datetime as dt
import enum

import attrs

from dialog_local.booking.days import find_day, say_day
from dialog_local.booking.intents import Intent, find_intents
from dialog_local.booking.names import find_name
from dialog_local.booking.times import find_time, say_time

__all__ = ["Business", "Said", "Slot", "Stage", "State", "answer", "nudge"]

SATURDAY = 5
MOST_MISSES = 4
"""Turns not understood in a row, after which the agent gives up politely."""
MOST_SILENCES = 3


QUESTIONS = frozenset({Intent.ROBOT, Intent.HOURS, Intent.ADDRESS, Intent.PRICE})
NO_NAME = QUESTIONS | {Intent.REPEAT, Intent.CANCEL, Intent.BYE, Intent.HELP, Intent.CHANGE}
"""What these words are in is not a name, even where one was asked for."""


class Slot(enum.Enum):
    """A fact that an appointment needs."""

    DAY = "day"
    TIME = "time"
    NAME = "name"


class Stage(enum.Enum):
    """Where the conversation stands."""

    OPEN = "open"
    FILLING = "filling"
    CONFIRMING = "confirming"
    BOOKED = "booked"


@attrs.frozen
class Business:
    """Who answers."""

    name: str
    address: str
    price: str
    opens: int
    closes: int


@attrs.frozen
class State:
    """Where the conversation stands."""

    today: dt.date
    stage: Stage = Stage.OPEN
    day: dt.date | None = None
    time: dt.time | None = None
    name: str | None = None
    misses: int = 0
    """Turns in a row that were not understood."""
    appointment: str = ""
    """What has been booked: date, time and name; empty before."""

    @property
    def asked(self) -> Slot | None:
        """The fact that is asked for next."""
        if self.stage is not Stage.FILLING:
            return None
        values = ((Slot.DAY, self.day), (Slot.TIME, self.time), (Slot.NAME, self.name))
        return next((slot for slot, value in values if value is None), None)


@attrs.frozen
class Said:
    """What the agent says, and where the conversation stands then."""

    state: State
    text: str
    over: bool = False
    """True if the call ends when this has been heard."""


def answer(state: State, text: str, business: Business) -> Said:
    """Answer a turn of the caller's."""
    intents = find_intents(text)
    facts = note_facts(state, text, intents)
    problem = check(facts, business)
    if problem:
        return asks(*problem, business)
    if information := inform(intents, business):
        return asks(understood(facts, state), information, business)
    if Intent.CANCEL in intents:
        return cancel(state, business)
    if facts != state:
        return asks(understood(facts, state), thanks_for(facts, state), business)
    return act(state, intents, business)


def nudge(state: State, times: int, business: Business) -> Said:
    """The caller has said nothing, `times` in a row."""
    if times >= MOST_SILENCES:
        return Said(
            state,
            "I cannot hear you, so I will hang up now. Please call again. Goodbye.",
            over=True,
        )
    return asks(state, "Are you still there?", business)


# --- what was told


def note_facts(state: State, text: str, intents: frozenset[Intent]) -> State:
    """The state with the facts of this turn."""
    day, moment = find_day(text, state.today), find_time(text)
    if day is not None:
        state = attrs.evolve(state, day=day)
    awaited = state.asked is Slot.TIME or (
        state.time is not None and state.stage is not Stage.FILLING
    )
    if moment is not None and (awaited or not moment.plain):
        state = attrs.evolve(state, time=moment.time)
    bare = state.asked is Slot.NAME and not (day or moment or intents & NO_NAME)
    name = find_name(text, asked=bare) if bare or not intents & QUESTIONS else None
    return attrs.evolve(state, name=name) if name else state


def check(state: State, business: Business) -> tuple[State, str] | None:
    """Why the facts will not do, without those that will not; None if they will."""
    fixed = Stage.FILLING
    if state.day is not None and state.day.weekday() >= SATURDAY:
        return (
            attrs.evolve(state, day=None, stage=fixed, misses=0),
            "I am sorry, we are closed on Saturday and Sunday.",
        )
    if state.time is not None and not business.opens <= state.time.hour < business.closes:
        return (
            attrs.evolve(state, time=None, stage=fixed, misses=0),
            closed(state.time, business),
        )
    return None


def closed(time: dt.time, business: Business) -> str:
    """That nobody is there at this time, and when somebody is."""
    hours = f"from {say_time(dt.time(business.opens))} to {hour(business.closes)}"
    return f"I am sorry, {say_time(time)} is outside our hours. We are open {hours}."


def understood(facts: State, before: State) -> State:
    """The facts, and the stage to which they lead."""
    if facts == before:
        return attrs.evolve(facts, misses=0)
    whole = facts.day is not None and facts.time is not None and facts.name is not None
    return attrs.evolve(facts, stage=Stage.CONFIRMING if whole else Stage.FILLING, misses=0)


def thanks_for(facts: State, before: State) -> str:
    """A short sign that the newest fact has arrived."""
    if facts.name != before.name:
        return f"Thank you, {facts.name}."
    if facts.day != before.day and facts.day is not None:
        return f"{say_day(facts.day)}."
    if facts.time is not None:
        return f"{say_time(facts.time)}, very well."
    return "Very well."


# --- what was asked


def inform(intents: frozenset[Intent], business: Business) -> str:
    """Answers to the questions that were asked; empty if there were none."""
    answers = {
        Intent.ROBOT: "I am a computer program, and I can book appointments for you.",
        Intent.HOURS: (
            f"We are open from Monday to Friday, from {say_time(dt.time(business.opens))} until "
            f"{hour(business.closes)}. On Saturdays, on Sundays and on public holidays we are closed. In an emergency "
            "outside these hours, please call the dental service of the city hospital, day or night."
        ),
        Intent.ADDRESS: f"You find us at {business.address}.",
        Intent.PRICE: f"A check-up costs {business.price}. If anything else is needed, we tell you the price before.",
    }
    return " ".join(text for intent, text in answers.items() if intent in intents)


def hour(closing: int) -> str:
    return say_time(dt.time(closing % 24))


# --- what was wanted


def act(state: State, intents: frozenset[Intent], business: Business) -> Said:
    """Answer a turn without facts and without questions about the business."""
    settled = attrs.evolve(state, misses=0)
    if state.stage is Stage.CONFIRMING and intents & {Intent.YES, Intent.NO, Intent.CHANGE}:
        return confirm(settled, intents, business)
    if changed := reopen(settled, intents):
        return asks(changed, "Of course.", business)
    if Intent.BYE in intents or (
        state.stage is Stage.BOOKED and intents & {Intent.NO, Intent.THANKS}
    ):
        return Said(settled, farewell(settled, business), over=True)
    if Intent.REPEAT in intents:
        return asks(settled, "", business)
    if Intent.HELP in intents or (state.stage is Stage.OPEN and Intent.NO in intents):
        return asks(settled, offer(business), business)
    if state.stage is Stage.OPEN and intents & {Intent.BOOK, Intent.YES}:
        return asks(attrs.evolve(settled, stage=Stage.FILLING), "With pleasure.", business)
    if intents & {Intent.BOOK, Intent.YES, Intent.GREETING, Intent.THANKS}:
        return asks(settled, "", business)
    return miss(state, business)


def confirm(state: State, intents: frozenset[Intent], business: Business) -> Said:
    """The caller says yes or no to the appointment as it was read out."""
    if (
        Intent.YES in intents
        and Intent.CHANGE not in intents
        and state.day
        and state.time
        and state.name
    ):
        appointment = f"{state.day.isoformat()} {state.time:%H:%M} {state.name}"
        booked = attrs.evolve(state, stage=Stage.BOOKED, appointment=appointment)
        return asks(booked, f"It is booked: {summary(booked)}.", business)
    if changed := reopen(state, intents | {Intent.CHANGE}):
        return asks(changed, "Of course.", business)
    return Said(state, "What shall I change: the day, the time, or the name?")


def reopen(state: State, intents: frozenset[Intent]) -> State | None:
    """The state without the fact that the caller wants to change; None if none was named."""
    if (
        Intent.CHANGE not in intents
        and Intent.NO not in intents
        and state.stage is not Stage.CONFIRMING
    ):
        return None
    if Intent.WHICH_DAY in intents:
        return attrs.evolve(state, day=None, stage=Stage.FILLING)
    if Intent.WHICH_TIME in intents:
        return attrs.evolve(state, time=None, stage=Stage.FILLING)
    if Intent.WHICH_NAME in intents:
        return attrs.evolve(state, name=None, stage=Stage.FILLING)
    return None


def cancel(state: State, business: Business) -> Said:
    """The caller wants none of it; what was booked is no more."""
    fresh = State(state.today)
    what = "The appointment is cancelled." if state.appointment else "All right, nothing is booked."
    return asks(fresh, what, business)


def miss(state: State, business: Business) -> Said:
    """The turn was not understood: ask again, then help, then give up."""
    missed = attrs.evolve(state, misses=state.misses + 1)
    if missed.misses >= MOST_MISSES:
        text = f"I am sorry, I do not understand you well enough today. Please call {business.name} again. Goodbye."
        return Said(missed, text, over=True)
    if missed.misses == 1:
        return asks(missed, "Sorry, I did not understand that.", business)
    return asks(missed, f"I still do not understand, I am sorry. {offer(business)}", business)


# --- what to say


def asks(state: State, text: str, business: Business) -> Said:
    """Say something, then ask what is still open."""
    return Said(state, f"{text} {question(state, business)}".strip())


def question(state: State, business: Business) -> str:
    """What the agent wants to know now."""
    match state.asked:
        case Slot.DAY:
            return "Which day would suit you?"
        case Slot.TIME:
            return f"At what time, between {say_time(dt.time(business.opens))} and {hour(business.closes)}?"
        case Slot.NAME:
            return "What is your name, please?"
    if state.stage is Stage.CONFIRMING:
        return f"So that is {summary(state)}. Shall I book it?"
    if state.stage is Stage.BOOKED:
        return "Is there anything else I can do for you?"
    return "Would you like to book an appointment?"


def summary(state: State) -> str:
    """The appointment as it is read out; needs all three facts."""
    day = "" if state.day is None else say_day(state.day)
    time = "" if state.time is None else say_time(state.time)
    return f"{day}, at {time}, for {state.name}"


def offer(business: Business) -> str:
    return f"I can book an appointment at {business.name}, or tell you our opening hours, our address, or the price."


def farewell(state: State, business: Business) -> str:
    if state.appointment and state.day is not None:
        return f"Thank you for calling {business.name}. See you on {say_day(state.day)}. Goodbye."
    return f"Thank you for calling {business.name}. Goodbye."
