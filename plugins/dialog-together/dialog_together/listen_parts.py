"""What the tasks of one call's recognition share."""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import attrs
from anyio.streams.memory import MemoryObjectSendStream

from dialog_core import g711
from dialog_core.audio import AudioFormat, Encoding
from dialog_core.errors import ProviderError
from dialog_core.factory import Services
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import SttEvent
from dialog_core.resample import Resampler
from dialog_core.resilience.replay import ReplayBuffer
from dialog_together.failures import NAME
from dialog_together.settings import TogetherSttSettings
from dialog_together.utterances import Utterances

__all__ = ["Intake", "Outbox", "Parts", "Pulse"]


def already() -> anyio.Event:
    """An event that has happened."""
    event = anyio.Event()
    event.set()
    return event


@attrs.define
class Intake:
    """Turns the line's audio into PCM of the vendor's rate."""

    fmt: AudioFormat
    rate: int
    _resampler: Resampler | None = None

    def restart(self) -> None:
        """What comes next does not follow what came before."""
        self._resampler = None

    def finish(self) -> bytes:
        """What resampling held back, before a commit."""
        resampler, self._resampler = self._resampler, None
        return b"" if resampler is None else resampler.flush().tobytes()

    def take(self, data: bytes) -> bytes:
        """The next audio, whole samples; resampling holds a millisecond or two back."""
        if self.fmt.encoding is Encoding.PCM16 and self.fmt.rate == self.rate:
            return data
        if self._resampler is None:
            self._resampler = Resampler(self.fmt.rate, self.rate)
        return self._resampler.feed(g711.decode(data, self.fmt.encoding)).tobytes()


@attrs.define(eq=False)
class Pulse:
    """What the tasks tell each other. Times are seconds on the loop's clock."""

    wake: anyio.Event = attrs.field(factory=anyio.Event)
    """The sender has something to do."""
    fed: int = 0
    """Bytes taken from the line since the sender was last woken for them."""
    began: float | None = None
    """Call time at which the caller began to speak, until the sender has dealt with it."""
    commit: bool = False
    """What was sent is to be transcribed."""
    connected: bool = False
    """There is a connection, as far as we know."""
    sounding: bool = False
    """The line's voice detector hears the caller."""
    asked: anyio.Event = attrs.field(factory=anyio.Event)
    """The caller fell silent."""
    answered: anyio.Event = attrs.field(factory=already)
    """The words before the caller's last silence are settled, or the caller went on."""
    error: ProviderError | None = None
    """Why the session gave up."""


@attrs.frozen(eq=False)
class Outbox:
    """Hands events to whoever listens."""

    stream: MemoryObjectSendStream[SttEvent]
    _turn: anyio.Lock = attrs.field(factory=anyio.Lock)
    """Keeps two tasks' events in order when the listener is behind."""

    async def post(self, events: Iterable[SttEvent]) -> None:
        """Hand over events in order; waits while the listener is behind."""
        async with self._turn:
            for event in events:
                await self.stream.send(event)


@attrs.frozen(eq=False)
class Parts:
    """What the connections of one session share, and the session with them."""

    settings: TogetherSttSettings
    services: Services
    buffer: ReplayBuffer
    intake: Intake
    outbox: Outbox
    utterances: Utterances = attrs.field(factory=Utterances)
    pulse: Pulse = attrs.field(factory=Pulse)
    unknown: set[str] = attrs.field(factory=set)
    """Kinds of messages that were reported as unknown."""

    @property
    def is_manual(self) -> bool:
        """True if we cut the utterances."""
        return self.settings.turn_detection == "none"

    def now(self) -> float:
        """Seconds on the loop's clock."""
        return self.services.clock.monotonic()

    def report(self, what: str, detail: str) -> None:
        """Tell of something that went wrong and was dealt with."""
        self.services.observe(Trouble("", NAME, what, detail))

    def report_dropped(self) -> None:
        """Tell of frames that were given up."""
        buffer = self.buffer
        if buffer.dropped:
            self.services.observe(Counted("", f"{NAME} frames dropped", buffer.dropped))
            buffer.dropped = 0
        if buffer.lost:
            self.services.observe(Counted("", f"{NAME} frames not repeated", buffer.lost))
            buffer.lost = 0
