from __future__ import annotations

import datetime as dt

import attrs

from dialog_core.observe.observations import Observation
from dialog_demo.caller import Played

__all__ = ["Take"]


@attrs.frozen
class Take:
    """All that is kept of a call, seen from both ends. Both tracks are as long as the call, and begin together."""

    began: dt.datetime
    """Of the first sample, UTC."""
    caller: bytes
    """What the caller sent: mu-law at 8 kHz."""
    agent: bytes
    """What the caller heard of the agent: mu-law at 8 kHz."""
    lines: tuple[Played, ...]
    observed: tuple[Observation, ...]
    """What the server told of itself, oldest first."""
    clears: tuple[float, ...] = ()
    """When the server withdrew the agent's audio, in seconds on the recording."""
    warnings: tuple[str, ...] = ()
    """What Twilio would complain of."""
    gave_up: str = ""
    """Why the caller hung up; empty if they did not."""
    too_busy: str = ""
    """What shows that the machine had no time for a call; empty if it had."""
