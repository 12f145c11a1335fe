"""A telephone line in a simulation: a caller's ear and mouth at the far end of a network that is not instant.

What we send is with the carrier after `Carrier.outbound` seconds and then played in order; what the caller says is
with us after `Carrier.inbound`. Frames are as long as the plan says, so that a call costs little, and shorter where a
voice begins or ends.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator, Callable
from heapq import heappop, heappush
from itertools import count

import anyio
import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.call.clock import SystemClock
from dialog_core.errors import LineError
from dialog_core.line import cannot
from dialog_core.protocols import Ability, CallInfo, LineEvent, LineStopped, MarkReturned, Recording
from dialog_core.testing.line import Played
from dialog_core.testing.simulate.journal import Journal
from dialog_core.testing.simulate.plan import CallPlan
from dialog_core.testing.simulate.sound import FORMAT
from dialog_core.turns.events import Keypress

__all__ = ["SimulatedLine", "Uttered"]

EVENTS = 4096
FIRST_VOICE = 0.06
"""Seconds of the first frame of a voice: so soon it may be noticed."""
CALL = CallInfo("simulated", "simulated", "simulated", "+15550001111", "+15550002222")
SILENT, VOICED = b"\x00\x00", b"\x01\x01"


@attrs.frozen
class Uttered:
    """Sound from the caller's mouth."""

    start: float
    end: float
    text: str = ""
    """What a recogniser can make of it; empty for a cough."""
    voiced: bool = True
    """False if it is too soft for the voice detector."""


def without(ability: str, *_what: object) -> LineError:
    """The error for what this line cannot do."""
    return cannot("simulated", ability)


