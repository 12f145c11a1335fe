from __future__ import annotations

import math

import anyio
import attrs

from dialog_browser.protocol import PCM16
from dialog_core import g711
from dialog_core.audio import Encoding
from dialog_core.factory import Clock
from dialog_core.resample import Resampler
from dialog_core.testing.phones import AgentBuffer, Echo

__all__ = ["Player"]

RATE = 8000


@attrs.define(eq=False)
class Player:
    """What a page holds of the agent's speech, on its audio clock: a timeline in samples at 8 kHz."""

    clock: Clock
    buffer: AgentBuffer = attrs.field(factory=AgentBuffer)
    received: list[bytes] = attrs.field(factory=list)
    echoes: list[Echo] = attrs.field(factory=list)
    clears: list[float] = attrs.field(factory=list)
    changed: anyio.Event = attrs.field(factory=anyio.Event)
    _plays: bool = True
    _began: float | None = None
    _resampler: Resampler | None = None

    def begin(self, codec: str, rate: int) -> None:
        """The call has begun; speech will come like this."""
        self._plays = codec == PCM16
        self._began = self.clock.monotonic()
        self._resampler = Resampler(rate, RATE)

    @property
    def now(self) -> int:
        """Samples since the call began."""
        return 0 if self._began is None else round((self.clock.monotonic() - self._began) * RATE)

    def push(self, data: bytes) -> None:
        """Speech has come: whole 16-bit samples, or packets of a codec, which are only kept."""
        self.received.append(data)
        if not self._plays:
            return
        assert self._resampler is not None
        samples = self._resampler.feed(g711.decode(data, Encoding.PCM16))
        self.buffer.push(g711.encode(samples, Encoding.MULAW), self.now)
        self.tell()

    def mark(self, number: int) -> None:
        """A mark has come."""
        assert self._resampler is not None
        if (rest := self._resampler.flush()).size:
            self.buffer.push(g711.encode(rest, Encoding.MULAW), self.now)
        self.buffer.mark(str(number), self.now)
        self.tell()

    def clear(self) -> None:
        """What has not been played never will be."""
        assert self._resampler is not None
        self._resampler.flush()
        self.clears.append(self.now / RATE)
        self.echoes += [
            Echo(name, self.now / RATE, played=False) for name in self.buffer.clear(self.now)
        ]
        self.tell()

    async def reached(self) -> list[int]:
        """The next marks that are played; waits for them."""
        while True:
            changed, due = self.changed, self.buffer.next_mark()
            left = math.inf if due is None else (due - self.now) / RATE
            if left <= 0:
                names = self.buffer.due(self.now)
                self.echoes += [Echo(name, self.now / RATE, played=True) for name in names]
                return [int(name) for name in names]
            with anyio.move_on_after(left):
                await changed.wait()

    def tell(self) -> None:
        """Wake those who wait for a change."""
        changed, self.changed = self.changed, anyio.Event()
        changed.set()
