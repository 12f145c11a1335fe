from __future__ import annotations

import json
from collections.abc import Mapping

import attrs

from dialog_core.testing.phones.stream import AudioSent, Cleared, DigitsSent, MarkSent, Sent
from dialog_core.testing.phones.stream import Fault as Warned
from dialog_plivo.testing.wire import Checkpoint, Clear, Fault, PlayAudio, SendDtmf, read

__all__ = ["PlivoDialect"]

EPOCH_MS = 1_705_312_200_000
"""Timestamps are a wall clock's, as Plivo's reference says."""
LATE_MS = (0, 7, 3, 12)
"""And have its jitter."""


@attrs.define(eq=False)
class PlivoDialect:
    """The messages of one Plivo audio stream."""

    id: str
    call: str
    account: str
    headers: str
    """Extra headers as the wire has them."""
    _sequence: int = 0

    def greeting(self) -> tuple[str, ...]:
        """``start``."""
        start = {
            "callId": self.call,
            "streamId": self.id,
            "accountId": self.account,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        }
        return (self._tell("start", {"start": start, "extra_headers": self.headers}),)

    def media(self, chunk: int, milliseconds: int, payload: str) -> str:
        """A frame of the caller's audio."""
        self._sequence += 1
        stamp = EPOCH_MS + milliseconds + LATE_MS[chunk % len(LATE_MS)]
        return (
            f'{{"event":"media","sequenceNumber":{self._sequence},"streamId":"{self.id}",'
            f'"media":{{"track":"inbound","timestamp":"{stamp}","chunk":{chunk},'
            f'"payload":"{payload}"}},"extra_headers":"{self.headers}"}}'
        )

    def mark(self, name: str) -> str:
        """A checkpoint was played."""
        return self._tell("playedStream", {"streamId": self.id, "name": name})

    def key(self, digit: str) -> str:
        """A pressed key."""
        body = {"track": "inbound", "digit": digit, "timestamp": str(EPOCH_MS)}
        return self._tell("dtmf", {"streamId": self.id, "dtmf": body})

    def goodbye(self) -> str:
        """The close of the socket is all the goodbye that Plivo has."""
        return ""

    def read(self, data: str | bytes) -> Sent:
        """What the server sent."""
        match read(data, self.id):
            case PlayAudio(media=body):
                return AudioSent(body.payload)
            case Checkpoint(name=name):
                return MarkSent(name)
            case Clear():
                answer = self._tell("clearedAudio", {"streamId": self.id})
                return Cleared(answer, returns_marks=False)
            case SendDtmf(dtmf=keys):
                return DigitsSent(keys)
            case Fault(warning=warning):
                return Warned(warning)

    def _tell(self, event: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        return json.dumps({"event": event, "sequenceNumber": self._sequence, **body})
