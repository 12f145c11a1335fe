"""The observer that writes the log: observations become lines with constant events and fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, assert_never

import attrs
import structlog

from dialog_core.factory import Factory, Services
from dialog_core.fields import setting
from dialog_core.observe.observations import (
    CallEnded,
    CallStarted,
    CallState,
    Counted,
    EagerReply,
    Judged,
    Observation,
    Observer,
    Personal,
    ProviderTimed,
    ReplyTimed,
    SpeakerLabelled,
    StepTaken,
    Trouble,
)
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

__all__ = ["LOG_OBSERVER", "LogObserver", "LogObserverSettings"]

Line = tuple[str, str, dict[str, Any]]
"""Level, event, fields."""


class Log(Protocol):
    """What is needed of a logger."""

    def debug(self, event: str, **fields: Any) -> Any: ...

    def info(self, event: str, **fields: Any) -> Any: ...

    def warning(self, event: str, **fields: Any) -> Any: ...


@attrs.frozen
class LogObserverSettings:
    """Settings of the observer ``log``."""

    steps: bool = setting(
        default=False, help="log each step of the turn machine too, at level debug"
    )


def seconds(value: float) -> float:
    """Rounded to milliseconds; a log is not a measuring instrument."""
    return round(value, 3)


def record_line(call: str, record: Record) -> Line:
    """A record of the conversation as a line."""
    at: dict[str, Any] = {"call": call, "seconds": seconds(record.at)}
    match record:
        case TurnComplete(utterance=utterance):
            waited = seconds(record.at - utterance.ended)
            return (
                "info",
                "turn complete",
                {**at, "endpointing": waited, "text": Personal(utterance.text)},
            )
        case NothingHeard():
            return "info", "nothing heard", at
        case Said(reply=reply, heard=heard):
            return "info", "reply said", {**at, "reply": reply, "text": Personal(heard)}
        case BargeIn(reply=reply, heard=heard):
            return "info", "reply interrupted", {**at, "reply": reply, "text": Personal(heard)}
        case Backchannel(reply=reply, utterance=utterance):
            text = Personal(utterance.text)
            return "info", "backchannel ignored", {**at, "reply": reply, "text": text}
        case TakenBack(reply=reply):
            return "info", "reply taken back", {**at, "reply": reply}
        case BrokenOff(reply=reply, error=error):
            return "warning", "reply broken off", {**at, "reply": reply, "cause": error}
        case _:
            assert_never(record)


@attrs.frozen
class LogObserver:
    """Writes a line for what an operator may want to know of a call; latencies are fields, in seconds."""

    settings: LogObserverSettings
    log: Log

    async def observe(self, batch: Sequence[Observation]) -> None:
        """Log each observation of a batch."""
        for observation in batch:
            for level, event, fields in self._lines(observation):
                write = {"debug": self.log.debug, "warning": self.log.warning}.get(
                    level, self.log.info
                )
                write(event, **fields)

    def _lines(self, observation: Observation) -> Iterable[Line]:
        match observation:
            case CallStarted(call=call, agent=agent, voip=voip, caller=caller):
                yield (
                    "info",
                    "call started",
                    {"call": call, "agent": agent, "voip": voip, "caller": caller},
                )
            case CallEnded(call=call, at=at, reason=reason, turns=turns):
                fields = {"call": call, "seconds": seconds(at), "reason": reason, "turns": turns}
                yield "info", "call ended", fields
            case ProviderTimed() | ReplyTimed() | EagerReply():
                yield timed_line(observation)
            case StepTaken():
                yield from self._step_lines(observation)
            case Judged() if self.settings.steps:
                yield judgement_line(observation)
            case Judged():
                return
            case SpeakerLabelled(call=call, started=started, ended=ended, speaker=speaker):
                fields = {"call": call, "started": seconds(started), "ended": seconds(ended)}
                yield "debug", "speaker labelled", {**fields, "speaker": speaker}
            case Trouble(call=call, where=where, what=what, detail=detail):
                yield "warning", what, {"call": call, "where": where, "cause": detail}
            case Counted(call=call, what=what, amount=amount):
                yield "info", what, {"call": call, "amount": amount}
            case CallState(call=call, progress=progress, reason=reason):
                fields = {"call": call, "progress": progress.value, "reason": reason}
                yield "info", "call progressed", fields
            case _:
                assert_never(observation)

    def _step_lines(self, step: StepTaken) -> Iterable[Line]:
        if self.settings.steps:
            names = " ".join(type(effect).__name__ for effect in step.effects)
            fields = {"call": step.call, "seconds": seconds(step.at), "phase": step.phase}
            yield (
                "debug",
                "step taken",
                {**fields, "took": type(step.event).__name__, "effects": names},
            )
        for effect in step.effects:
            if isinstance(effect, Keep):
                yield record_line(step.call, effect.record)


def judgement_line(judged: Judged) -> Line:
    """What a policy said to a pause or an overlap, and why."""
    fields: dict[str, Any] = {"call": judged.call, "seconds": seconds(judged.at)}
    fields |= {"policy": judged.policy, "answer": judged.answer, "lasted": seconds(judged.seconds)}
    if judged.until is not None:
        fields["until"] = seconds(judged.until)
    return "debug", "turn judged", {**fields, "reason": judged.reason}


def timed_line(timed: ProviderTimed | ReplyTimed | EagerReply) -> Line:
    """How long something took."""
    match timed:
        case ProviderTimed():
            return timing_line(timed)
        case ReplyTimed():
            return reply_line(timed)
        case EagerReply():
            return eager_line(timed)


def timing_line(timed: ProviderTimed) -> Line:
    """How long a provider took: until its first result, and altogether."""
    fields: dict[str, Any] = {"call": timed.call, "stage": timed.stage, "provider": timed.provider}
    if timed.first is not None:
        fields["first"] = seconds(timed.first - timed.started)
    return "info", "provider timed", {**fields, "took": seconds(timed.ended - timed.started)}


def reply_line(timed: ReplyTimed) -> Line:
    """Where a reply's time went: each stage counts from the one before it that happened."""
    fields: dict[str, Any] = {"call": timed.call, "reply": timed.reply, "outcome": timed.outcome}
    stages = (
        ("endpointing", timed.decided),
        ("model", timed.first_text),
        ("segment", timed.first_segment),
        ("speech", timed.first_audio),
        ("line", timed.audible),
    )
    before = timed.ended
    for stage, at in stages:
        if at is None:
            continue
        if (
            before is not None
        ):  # what an eager reply had ready when the turn was complete took no time
            fields[stage] = seconds(max(0.0, at - before))
        before = at if before is None else max(at, before)
    if timed.began is not None:
        fields["eager"] = seconds(timed.decided - timed.began)
    if timed.ended is not None and timed.audible is not None:
        fields["silence_to_audio"] = seconds(timed.audible - timed.ended)
    return "info", "reply timed", fields


def eager_line(eager: EagerReply) -> Line:
    """What an eager reply gained, or cost."""
    event = "eager reply taken back" if eager.missed else "eager reply confirmed"
    fields: dict[str, Any] = {"call": eager.call, "seconds": seconds(eager.at)}
    fields |= {"reply": eager.reply, "made_for": seconds(eager.seconds)}
    fields |= {"characters": eager.characters, "audio": seconds(eager.audio)}
    return "info", event, {**fields, "cause": eager.missed} if eager.missed else fields


def new_log_observer(settings: LogObserverSettings, _services: Services) -> Observer:
    """An observer that writes to the process's logger."""
    return LogObserver(settings, structlog.get_logger("dialog"))


LOG_OBSERVER = Factory[LogObserverSettings, Observer]("log", LogObserverSettings, new_log_observer)
"""What the hook ``dialog_observer`` returns for the name ``log``."""
