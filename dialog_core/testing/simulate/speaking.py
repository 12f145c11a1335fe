"""A voice in a simulation: its audio tells which word it is, and it fails as planned."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.audio import AudioFormat, AudioOut
from dialog_core.errors import ProviderRejected, ProviderUnavailable
from dialog_core.messages import SpeakText, Word
from dialog_core.testing.simulate.journal import Journal
from dialog_core.testing.simulate.plan import CallPlan, Fault
from dialog_core.testing.simulate.sound import WordSound

__all__ = ["SimulatedTts"]

SECONDS_PER_CHARACTER = 0.05
WORDS_IN_A_PIECE = 4
SEGMENTS = 16


@attrs.define(eq=False)
class SimulatedTts:
    """Speaks what it is given."""

    plan: CallPlan
    journal: Journal
    sound: WordSound = attrs.field(factory=WordSound)
    said: dict[int, list[SpeakText]] = attrs.field(factory=dict)
    """The segments that it was given, by reply."""

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[SimulatedTts]:  # noqa: ARG002 - always of sound.py's
        self.journal.open["tts"] += 1
        try:
            yield self
        finally:
            self.journal.open["tts"] -= 1

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[SimulatedVoice]:
        send, receive = anyio.create_memory_object_stream[SpeakText](SEGMENTS)
        self.journal.open["voice"] += 1
        try:
            with send, receive:
                yield SimulatedVoice(self, reply, send, receive)
        finally:
            self.journal.open["voice"] -= 1


@attrs.define(eq=False)
class SimulatedVoice:
    """Speaks one reply."""

    tts: SimulatedTts
    reply: int
    _send: MemoryObjectSendStream[SpeakText]
    _receive: MemoryObjectReceiveStream[SpeakText]
    _seconds: float = 0.0

    async def speak(self, segment: SpeakText) -> None:
        self.tts.said.setdefault(self.reply, []).append(segment)
        await self._send.send(segment)

    async def finish(self) -> None:
        self._send.close()

    async def audio(self) -> AsyncIterator[AudioOut]:
        tts, journal = self.tts, self.tts.journal
        async for segment in self._receive:
            number = journal.begin("tts")
            fault = journal.trouble("tts", number)
            pace = tts.plan.pace
            dice = random.Random(f"{tts.plan.seed}/tts/{number}")  # noqa: S311 - a simulation
            await anyio.sleep(pace.tts * dice.lognormvariate(0, pace.spread))
            if fault is not None:
                await strike_first(fault)
            if fault is None or fault.what != "makes no sound":
                words = segment.text.split()
                for start in range(0, len(words), WORDS_IN_A_PIECE):
                    if start and fault is not None:
                        await strike_amid(fault)
                    lie = fault.seconds if fault is not None and fault.what == "mistimes" else 0.0
                    yield self._say(segment, words[start : start + WORDS_IN_A_PIECE], lie)
            yield AudioOut(segment.reply, segment.index, b"", last=True)
            if fault is not None and fault.what == "twice":
                yield AudioOut(segment.reply, segment.index, b"", last=True)

    def _say(self, segment: SpeakText, words: list[str], lie: float) -> AudioOut:
        sounds: list[bytes] = []
        timed: list[Word] = []
        for word in words:
            seconds = round((len(word) + 1) * SECONDS_PER_CHARACTER, 3)
            sounds.append(self.tts.sound.make(segment.reply, segment.index, word, seconds))
            timed.append(Word(word, self._seconds + lie, self._seconds + seconds + lie))
            self._seconds += seconds
        times = tuple(timed) if self.tts.plan.word_times else ()
        return AudioOut(segment.reply, segment.index, b"".join(sounds), times)


async def strike_first(fault: Fault) -> None:
    """What may go wrong before the first audio of a segment."""
    match fault.what:
        case "fails":
            raise ProviderUnavailable("simulated", "went away", stage="tts", status=1006)
        case "is busy":
            raise ProviderUnavailable("simulated", "too many requests", stage="tts", status=429)
        case "refuses":
            raise ProviderRejected("simulated", "no quota left", stage="tts", status=402)
        case "breaks":
            raise ValueError("simulated: a plugin's mistake")
        case "stalls" | "late":
            await anyio.sleep(fault.seconds)
        case "is mute":
            await anyio.sleep_forever()


async def strike_amid(fault: Fault) -> None:
    """What may go wrong between two pieces of a segment's audio."""
    match fault.what:
        case "drops":
            raise ProviderUnavailable("simulated", "lost the socket", stage="tts", status=1006)
        case "pauses":
            await anyio.sleep(fault.seconds)
        case "falls silent":
            await anyio.sleep_forever()
