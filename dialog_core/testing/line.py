"""A caller and their telephone in one object, for tests of agents and of the core, on virtual time.

The line plays what it is sent in real time of the clock in use, returns marks when they are due and knows afterwards
exactly which words of a :class:`~dialog_core.testing.fakes.FakeTts` were heard. The caller says text, which a
:class:`~dialog_core.testing.fakes.FakeStt` on the same line recognises.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import anyio
import attrs

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame
from dialog_core.call.clock import SystemClock
from dialog_core.errors import LineError
from dialog_core.protocols import (
    Ability,
    CallInfo,
    LineEvent,
    LineStopped,
    MarkReturned,
    Recording,
)
from dialog_core.testing.loopback import Loopback, Played
from dialog_core.turns.events import Keypress

__all__ = ["FakeLine", "Played", "Spoken"]

VOICE = bytes([0x00, 0x80] * 4)
"""Loud mu-law: the two largest samples, one after the other."""
EVENTS = 4096


@attrs.frozen
class Spoken:
    """Something the caller says. Seconds since the call began."""

    start: float
    end: float
    text: str
    audio: bytes = b""
    """How it sounds, in the line's format; a loud tone unless given."""


CALL = CallInfo("fake-1", "agent", "fake", "+15550001111", "+15550002222")


class Wire:
    """The line's inside: what is on its way."""

    def __init__(self) -> None:
        self.began = 0.0
        self.mouth = 0.0
        self.ends = 0.0
        self.stopped: float | None = None
        self.owes = False
        self.overflowed = False
        self.marks: deque[tuple[float, str]] = deque()
        self.changed = anyio.Event()
        self.send, self.receive = anyio.create_memory_object_stream[LineEvent](EVENTS)

    def put(self, event: LineEvent) -> None:
        """Queue an event for who reads the line."""
        try:
            self.send.send_nowait(event)
        except anyio.WouldBlock:
            self.overflowed = True
            self.send.close()
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            return  # nobody reads any more


