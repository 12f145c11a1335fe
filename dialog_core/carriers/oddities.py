from __future__ import annotations

from collections.abc import Callable

import attrs

__all__ = ["Note", "Oddities"]

GARBAGE_MOST = 100
"""Unreadable messages that a line survives."""
KINDS_MOST = 16
DETAIL_MOST = 200

Note = Callable[[str, str], None]
"""Record a trouble: a constant sentence, and a detail."""


@attrs.define(eq=False)
class Oddities:
    """What comes on a carrier's socket and should not: the first of each kind is noted, the rest are counted."""

    note: Note
    _counts: dict[str, int] = attrs.field(factory=dict)

    def once(self, kind: str, what: str, detail: str = "") -> int:
        """Note the first of a kind. Returns how many there were; 0 for kinds beyond the sixteenth."""
        counts = self._counts
        if kind not in counts and len(counts) >= KINDS_MOST:
            return 0
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] == 1:
            self.note(what, detail[:DETAIL_MOST])
        return counts[kind]

    def unknown(self, kind: str) -> None:
        """A message of a kind that we do not know."""
        self.once(f"unknown {kind[:40]}", "a message of an unknown kind was skipped", kind)

    def is_hopeless(self, error: str) -> bool:
        """A message cannot be read; True if the peer sends too many of those."""
        return self.once("garbage", "an unreadable message was skipped", error) >= GARBAGE_MOST
