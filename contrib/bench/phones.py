"""Lean telephones: callers at Twilio's side of a media stream, who speak, listen, interrupt and keep the time.

A caller waits for the greeting to end, then takes turns: an utterance of real speech, and the reply, which is heard to
its end or, every fourth time, interrupted. Their frames leave when the last sample has sounded, on a schedule that
does not drift.
"""

from __future__ import annotations

import json
import random
import secrets
from base64 import b64decode, b64encode
from collections import deque

import attrs

from contrib.bench.clock import seconds
from contrib.bench.frames import CLOSE, PING, PONG, Frames, masked
from contrib.bench.loop import Connection, Loop
from contrib.bench.speech import ALIGN, Utterance
from contrib.bench.vendors import Trace, quiet

__all__ = ["Heard", "Phone"]

FRAME = 160
FRAME_SECONDS = 0.02
BARGE_EVERY = 4
BARGE_AFTER = 1.0
"""Seconds of a reply that are listened to before it is interrupted."""
PATIENCE = 8.0
"""Seconds after which a caller gives up waiting for an answer, and speaks again."""
PAUSE = (0.5, 0.9)
INTRODUCTION = 50
"""Frames of silence that carry the caller's number; those after them are plain."""
SILENCE = b64encode(b"\xff" * FRAME).decode()
GAP = 0.02
"""Seconds of silence inside a reply that count as starved audio."""
WARM_UP = 100
"""Frames before which a caller does not speak: the greeting is on its way."""


@attrs.define
class Heard:
    """What all phones of a run measured; filled only while `open`."""

    open: bool = False
    own: list[float] = attrs.field(factory=list)
    """Seconds that a reply came late, the vendors' share and the configured silence taken off."""
    stages: list[tuple[float, float, float]] = attrs.field(factory=list)
    """The same in three: to the question, from token to text, from speech to line."""
    clears: list[float] = attrs.field(factory=list)
    """Seconds from the first voiced sample of an interruption to `clear`."""
    gaps: list[float] = attrs.field(factory=list)
    unanswered: int = 0
    uncleared: int = 0
    replies: int = 0
    agent_seconds: float = 0.0
    lags: list[float] = attrs.field(factory=list)
    """Seconds by which frames left late: the load's own fault."""


