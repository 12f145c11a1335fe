"""What a caller's line says besides audio, as immutable values, and what a line may offer besides its protocol.

The line itself is in :mod:`dialog_core.protocols`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from dialog_core.errors import LineError

if TYPE_CHECKING:
    from dialog_core.audio import AudioFrame
    from dialog_core.observe.observations import Observation

__all__ = [
    "Ability",
    "CallInfo",
    "CarrierTranscript",
    "DirectLine",
    "LineStopped",
    "MarkReturned",
    "Progress",
    "Recording",
    "Watching",
    "cannot",
    "is_address",
]

E164 = re.compile(r"\+[1-9][0-9]{1,14}")
SIP = re.compile(r"sips?:[!#-;=?-~]{1,250}")


def frozen_copy(values: Mapping[str, str]) -> Mapping[str, str]:
    """The same values, out of everybody's reach."""
    return MappingProxyType(dict(values))


@attrs.frozen
class CallInfo:
    """What is known of a call when it begins."""

    id: str
    """The carrier's own id of the call."""
    agent: str
    """Name of the agent that answers, from the settings file."""
    voip: str
    """Name of the VoIP plugin."""
    caller: str = ""
    """E.164 number, SIP address or client name; empty when withheld. Personal."""
    called: str = ""
    """The number or address that was called, in the same forms. Personal."""
    direction: str = "inbound"
    """``inbound``, or ``outbound`` for a call that we placed."""
    metadata: Mapping[str, str] = attrs.field(factory=dict, converter=frozen_copy)
    """All that the carrier said of the call, by the carrier's own names; a copy that nobody can change. Personal."""


class Ability:
    """What a carrier may be able to do besides carrying audio; the words used in settings, listings and errors."""

    KEYPRESS = "keypress"
    SEND_DIGITS = "send_digits"
    TRANSFER = "transfer"
    RECORD = "record"
    TRANSCRIBE = "transcribe"
    OUTBOUND = "outbound"
    """Of the VoIP object, not of a line: it can place calls."""
    ALL = (KEYPRESS, SEND_DIGITS, TRANSFER, RECORD, TRANSCRIBE, OUTBOUND)


def cannot(voip: str, ability: str, instead: str = "") -> LineError:
    """The error for a verb that a carrier does not have. instead: what would do."""
    return LineError(f"{voip} cannot {ability}{f': {instead}' if instead else ''}")


def is_address(number: str) -> bool:
    """Whether this can be called: an E.164 number, or a SIP address with its scheme."""
    return bool(E164.fullmatch(number) or SIP.fullmatch(number))


class Progress(enum.Enum):
    """How far a call has come, as its carrier tells."""

    RINGING = "ringing"
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    ENDED = "ended"

    @property
    def is_final(self) -> bool:
        """True if nothing comes after it."""
        return self not in {Progress.RINGING, Progress.ANSWERED}


@attrs.frozen
class MarkReturned:
    """The carrier has played (or thrown away) all that was sent before this mark."""

    name: str


@attrs.frozen
class LineStopped:
    """No more audio will come or go. Other events may still follow until the iteration ends."""

    reason: str
    """``hangup``, ``lost`` (no goodbye from the carrier), ``transferred`` or ``error: ...``."""


@attrs.frozen
class Recording:
    """What became of a recording."""

    id: str
    status: str
    """``in-progress``, ``completed``, ``absent`` or ``failed``."""
    url: str = ""
    """Where it can be fetched with the carrier's credentials. Personal."""
    seconds: float | None = None


@attrs.frozen
class CarrierTranscript:
    """What the carrier's own transcription heard."""

    track: str
    """``caller`` or ``agent``."""
    text: str
    final: bool
    sequence: int = 0
    confidence: float | None = None


class Watching(Protocol):
    """What a line may do besides: see what happens in its own call, to show it to the caller. Optional."""

    def watch(self, observation: Observation) -> None:
        """Take an observation of this call, at once; never waits and never raises."""
        ...


@runtime_checkable
class DirectLine(Protocol):
    """A line that can hand audio over from within its socket's read, which spares a task's wake-up per frame."""

    def divert(self, feed: Callable[[AudioFrame], None]) -> None:
        """Give frames to `feed`, which never waits, and leave them out of `events`, wherever the server allows it.

        Order against other events is kept. What `feed` raises is raised by the iteration.
        """
        ...
