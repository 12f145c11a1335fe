"""What becomes of a manner of speaking that a text-to-speech cannot do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from dialog_core.messages import Manner
from dialog_core.observe.observations import Observation, Trouble

__all__ = ["Unheeded", "wishes"]


@attrs.define(eq=False)
class Unheeded:
    """Says what is left undone, each thing once a session, so that an ignored wish can be seen."""

    provider: str
    observe: Callable[[Observation], None]
    _told: set[str] = attrs.field(factory=set)

    def tell(self, wishes: Iterable[str]) -> None:
        """wishes: what was wished for, such as ``mood 'cheerful'``."""
        for wish in wishes:
            if wish not in self._told:
                self._told.add(wish)
                self.observe(Trouble("", self.provider, "a manner of speaking is ignored", wish))


def wishes(manner: Manner) -> tuple[str, ...]:
    """All that a manner asks for, in words; for who can do nothing of it."""
    named = (
        None if manner.mood is None else f"mood {manner.mood!r}",
        None if manner.speed is None else f"speed {manner.speed:g}",
    )
    return tuple(wish for wish in named if wish is not None)
