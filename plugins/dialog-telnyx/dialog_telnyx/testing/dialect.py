from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

import attrs
import msgspec

from dialog_core.testing.phones.stream import AudioSent, Cleared, Fault, MarkSent, Sent

__all__ = ["TelnyxDialect"]

SHORTEST = 160
LONGEST = 30 * 8000
RATE = 8000


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Base64 of codec bytes."""

    payload: bytes


class Media(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="media"
):
    """Audio to be played."""

    media: Payload


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a mark."""

    name: str


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="mark"):
    """To be echoed when all audio before was played."""

    mark: Name


class Clear(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="clear"
):
    """Throw away what has not been played."""


_decode = msgspec.json.Decoder(Media | Mark | Clear).decode


@attrs.define(eq=False)
class TelnyxDialect:
    """The messages of one Telnyx media stream with PCMU, as strict as the documentation is."""

    ids: Mapping[str, str | None]
    """Of the start message."""
    stream_id: str
    _sequence: int = 0

    def greeting(self) -> tuple[str, ...]:
        """``connected`` and ``start``."""
        media_format = {"encoding": "PCMU", "sample_rate": RATE, "channels": 1}
        start: dict[str, object] = {
            **self.ids,
            "user_id": "u-1",
            "tags": [],
            "media_format": media_format,
        }
        return '{"event":"connected","version":"1.0.0"}', self._tell("start", start)

    def media(self, chunk: int, milliseconds: int, payload: str) -> str:
        """A frame of the caller's audio."""
        self._sequence += 1
        return (
            f'{{"event":"media","sequence_number":"{self._sequence}","stream_id":"{self.stream_id}",'
            f'"media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{milliseconds}",'
            f'"payload":"{payload}"}}}}'
        )

    def mark(self, name: str) -> str:
        """A mark that returns."""
        return self._tell("mark", {"name": name})

    def key(self, digit: str) -> str:
        """A pressed key."""
        return self._tell("dtmf", {"digit": digit}, occurred_at="2026-01-02T03:04:09.698408Z")

    def goodbye(self) -> str:
        """``stop``."""
        return self._tell("stop", {"user_id": "u-1"})

    def read(self, data: str | bytes) -> Sent:
        """What the server sent."""
        if isinstance(data, bytes):
            return Fault("100003: a binary message")
        try:
            message = cast("Media | Mark | Clear", _decode(data))
        except msgspec.DecodeError as error:
            return Fault(f"100003: {error}")
        match message:
            case Media(media=body) if not SHORTEST <= len(body.payload) <= LONGEST:
                return Fault(f"100004: {len(body.payload)} bytes are not 20 ms to 30 s")
            case Media(media=body):
                return AudioSent(body.payload)
            case Mark(mark=name):
                return MarkSent(name.name)
            case Clear():
                return Cleared()

    def _tell(self, event: str, body: Mapping[str, object], **more: str) -> str:
        self._sequence += 1
        message = {"event": event, "sequence_number": str(self._sequence)}
        return json.dumps({**message, "stream_id": self.stream_id, **more, event: body})
