"""What every part of a call knows of it."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from dialog_core.observe.observations import Observation
from dialog_core.protocols import Line

__all__ = ["CallContext", "shown"]


@attrs.frozen
class CallContext:
    """A call's name, its clock, and where to tell what happens."""

    id: str
    now: Callable[[], float]
    """Seconds since the call began."""
    observe: Callable[[Observation], None]


def shown(line: Line, observe: Callable[[Observation], None]) -> Callable[[Observation], None]:
    """Let a line that wants to see what is observed of its call; see :class:`dialog_core.protocols.Watching`."""
    watch: Callable[[Observation], None] | None = getattr(line, "watch", None)
    if watch is None:
        return observe
    see = watch

    def both(observation: Observation) -> None:
        observe(observation)
        see(observation)

    return both
