"""What the acts of the machine mean to the caller of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from contrib.bench.report import percentile
from contrib.quality.corpus import Clip
from contrib.quality.driver import Act
from dialog_core.messages import Utterance
from dialog_core.turns import effects as ef
from dialog_core.turns.events import ReplyAudible
from dialog_core.turns.records import TurnComplete

__all__ = ["Barged", "Harmless", "Taken", "harmless", "interrupted", "share", "taken"]

RESUMED = 0.5
"""Seconds after a harmless sound within which the reply must go on."""


@attrs.frozen
class Taken:
    """How a turn of the caller was taken."""

    clip: Clip
    delay: float | None
    """Seconds from the last voiced sample to the end of turn; None if nobody answered."""
    early: int
    """How often the turn was taken for finished before it was, the reply taken back unheard included."""
    cut_off: bool
    """A reply sounded before the caller had finished."""

    @property
    def missed(self) -> bool:
        return self.delay is None and not self.cut_off


def taken(clip: Clip, acts: Sequence[Act]) -> Taken:
    """Judge a clip whose words are a turn."""
    ends = [
        when
        for when, act in acts
        if isinstance(act, ef.Keep) and isinstance(act.record, TurnComplete)
    ]
    sounding = [when for when, act in acts if isinstance(act, ReplyAudible)]
    answers = [
        when
        for when, act in acts
        if isinstance(act, ef.StartReply | ef.ConfirmReply) and isinstance(act.cause, Utterance)
        and not getattr(act, "eager", False)
    ]  # fmt: skip
    after = [when for when in answers if when >= clip.ended]
    cut_off = any(when < clip.ended for when in sounding)
    early = sum(when < clip.ended for when in ends)
    delay = after[0] - clip.ended if after else None
    return Taken(clip, delay, early, cut_off)


@attrs.frozen
class Barged:
    """How an interruption was met."""

    clip: Clip
    yielded: float | None
    """Seconds from its first audible sample until the reply was ducked or stopped."""
    stopped: float | None
    """Seconds until it was stopped for good; None if it never was."""


def interrupted(clip: Clip, acts: Sequence[Act]) -> Barged:
    """Judge a clip that interrupts."""
    yields = [
        when - clip.began
        for when, act in acts
        if isinstance(act, ef.DuckReply | ef.HoldReply | ef.StopReply) and when >= clip.began
    ]
    stops = [when - clip.began for when, act in acts if isinstance(act, ef.StopReply)]
    return Barged(clip, yields[0] if yields else None, stops[0] if stops else None)


@attrs.frozen
class Harmless:
    """How a backchannel or a noise was met."""

    clip: Clip
    false: bool
    """The reply was stopped, or did not go on within half a second after the sound."""
    ducked: float
    """Seconds for which the reply was held."""


def harmless(clip: Clip, acts: Sequence[Act]) -> Harmless:
    """Judge a clip that does not interrupt."""
    held: float | None = None
    ducked, late = 0.0, False
    for when, act in acts:
        match act:
            case ef.DuckReply() | ef.HoldReply():
                held = when if held is None else held
            case ef.ResumeReply() if held is not None:
                ducked += when - held
                late = late or when > clip.ended + RESUMED
                held = None
            case ef.StopReply():
                return Harmless(clip, True, ducked)
            case _:
                pass
    return Harmless(clip, late or held is not None, ducked)


def share(count: int, total: int) -> str:
    """As per cent."""
    return f"{100 * count / total:.1f} %" if total else "-"


def milliseconds(values: Sequence[float], part: float) -> str:
    """A percentile."""
    return f"{1000 * percentile(values, part):.0f}" if values else "-"