class SimulatedLine:
    """One call's line; :meth:`run` must be running."""

    info: CallInfo = CALL
    fmt: AudioFormat = FORMAT
    abilities: frozenset[str] = frozenset({Ability.KEYPRESS, Ability.TRANSFER})
    buffers = True

    def __init__(self, plan: CallPlan, journal: Journal) -> None:
        self.plan, self.journal, self.carrier = plan, journal, plan.carrier
        self.uttered: list[Uttered] = []
        """All that the caller has said, or is saying."""
        self.played: list[Played] = []
        """All that the caller's ear was given."""
        self.asked: list[tuple[float, str]] = []
        """When we asked the carrier to end the call, and how."""
        self.stopped: float | None = None
        """When the carrier ended the call."""
        self.on_uttered: list[Callable[[Uttered], None]] = []
        self._clock = SystemClock()
        self._began = self._clock.monotonic()
        self._send, self._receive = anyio.create_memory_object_stream[LineEvent](EVENTS)
        self._due: list[tuple[float, int, LineEvent]] = []
        self._order = count()
        self._framed = 0.0  # end of the frame that is being filled
        self._ends = 0.0  # end of what the carrier will have played
        self._dice = random.Random(f"{plan.seed}/line")  # noqa: S311 - a simulation
        journal.now = lambda: self.now

    @property
    def now(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._began

    # --- the caller

    def utter(self, seconds: float, text: str = "", *, voiced: bool = True) -> Uttered:
        """Make a sound, from the next frame on; returns it with its end, which lies ahead."""
        start = round(max(self.now, self._framed), 3)
        if self.uttered:
            start = max(start, self.uttered[-1].end)
        uttered = Uttered(start, round(start + seconds, 3), text, voiced)
        self.uttered.append(uttered)
        for tell in self.on_uttered:
            tell(uttered)
        return uttered

    def press(self, digit: str) -> None:
        """Press a key."""
        for _ in range(2 if self.journal.always("line", "key twice") else 1):
            self._deliver(Keypress(self.now, digit))

    def leave(self, reason: str) -> None:
        """The caller's side of the line ends."""
        if self.stopped is None:
            self.stopped = self.now
            self._cut(self.now)
            self._deliver(LineStopped(reason))
            if self.journal.always("line", "stopped twice"):
                self._deliver(LineStopped(reason))

    @property
    def sounding_until(self) -> float:
        """When the agent's sound that the carrier has ends."""
        return self._ends

    def is_sounding(self, at: float) -> bool:
        """Whether the agent sounds at the caller's ear."""
        for piece in reversed(self.played):
            if piece.start <= at:
                return at < piece.start + self.fmt.seconds(len(piece.audio))
        return False

    # --- the line

    async def events(self) -> AsyncIterator[LineEvent]:
        async for event in self._receive:
            yield event

    async def play(self, audio: bytes) -> None:
        self._check()
        start = max(self.now + self.carrier.outbound, self._ends)
        if fault := self.journal.trouble("line", self.journal.begin("line")):
            start += fault.seconds
        self.played.append(Played(start, audio))
        self._ends = start + self.fmt.seconds(len(audio))

    async def mark(self, name: str) -> None:
        self._check()
        due = max(self.now + self.carrier.outbound, self._ends)
        fault = self.journal.trouble("mark", self.journal.begin("mark"))
        if fault is not None and fault.what == "lost":
            return
        late = fault.seconds if fault is not None and fault.what == "late" else 0.0
        self._deliver(MarkReturned(name), due + late - self.now)
        if fault is not None and fault.what == "twice":
            self._deliver(MarkReturned(name), due - self.now + fault.seconds)

    async def clear(self) -> None:
        self._check()
        cut = self.now + self.carrier.outbound
        behind = [entry for entry in self._due if self._is_mark_after(entry, cut)]
        self._due = sorted(entry for entry in self._due if entry not in behind)
        self._cut(cut)
        if self.journal.always("line", "returns cleared marks"):
            for _, _, event in behind:
                self._deliver(event, self.carrier.outbound)

    def _is_mark_after(self, entry: tuple[float, int, LineEvent], cut: float) -> bool:
        due, _, event = entry
        return isinstance(event, MarkReturned) and due - self.carrier.inbound > cut

    def _cut(self, at: float) -> None:
        kept = []
        for piece in self.played:
            size = max(0, math.floor((at - piece.start) * self.fmt.rate + 1e-6)) * self.fmt.width
            if size >= len(piece.audio):
                kept.append(piece)
            elif size:
                kept.append(Played(piece.start, piece.audio[:size]))
        self.played = kept
        self._ends = min(self._ends, at)

    async def hang_up(self) -> None:
        await self._end("hang up")

    async def transfer(self, number: str) -> None:
        await self._end(f"transfer to {number}")

    async def _end(self, how: str) -> None:
        self.asked.append((self.now, how))
        fault = self.journal.trouble("end", self.journal.begin("end"))
        if fault is not None and fault.what == "refused":
            raise LineError("simulated: the carrier refused")
        if fault is not None:
            await anyio.sleep(fault.seconds)
        self.leave("hangup" if how == "hang up" else "transferred")

    async def send_digits(self, digits: str) -> None:
        raise without(Ability.SEND_DIGITS, digits)

    async def start_recording(self) -> str:
        raise without(Ability.RECORD)

    async def stop_recording(self, recording: str) -> None:
        raise without(Ability.RECORD, recording)

    async def delete_recording(self, recording: str) -> None:
        raise without(Ability.RECORD, recording)

    async def fetch_recording(self, recording: Recording) -> bytes:
        raise without(Ability.RECORD, recording)

    async def start_transcription(self) -> str:
        raise without(Ability.TRANSCRIBE)

    async def stop_transcription(self, transcription: str) -> None:
        raise without(Ability.TRANSCRIBE, transcription)

    def _check(self) -> None:
        if self.stopped is not None:
            raise LineError("simulated: the line is gone")

    # --- the network

    def _deliver(self, event: LineEvent, after: float = 0.0) -> None:
        due = self.now + max(0.0, after) + self.carrier.inbound
        heappush(self._due, (due, next(self._order), event))

    async def run(self) -> None:
        """Carry what the caller says, and what the carrier tells, until the line is gone."""
        at, late = 0.0, 0.0
        while True:
            length, voiced = self._next_frame(at)
            self._framed = at + length
            late = max(late, at + length + self.carrier.inbound + self._jitter())
            while self._due and self._due[0][0] <= late:
                due, _, event = heappop(self._due)
                await anyio.sleep(max(0.0, due - self.now))
                self._send.send_nowait(event)
                if isinstance(event, LineStopped):
                    self._stop()
                    return
            await anyio.sleep(max(0.0, late - self.now))
            if self.stopped is None or at < self.stopped:
                data = (VOICED if voiced else SILENT) * round(length * 1000)
                self._send.send_nowait(AudioFrame(at, data))
            at = round(at + length, 3)

    def _stop(self) -> None:
        """What the carrier still has to say comes too late for a call, and must do no harm."""
        while self._due:
            self._send.send_nowait(heappop(self._due)[2])
        self._send.close()

    def close(self) -> None:
        """Nobody uses it any more."""
        self._send.close()
        self._receive.close()

    def _jitter(self) -> float:
        return self._dice.random() * self.carrier.jitter if self.carrier.jitter else 0.0

    def _next_frame(self, at: float) -> tuple[float, bool]:
        """Length of the frame that begins here, and whether a voice is in it."""
        length, voiced = self.carrier.frame, False
        for uttered in self.uttered[-3:]:
            if not uttered.voiced:
                continue
            if uttered.start <= at < uttered.end:
                voiced = True
                length = min(length, uttered.end - at)
                if at == uttered.start:
                    length = min(length, FIRST_VOICE)
            elif at < uttered.start:
                length = min(length, uttered.start - at)
        echo = self.carrier.echo
        if echo is not None and not voiced:
            length = min(length, FIRST_VOICE)
            voiced = self.is_sounding(at - echo)
        return round(length, 3), voiced
