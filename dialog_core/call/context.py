"""What every part of a call knows of it."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from dialog_core.observe.observations import Observation

__all__ = ["CallContext"]


@attrs.frozen
class CallContext:
    """A call's name, its clock, and where to tell what happens."""

    id: str
    now: Callable[[], float]
    """Seconds since the call began."""
    observe: Callable[[Observation], None]