@attrs.define(eq=False)
class FakeLine:
    """A line with a caller at its end. Enter :meth:`calling` before it is answered."""

    info: CallInfo = CALL
    fmt: AudioFormat = TELEPHONE
    abilities: frozenset[str] = frozenset(
        {
            Ability.KEYPRESS,
            Ability.SEND_DIGITS,
            Ability.TRANSFER,
            Ability.RECORD,
            Ability.TRANSCRIBE,
        }
    )
    buffers: bool = True
    frame: float = 0.02
    """Seconds of audio in a frame."""
    loses_marks: bool = False
    loopback: Loopback | None = None
    """How the telephone returns what it plays; it does not unless given."""
    spoken: list[Spoken] = attrs.field(factory=list)
    """All that the caller said, or is saying."""
    played: list[Played] = attrs.field(factory=list)
    done: list[tuple[str, str]] = attrs.field(factory=list)
    """What the line was asked to do: (verb, argument)."""
    clears: list[float] = attrs.field(factory=list)
    """When the line was told to throw its audio away."""
    _wire: Wire = attrs.field(factory=Wire)
    _clock: SystemClock = attrs.field(factory=SystemClock)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[FakeLine]:
        """The caller holds the telephone; leaving the block puts it down."""
        self._wire.began = self._clock.monotonic()
        wire = self._wire
        async with wire.send, wire.receive, anyio.create_task_group() as tasks:
            tasks.start_soon(self._speak_into)
            tasks.start_soon(self._return_marks)
            yield self
            self.hang_up_by_caller()
            tasks.cancel_scope.cancel()

    # --- the caller

    @property
    def now(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._wire.began

    async def say(self, text: str, *, seconds: float | None = None, audio: bytes = b"") -> None:
        """Speak; returns when it is said. seconds: 0.3 a word unless given. audio: how it sounds, in `fmt`."""
        length = 0.3 * max(1, len(text.split())) if seconds is None else seconds
        if audio:
            length = self.fmt.seconds(len(audio))
        start = max(self.now, self._wire.mouth)
        self._wire.mouth = start + length
        self.spoken.append(Spoken(start, start + length, text, audio))
        await self.wait(start + length - self.now)

    async def wait(self, seconds: float) -> None:
        """Do nothing."""
        await anyio.sleep(max(0.0, seconds))

    async def listen(self, *, quiet: float = 1.0, longest: float = 60.0) -> None:
        """Wait until the agent has spoken and then been silent for `quiet` seconds."""
        already = len(self.played)
        with anyio.fail_after(longest):
            while len(self.played) == already and self._wire.ends <= self.now:
                await self.wait(0.05)
            while self.now < self._wire.ends + quiet:
                await self.wait(max(0.01, self._wire.ends + quiet - self.now))

    def press(self, digit: str) -> None:
        """Press a key."""
        self._wire.put(Keypress(self.now, digit))

    def hang_up_by_caller(self) -> None:
        """Put the telephone down."""
        self._stop("hangup")

    def vanish(self) -> None:
        """Be gone without a goodbye."""
        self._stop("lost")

    def deliver(self, event: LineEvent) -> None:
        """Let the carrier say something, such as what became of a recording."""
        self._wire.put(event)

    # --- the line

    async def events(self) -> AsyncIterator[LineEvent]:
        async for event in self._wire.receive:
            yield event
        if self._wire.overflowed:
            raise LineError("the test's line was not read")

    async def play(self, audio: bytes) -> None:
        self._check()
        start = max(self.now, self._wire.ends)
        self.played.append(Played(start, audio))
        self._wire.ends = start + self.fmt.seconds(len(audio))

    async def mark(self, name: str) -> None:
        self._check()
        self._wire.marks.append((max(self.now, self._wire.ends), name))
        self._wire.changed.set()

    async def clear(self) -> None:
        self._check()
        now = self.now
        self.clears.append(now)
        self._wire.marks.clear()
        self._wire.changed.set()
        self.played[:] = [cut for piece in self.played if (cut := self._until(piece, now)).audio]
        self._wire.ends = min(self._wire.ends, now)

    def _until(self, piece: Played, now: float) -> Played:
        nbytes = max(0, math.floor((now - piece.start) * self.fmt.rate + 1e-6)) * self.fmt.width
        return piece if nbytes >= len(piece.audio) else Played(piece.start, piece.audio[:nbytes])

    async def hang_up(self) -> None:
        self.done.append(("hang_up", ""))
        self._stop("hangup")

    async def transfer(self, number: str) -> None:
        self._do(Ability.TRANSFER, "transfer", number)
        self._stop("transferred")

    async def send_digits(self, digits: str) -> None:
        self._do(Ability.SEND_DIGITS, "send_digits", digits)

    async def start_recording(self) -> str:
        self._do(Ability.RECORD, "start_recording", "")
        return "recording-1"

    async def stop_recording(self, recording: str) -> None:
        self._do(Ability.RECORD, "stop_recording", recording)

    async def delete_recording(self, recording: str) -> None:
        self._do(Ability.RECORD, "delete_recording", recording)

    async def fetch_recording(self, recording: Recording) -> bytes:
        self._do(Ability.RECORD, "fetch_recording", recording.id)
        return b"RIFF"

    async def start_transcription(self) -> str:
        self._do(Ability.TRANSCRIBE, "start_transcription", "")
        return "transcription-1"

    async def stop_transcription(self, transcription: str) -> None:
        self._do(Ability.TRANSCRIBE, "stop_transcription", transcription)

    def _do(self, ability: str, verb: str, argument: str) -> None:
        if ability not in self.abilities:
            raise LineError(f"fake cannot {ability}")
        self.done.append((verb, argument))

    def _check(self) -> None:
        if self._wire.stopped is not None:
            raise LineError("the line is gone")

    def _stop(self, reason: str) -> None:
        if self._wire.stopped is None:
            self._wire.stopped = self.now
            for piece, after in pairwise([*self.played, Played(math.inf, b"")]):
                assert piece.start <= after.start
            now = self.now
            self.played[:] = [
                cut for piece in self.played if (cut := self._until(piece, now)).audio
            ]
            self._wire.put(LineStopped(reason))
            if not self._wire.owes:
                self._wire.send.close()

    # --- what the line owes after the call

    def owe(self) -> None:
        """From now on events may follow the end of the audio, until :meth:`settle`."""
        self._wire.owes = True

    def settle(self) -> None:
        """Nothing more will come."""
        self._wire.send.close()

    # --- the tasks

    async def _speak_into(self) -> None:
        """Frames on an absolute schedule; voice while the caller speaks."""
        at = 0.0
        nbytes = self.fmt.nbytes(self.frame)
        silence, voice = self.fmt.silence(self.frame), (VOICE * nbytes)[:nbytes]
        while self._wire.stopped is None:
            await self.wait(at + self.frame - self.now)
            middle = at + self.frame / 2
            speaking = [each for each in self.spoken[-4:] if each.start <= middle < each.end]
            data = voice if speaking else silence
            if speaking and speaking[0].audio:
                begun = self.fmt.nbytes(max(0.0, at - speaking[0].start))
                data = speaking[0].audio[begun : begun + nbytes]
                data += silence[: nbytes - len(data)]
            if self.loopback is not None:
                data = self.loopback.add_to(data, at, self.fmt, self.played)
            self._wire.put(AudioFrame(at, data))
            at += self.frame

    async def _return_marks(self) -> None:
        wire = self._wire
        while True:
            wire.changed = anyio.Event()
            due = wire.marks[0][0] if wire.marks else math.inf
            if due <= self.now + 1e-9:
                _, name = wire.marks.popleft()
                if not self.loses_marks:
                    wire.put(MarkReturned(name))
                continue
            with anyio.move_on_after(due - self.now):
                await wire.changed.wait()
