from __future__ import annotations

from typing import Any

import attrs
import pytest

from dialog_core.messages import Utterance
from dialog_core.observe.observations import (
    CallEnded,
    CallStarted,
    Counted,
    EagerReply,
    Observation,
    Personal,
    ProviderTimed,
    ReplyTimed,
    StepTaken,
    Trouble,
)
from dialog_core.observe.telling import LOG_OBSERVER, LogObserver, LogObserverSettings
from dialog_core.turns.effects import Keep
from dialog_core.turns.events import HungUp
from dialog_core.turns.records import (
    BargeIn,
    BrokenOff,
    NothingHeard,
    Record,
    Said,
    TakenBack,
    TurnComplete,
)

pytestmark = pytest.mark.anyio

Line = tuple[str, str, dict[str, Any]]


@attrs.frozen
class Recorder:
    """A logger that keeps its calls."""

    lines: list[Line] = attrs.field(factory=list)

    def debug(self, event: str, **fields: Any) -> None:
        self.lines.append(("debug", event, fields))

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(("warning", event, fields))


async def told(*observations: Observation, steps: bool = False) -> list[Line]:
    recorder = Recorder()
    await LogObserver(LogObserverSettings(steps=steps), recorder).observe(observations)
    return recorder.lines


async def test_a_call_begins_and_ends() -> None:
    caller = Personal("+15550100")

    assert await told(
        CallStarted("CA1", 0.0, "front", "twilio", caller), CallEnded("CA1", 12.3456, "hangup", 4)
    ) == [
        (
            "info",
            "call started",
            {"call": "CA1", "agent": "front", "voip": "twilio", "caller": caller},
        ),
        ("info", "call ended", {"call": "CA1", "seconds": 12.346, "reason": "hangup", "turns": 4}),
    ]


@pytest.mark.requirement("B.29", "B.26")
async def test_each_stage_of_a_turn_is_logged_with_its_latency() -> None:
    timed = ReplyTimed(
        "CA1",
        1,
        ended=3.0,
        decided=3.5,
        first_text=3.9,
        first_segment=4.0,
        first_audio=4.25,
        audible=4.26,
        outcome="Said",
    )

    assert await told(timed) == [
        (
            "info",
            "reply timed",
            {
                "call": "CA1",
                "reply": 1,
                "outcome": "Said",
                "endpointing": 0.5,
                "model": 0.4,
                "segment": 0.1,
                "speech": 0.25,
                "line": 0.01,
                "silence_to_audio": 1.26,
            },
        )
    ]


@pytest.mark.requirement("B.29")
async def test_a_provider_is_logged_with_its_latency() -> None:
    assert await told(ProviderTimed("CA1", "cartesia", "tts", 10.0, 10.09, 12.5)) == [
        (
            "info",
            "provider timed",
            {"call": "CA1", "stage": "tts", "provider": "cartesia", "first": 0.09, "took": 2.5},
        )
    ]


async def test_a_reply_that_answers_no_words_has_no_silence_to_count_from() -> None:
    timed = ReplyTimed("CA1", 1, None, 1.0, None, 1.0, 1.2, 1.3, "Said")

    ((_, _, fields),) = await told(timed)

    assert "silence_to_audio" not in fields
    assert fields["speech"] == 0.2


async def test_what_an_eager_reply_had_ready_took_no_time_after_the_turn() -> None:
    timed = ReplyTimed("CA1", 1, 3.0, 3.8, 3.5, 3.6, 3.9, 3.91, "Said", began=3.2)

    ((_, _, fields),) = await told(timed)

    assert fields["eager"] == 0.6
    assert (fields["model"], fields["segment"], fields["speech"]) == (0.0, 0.0, 0.1)
    assert fields["silence_to_audio"] == 0.91


async def test_an_eager_reply_is_told_with_what_it_gained_or_cost() -> None:
    hit = EagerReply("CA1", 3.8, 1, "", 0.6, 42, 1.25)
    missed = EagerReply("CA1", 4.0, 2, "the caller went on", 0.2, 0, 0.0)

    assert await told(hit, missed) == [
        (
            "info",
            "eager reply confirmed",
            {
                "call": "CA1",
                "seconds": 3.8,
                "reply": 1,
                "made_for": 0.6,
                "characters": 42,
                "audio": 1.25,
            },
        ),
        (
            "info",
            "eager reply taken back",
            {
                "call": "CA1",
                "seconds": 4.0,
                "reply": 2,
                "made_for": 0.2,
                "characters": 0,
                "audio": 0.0,
                "cause": "the caller went on",
            },
        ),
    ]


async def test_trouble_is_a_warning_with_its_cause() -> None:
    trouble = Trouble("CA1", "deepgram", "the socket was lost", "closed with 1006")

    assert await told(trouble, Counted("CA1", "frames dropped", 3)) == [
        (
            "warning",
            "the socket was lost",
            {"call": "CA1", "where": "deepgram", "cause": "closed with 1006"},
        ),
        ("info", "frames dropped", {"call": "CA1", "amount": 3}),
    ]


RECORDS: list[tuple[Record, str, str]] = [
    (TurnComplete(3.5, Utterance("hello", 2.0, 3.0)), "info", "turn complete"),
    (NothingHeard(3.5), "info", "nothing heard"),
    (Said(3.5, 1, "hello"), "info", "reply said"),
    (BargeIn(3.5, 1, "hello"), "info", "reply interrupted"),
    (TakenBack(3.5, 1), "info", "reply taken back"),
    (BrokenOff(3.5, 1, "hello", "gone"), "warning", "reply broken off"),
]


@pytest.mark.requirement("E.28")
@pytest.mark.parametrize(("record", "level", "event"), RECORDS)
async def test_every_record_is_a_line(record: Record, level: str, event: str) -> None:
    ((told_level, told_event, fields),) = await told(
        StepTaken("CA1", 3.5, "idle", HungUp(3.5), (Keep(record),))
    )

    assert (told_level, told_event, fields["seconds"]) == (level, event, 3.5)
    assert "hello" not in repr(fields)


async def test_steps_are_told_when_asked_for() -> None:
    step = StepTaken("CA1", 3.5, "closed", HungUp(3.5), ())

    assert await told(step) == []
    assert await told(step, steps=True) == [
        (
            "debug",
            "step taken",
            {"call": "CA1", "seconds": 3.5, "phase": "closed", "took": "HungUp", "effects": ""},
        )
    ]


async def test_the_factory_is_called_log() -> None:
    assert LOG_OBSERVER.name == "log"
