"""A call that never was: three lines of tones, each side's sound known to the sample."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import attrs
import numpy as np
import pytest
from dialog_demo.caller import Played
from dialog_demo.conversation import Conversation, read_conversation
from dialog_demo.goal import Check, check
from dialog_demo.script import Line, Script
from dialog_demo.take import Take

from dialog_core.audio import Encoding
from dialog_core.g711 import encode
from dialog_core.messages import Transcript, Utterance
from dialog_core.observe.observations import (
    CallEnded,
    Observation,
    Personal,
    ReplyTimed,
    StepTaken,
)
from dialog_core.testing.pytest_plugin import (
    virtual_backend as anyio_backend,  # noqa: F401 - a fixture
)
from dialog_core.turns import events as ev
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import BargeIn, Record, Said, TurnComplete

SECONDS = 14.0
SATURDAY = dt.datetime(2026, 11, 21, 6, 0, tzinfo=dt.UTC)
HESITANT, RUDE, POLITE = 3.0, 7.0, 10.6


def tone(*spans: tuple[float, float], seconds: float = SECONDS, hertz: float = 440.0) -> bytes:
    """A mu-law track that sounds in the spans."""
    time = np.arange(round(seconds * 8000)) / 8000
    loud = np.zeros(time.size)
    for start, end in spans:
        loud[round(start * 8000) : round(end * 8000)] = 0.3
    return encode(
        (loud * 32767 * np.cos(2 * np.pi * hertz * time)).astype(np.int16), Encoding.MULAW
    )


def step(at: float, record: Record, event: object = None) -> StepTaken:
    return StepTaken("CA1", at, "idle", event, (Keep(record),))


def turn(text: str, started: float, ended: float) -> Iterator[Observation]:
    yield StepTaken("CA1", ended, "hearing", Transcript(started + 0.5, text, final=False), ())
    yield StepTaken("CA1", ended, "hearing", Transcript(ended, text, final=True), ())
    yield step(ended + 0.5, TurnComplete(ended + 0.5, Utterance(text, started, ended)))


def reply(record: Said | BargeIn, audible: float, ended: float | None) -> Iterator[Observation]:
    decided = audible - 0.03 if ended is None else ended + 0.5
    yield StepTaken("CA1", audible, "speaking", ev.ReplyAudible(audible, record.reply), ())
    outcome = type(record).__name__
    yield ReplyTimed(
        "CA1", record.reply, ended, decided, decided + 0.004, decided + 0.005, audible - 0.001, audible, outcome
    )  # fmt: skip
    yield step(record.at, record)


def observations() -> Iterator[Observation]:
    yield from reply(Said(2.0, 1, "Hello. How can I help you?"), 0.09, None)
    yield from turn("I would like to come on. Tuesday.", HESITANT, 4.8)
    long = "We are open from Monday to Friday, from 9 AM"
    yield from reply(BargeIn(7.31, 2, long), 5.38, 4.8)
    yield from turn("At half past ten, please.", RUDE, 8.0)
    yield from reply(Said(10.0, 3, "10:30 AM, very well. It is booked. Anything else?"), 8.58, 8.0)
    yield from turn("No, thank you.", POLITE, 11.2)
    yield from reply(Said(13.0, 4, "See you on Tuesday. Goodbye."), 11.78, 11.2)
    noted = {"appointment": Personal("2026-11-24 10:30 Ann")}
    yield CallEnded("CA1", 13.0, "agent hung up", 3, noted)


def line(text: str, *spans: tuple[float, float], into: float | None = None) -> Line:
    quiet = 0.6 if into is None else None
    return Line(text, tone(*spans, seconds=spans[-1][1] + 0.1), quiet, into)


@pytest.fixture
def script() -> Script:
    lines = (
        line("I would like to come on Tuesday.", (0.0, 0.5), (1.3, 1.8)),
        line("At half past ten, please.", (0.0, 1.0), into=1.6),
        line("No, thank you.", (0.0, 0.6)),
    )
    return Script(lines, {"appointment": "Tuesday 10:30 Ann"})


@pytest.fixture
def take(script: Script) -> Take:
    starts = (HESITANT, RUDE, POLITE)
    return Take(
        SATURDAY,
        tone((3.0, 3.5), (4.3, 4.8), (7.0, 8.0), (10.6, 11.2)),
        tone((0.1, 2.0), (5.4, 7.3), (8.6, 10.0), (11.8, 13.0), hertz=600.0),
        tuple(Played(each, at) for each, at in zip(script.lines, starts, strict=True)),
        tuple(observations()),
        clears=(7.3,),
    )


@attrs.frozen
class Judge:
    """Says what a take lacks."""

    script: Script

    def checks(self, take: Take) -> tuple[Check, ...]:
        return check(take, read_conversation(take), self.script)

    def missing(self, take: Take) -> list[str]:
        return [each.missing for each in self.checks(take) if each.missing]


@pytest.fixture
def judge(script: Script) -> Judge:
    return Judge(script)


@pytest.fixture
def talk(take: Take) -> Conversation:
    return read_conversation(take)
