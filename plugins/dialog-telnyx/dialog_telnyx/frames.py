from __future__ import annotations

from array import array

import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_telnyx.order import Order
from dialog_telnyx.protocol import MediaBody

__all__ = ["Frames", "swapped"]

INBOUND = frozenset({"inbound", "inbound_track"})


def swapped(samples: bytes) -> bytes:
    """16-bit samples in the other byte order."""
    values = array("h", samples[: len(samples) - len(samples) % 2])
    values.byteswap()
    return values.tobytes()


@attrs.define(eq=False)
class Frames:
    """The caller's audio, in order, with times that count from its first sample."""

    fmt: AudioFormat
    swap: bool
    """Whether samples come in the other byte order."""
    now: float = 0.0
    """End of the newest frame, in seconds."""
    _order: Order[tuple[int, bytes]] = attrs.field(factory=Order)
    """Of milliseconds and samples."""
    _began: int | None = None

    @property
    def dropped(self) -> int:
        """Frames that came twice or too late."""
        return self._order.dropped

    def take(self, media: MediaBody) -> tuple[AudioFrame, ...]:  # per frame
        """What goes on now. Raises: ValueError for numbers that are none; nothing is kept of such a frame."""
        if media.track not in INBOUND:
            return ()
        number, milliseconds = int(media.chunk), int(media.timestamp)
        return tuple(map(self._frame, self._order.push(number, (milliseconds, media.payload))))

    def rest(self) -> tuple[AudioFrame, ...]:
        """What waited for frames before it, when no more come."""
        return tuple(map(self._frame, self._order.rest()))

    def _frame(self, piece: tuple[int, bytes]) -> AudioFrame:  # per frame
        milliseconds, samples = piece
        if self._began is None:
            self._began = milliseconds
        at = (milliseconds - self._began) / 1000
        payload = swapped(samples) if self.swap else samples
        self.now = at + self.fmt.seconds(len(payload))
        return AudioFrame(at, payload)
