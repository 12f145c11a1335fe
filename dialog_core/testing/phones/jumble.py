from __future__ import annotations

import attrs

__all__ = ["Jumble"]

ORDER = (2, 0, 0, 1, 3)
"""Third, first, first again, second, fourth."""


@attrs.define(eq=False)
class Jumble:
    """Lets frames through as they come; after `start`, the next four out of order and one of them twice."""

    _held: list[str] | None = None

    def start(self) -> None:
        """Hold the next four frames."""
        self._held = []

    def through(self, frame: str) -> tuple[str, ...]:  # per frame
        """What is to be sent now."""
        held = self._held
        if held is None:
            return (frame,)
        held.append(frame)
        if len(held) <= max(ORDER):
            return ()
        self._held = None
        return tuple(held[index] for index in ORDER)
