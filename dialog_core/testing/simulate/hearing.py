"""A recogniser in a simulation: it knows what the caller said, and tells it late, in pieces, or wrongly."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count

import anyio
import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.errors import ProviderUnavailable
from dialog_core.messages import Transcript, Word
from dialog_core.protocols import SttEvent
from dialog_core.testing.simulate.journal import Journal
from dialog_core.testing.simulate.line import SimulatedLine, Uttered
from dialog_core.testing.simulate.plan import Fault
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped, TurnResumed

__all__ = ["INVENTED", "SimulatedStt", "garbled"]


INVENTED = "never said"
"""What a recogniser makes of nothing."""


def garbled(text: str) -> str:
    """With characters before it that nobody can say."""
    return f"\x00\ufffd \u202e{text}"


@attrs.frozen
class SimulatedStt:
    """Recognises what is uttered on a line."""

    line: SimulatedLine
    journal: Journal

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[SttHearing]:  # noqa: ARG002 - the truth needs no audio
        hearing = SttHearing(self.line, self.journal)
        self.line.on_uttered.append(hearing.hear)
        self.journal.open["stt"] += 1
        try:
            yield hearing
        finally:
            self.journal.open["stt"] -= 1


class SttHearing:
    """One call's recognition: what is uttered is turned at once into what will be told, and when."""

    def __init__(self, line: SimulatedLine, journal: Journal) -> None:
        self._line, self._journal, self._plan = line, journal, line.plan
        self._due: list[tuple[float, int, SttEvent]] = []
        self._order = count()
        self._news = anyio.Event()
        self._dice = random.Random(f"{line.plan.seed}/stt")  # noqa: S311 - a simulation
        self._settled = (
            0.0  # when the latest final text is told: nothing that comes after overtakes it
        )
        self._ends = [fault for fault in journal.faults if fault.where == "hearing"]

    def feed(self, frame: AudioFrame) -> None:
        pass

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        pass

    async def events(self) -> AsyncIterator[SttEvent]:
        """What was planned, in the order in which it is due."""
        end = min(self._ends, key=lambda fault: fault.seconds, default=None)
        until = float("inf") if end is None else end.seconds
        while True:
            due = min(self._due[0][0] if self._due else until, until)
            if due > self._line.now:
                self._news = anyio.Event()
                with anyio.move_on_after(due - self._line.now):
                    await self._news.wait()
                continue
            if end is not None and due >= until:
                await self._finish(end)
                return
            _, _, event = heappop(self._due)
            yield event

    async def _finish(self, fault: Fault) -> None:
        self._journal.strike(fault)
        if fault.what == "fails":
            raise ProviderUnavailable("simulated", "gave up reconnecting", stage="stt")
        if fault.what == "breaks":
            raise ValueError("simulated: a plugin's mistake")
        await anyio.sleep_forever()

    # --- from sound to words

    def hear(self, uttered: Uttered) -> None:
        """Plan what will be told of it."""
        number = self._journal.begin("stt")
        fault = self._journal.trouble("stt", number)
        what = fault.what if fault is not None else ""
        if what == "invents":
            self._plan_final(INVENTED, uttered.start, uttered.end, self._latency())
        if not uttered.text or what == "misses":
            return
        late = fault.seconds if fault is not None and what in {"late", "is overtaken"} else 0.0
        text = garbled(uttered.text) if what == "garbles" else uttered.text
        latency = self._latency() + late
        if self._plan.pace.interims:
            self._plan_interims(uttered, uttered.end + latency)
        if what == "never settles":
            return
        shift = 0.0
        if fault is not None and what == "mistimes":
            shift = fault.seconds if fault.number % 2 else -fault.seconds
        self._plan_final(text, uttered.start, uttered.end, latency, shift=shift)
        if what != "is overtaken":
            self._settled = max(self._settled, uttered.end + latency)
        if what == "twice":
            self._plan_final(text, uttered.start, uttered.end, latency + 0.3)
        if what == "reorders":
            self._tell(uttered.end + latency + 0.2, Transcript(uttered.end, text, final=False))
        if what == "empty":
            self._tell(uttered.end + latency, Transcript(uttered.end, "  ", final=True))
        if self._plan.verdicts:
            self._plan_verdict(uttered, latency)

    def _latency(self) -> float:
        pace = self._plan.pace
        return self._line.carrier.inbound + pace.stt * self._dice.lognormvariate(0, pace.spread)

    def _plan_interims(self, uttered: Uttered, settled: float) -> None:
        words = uttered.text.rstrip(".,?!").split()
        each = (uttered.end - uttered.start) / len(words)
        step = max(1, len(words) // 2)
        for heard in range(step, len(words) + 1, step):
            end = uttered.start + heard * each
            text = " ".join(words[:heard])
            told = Transcript(end, text, final=False, started=uttered.start)
            if (due := end + self._line.carrier.inbound + 0.1) < settled:
                self._tell(due, told)

    def _plan_final(
        self, text: str, start: float, end: float, latency: float, *, shift: float = 0.0
    ) -> None:
        words, due = text.split(), end + latency
        start, end = start + shift, end + shift
        each = (end - start) / len(words)
        timed = tuple(
            Word(word, start + number * each, start + (number + 1) * each)
            for number, word in enumerate(words)
        )
        self._tell(due, Transcript(end, text, final=True, started=start, words=timed))

    def _plan_verdict(self, uttered: Uttered, latency: float) -> None:
        kind = self._dice.choices(("eager", "sure", "none"), (3, 5, 2))[0]
        if kind == "eager":
            self._tell(uttered.end + latency, EndOfTurn(uttered.end, sure=False))
            self._tell(uttered.end + latency + 0.2, TurnResumed(uttered.end + 0.2))
        if kind != "none":
            self._tell(uttered.end + latency + 0.3, EndOfTurn(uttered.end))

    def _tell(self, at: float, event: SttEvent) -> None:
        heappush(self._due, (max(at, self._settled), next(self._order), event))
        self._news.set()
