"""What a caller's line says besides audio: immutable values. The line itself is in :mod:`dialog_core.protocols`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

__all__ = ["Ability", "CallInfo", "CarrierTranscript", "LineStopped", "MarkReturned", "Recording"]


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
    direction: str = "inbound"
    metadata: Mapping[str, str] = attrs.field(factory=dict, converter=frozen_copy)
    """All that the carrier said of the call, by the carrier's own names; a copy that nobody can change. Personal."""


class Ability:
    """What a line may be able to do besides carrying audio; the words used in settings and errors."""

    KEYPRESS = "keypress"
    SEND_DIGITS = "send_digits"
    TRANSFER = "transfer"
    RECORD = "record"
    TRANSCRIBE = "transcribe"


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
