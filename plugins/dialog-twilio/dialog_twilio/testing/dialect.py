from __future__ import annotations

import json
from collections.abc import Mapping

import attrs

from dialog_core.testing.phones.stream import AudioSent, Cleared, MarkSent, Sent
from dialog_core.testing.phones.stream import Fault as Warned
from dialog_twilio.testing.wire import Clear, Fault, MarkMessage, MediaMessage, read

__all__ = ["TwilioDialect"]

CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


@attrs.define(eq=False)
class TwilioDialect:
    """The messages of one Twilio media stream."""

    sid: str
    ids: Mapping[str, str]
    """`accountSid` and `callSid`."""
    parameters: Mapping[str, str]
    """Of the stream's TwiML."""
    _sequence: int = 0

    def greeting(self) -> tuple[str, ...]:
        """``connected`` and ``start``."""
        start = {
            **self.ids,
            "streamSid": self.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(self.parameters),
        }
        return CONNECTED, self._tell("start", start)

    def media(self, chunk: int, milliseconds: int, payload: str) -> str:
        """A frame of the caller's audio."""
        self._sequence += 1
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","streamSid":"{self.sid}",'
            f'"media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{milliseconds}",'
            f'"payload":"{payload}"}}}}'
        )

    def mark(self, name: str) -> str:
        """An echo."""
        return self._tell("mark", {"name": name})

    def key(self, digit: str) -> str:
        """A pressed key."""
        return self._tell("dtmf", {"track": "inbound_track", "digit": digit})

    def goodbye(self) -> str:
        """``stop``."""
        return self._tell("stop", self.ids)

    def read(self, data: str | bytes) -> Sent:
        """What the server sent."""
        match read(data, self.sid):
            case MediaMessage(media=body):
                return AudioSent(body.payload)
            case MarkMessage(mark=body):
                return MarkSent(body.name)
            case Clear():
                return Cleared()
            case Fault(warning=warning):
                return Warned(warning)

    def _tell(self, event: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        number = str(self._sequence)
        message = {"event": event, "sequenceNumber": number, "streamSid": self.sid, event: body}
        return json.dumps(message)
