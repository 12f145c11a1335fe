from __future__ import annotations

import enum

import attrs

from dialog_core.net.media_stream import MediaStream
from dialog_telnyx.protocol import Envelopes

__all__ = ["Phase", "Wire"]


class Phase(enum.Enum):
    """What a line is doing."""

    LIVE = "live"
    LEAVING = "leaving"
    """The caller is being transferred; the stream stops for good."""
    ENDING = "ending"
    """We have asked for the end of the call."""
    STOPPED = "stopped"


@attrs.define(eq=False)
class Wire:
    """What a line's two directions share."""

    stream: MediaStream[Envelopes]
    phase: Phase = Phase.LIVE
    generation: int = 0
    """Of marks: those of an older one were not played."""
    reason: str = ""
    """Why it stopped; empty before."""
    hung_up: bool = False
    """Telnyx has said that the call is over."""

    def stop(self, reason: str) -> None:
        """No more audio will come or go."""
        self.phase = Phase.STOPPED
        self.reason = reason
        self.stream.done.set()