class Phone:
    """One call's media stream."""

    def __init__(
        self,
        loop: Loop,
        connection: Connection,
        caller: int,
        ids: tuple[str, str],
        utterance: Utterance,
        silence: float,
        trace: Trace,
        heard: Heard,
    ) -> None:
        """connection: whose upgrade was answered. ids: of the account and the call. silence: the configured one."""
        self._loop = loop
        self._connection = connection
        self._sid = "MZ" + secrets.token_hex(16)
        self._account, self._call = ids
        self._utterance = utterance
        self._silence = silence
        self._trace = trace
        self._heard = heard
        self._quiet = b64encode(quiet(caller)).decode()
        self._speech = [
            b64encode(utterance.audio[start : start + FRAME]).decode()
            for start in range(0, len(utterance.audio), FRAME)
        ]
        self._random = random.Random(caller)  # noqa: S311 - a load is to be repeatable
        self._frames = Frames()
        self._began = 0.0
        self._chunk = 0
        self._saying: list[str] = []
        self._said_at = 0.0
        self._speak_from: float | None = None
        self._waiting: float | None = None
        """When the utterance began that waits for an answer."""
        self._barging: float | None = None
        """First voiced sample of an interruption that has not been heeded."""
        self._replies = caller % BARGE_EVERY
        self._interrupts = False
        """The reply that sounds is to be interrupted."""
        self._sounds_until = 0.0
        self._marks: deque[tuple[float, str]] = deque()
        self.over = False
        self.lost = False
        """The server ended the call."""
        connection.on_data = self._read
        connection.on_close = self._lost

    def start(self) -> None:
        """Begin the stream."""
        self._send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        ids = {"accountSid": self._account, "callSid": self._call}
        start = {
            **ids,
            "streamSid": self._sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        message = {"event": "start", "sequenceNumber": "1", "streamSid": self._sid, "start": start}
        self._send(message)
        self._began = seconds()
        self._loop.at(self._began + FRAME_SECONDS, self._frame)

    def hang_up(self) -> None:
        """End the stream as Twilio does."""
        if not self.over:
            self.over = True
            body = {"accountSid": self._account, "callSid": self._call}
            self._send(
                {"event": "stop", "sequenceNumber": "2", "streamSid": self._sid, "stop": body}
            )
            self._connection.send(masked(b"\x03\xe8", CLOSE))
            self._loop.at(seconds() + 1.0, self._connection.close)

    def _lost(self) -> None:
        self.lost = not self.over
        self.over = True

    def _send(self, message: object) -> None:
        self._connection.send(masked(json.dumps(message).encode()))

    # what the caller says

    def _frame(self) -> None:
        """Send the frame that has just ended, and see to what comes next."""
        if self.over:
            return
        chunk = self._chunk
        self._chunk = chunk + 1
        due = self._began + self._chunk * FRAME_SECONDS
        self._loop.at(due + FRAME_SECONDS, self._frame)
        now = seconds()
        if self._heard.open:
            self._heard.lags.append(now - due)
        payload = self._quiet if chunk < INTRODUCTION else SILENCE
        if self._saying:
            payload = self._saying.pop()
        elif self._is_due(due):
            self._speak(due - FRAME_SECONDS)
            payload = self._saying.pop()
        self._connection.send(
            masked(
                f'{{"event":"media","sequenceNumber":"{chunk + 2}","media":{{"track":"inbound","chunk":"{chunk + 1}",'
                f'"timestamp":"{20 * chunk}","payload":"{payload}"}},"streamSid":"{self._sid}"}}'.encode()
            )
        )

    def _is_due(self, now: float) -> bool:
        """Whether the caller is to speak now."""
        if self._waiting is not None:
            if now - self._waiting < PATIENCE:
                return False
            self._heard.unanswered += self._heard.open
            return True
        if self._speak_from is not None:
            return now >= self._speak_from
        if self._chunk >= WARM_UP and now >= self._sounds_until:
            self._speak_from = now + self._random.uniform(*PAUSE)
        return False

    def _speak(self, at: float) -> None:
        """Say the utterance; its first sample sounds at that time."""
        self._saying = self._speech[::-1]
        self._speak_from = None
        self._interrupts = False
        if self._barging is not None:
            self._heard.uncleared += self._heard.open
        sounding = self._sounds_until > at
        self._barging = at + self._utterance.first if sounding else None
        self._waiting = at

    # what the caller hears

    def _read(self, data: bytes) -> None:
        now = seconds()
        for frame in self._frames.feed(data):
            if frame.opcode == PING:
                self._connection.send(masked(frame.data, PONG))
            elif frame.opcode == CLOSE:
                self._connection.close()
                return
            elif not self.over:  # who has hung up hears nothing
                self._take(json.loads(frame.data), now)

    def _take(self, message: dict[str, dict[str, str]], now: float) -> None:
        kind: object = message["event"]
        if kind == "media":
            self._play(len(b64decode(message["media"]["payload"])) / 8000, now)
        elif kind == "mark":
            due = max(now, self._sounds_until)
            self._marks.append((due, message["mark"]["name"]))
            self._loop.at(due, self._echo)
        elif kind == "clear":
            self._clear(now)

    def _play(self, length: float, now: float) -> None:
        heard = self._heard
        if self._waiting is not None and self._barging is None:
            if not self._saying:  # what sounds before is a reply that fades out
                self._answered(now)
        elif heard.open and now - self._sounds_until > GAP and self._sounds_until:
            heard.gaps.append(now - self._sounds_until)
        self._sounds_until = max(now, self._sounds_until) + length
        if not self._interrupts:
            self._speak_from = None
        heard.agent_seconds += length if heard.open else 0.0

    def _answered(self, now: float) -> None:
        """The first audio of a reply has come."""
        assert self._waiting is not None
        began, self._waiting = self._waiting, None
        trace, heard = self._trace, self._heard
        last = began + self._utterance.lasts[trace.onset % ALIGN]
        self._replies += 1
        self._interrupts = not self._replies % BARGE_EVERY
        if self._interrupts:
            self._speak_from = now + BARGE_AFTER
        if not heard.open:
            return
        if not last < trace.asked <= trace.answered <= trace.texted <= trace.voiced <= now:
            heard.unanswered += 1
            return
        stages = (
            trace.asked - last - self._silence,
            trace.texted - trace.answered,
            now - trace.voiced,
        )
        heard.replies += 1
        heard.stages.append(stages)
        heard.own.append(sum(stages))

    def _clear(self, now: float) -> None:
        if self._barging is not None:
            if self._heard.open:
                self._heard.clears.append(now - self._barging)
            self._barging = None
        unheard = max(0.0, self._sounds_until - now)
        self._sounds_until -= unheard
        self._heard.agent_seconds -= unheard if self._heard.open else 0.0
        marks, self._marks = self._marks, deque()
        for _, name in marks:
            self._mark(name)

    def _echo(self) -> None:
        """Echo the marks that playback has reached."""
        now = seconds()
        while self._marks and self._marks[0][0] <= now and not self.over:
            self._mark(self._marks.popleft()[1])

    def _mark(self, name: str) -> None:
        self._send(
            {
                "event": "mark",
                "sequenceNumber": "3",
                "streamSid": self._sid,
                "mark": {"name": name},
            }
        )
