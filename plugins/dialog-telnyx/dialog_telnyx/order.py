"""Frames in the order of their numbers, though they come in another.

A frame that is next goes on at once. One that is early waits, at most until `most` frames wait; then what is missing is
given up. One that comes twice, or after a later one went on, is dropped. So order costs no time while all is well.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

__all__ = ["Order"]

T = TypeVar("T")


@attrs.define(eq=False)
class Order(Generic[T]):
    """Puts numbered things in order. Pure."""

    most: int = 5
    """How many may wait."""
    dropped: int = 0
    _next: int | None = None
    _early: dict[int, T] = attrs.field(factory=dict)

    def push(self, number: int, thing: T) -> tuple[T, ...]:  # per frame
        """What goes on now, in order."""
        expected = self._next
        if expected is None or (number == expected and not self._early):
            self._next = number + 1
            return (thing,)
        if number < expected or number in self._early:
            self.dropped += 1
            return ()
        self._early[number] = thing
        if len(self._early) > self.most:
            self._next = min(self._early)
        return self._ready()

    def rest(self) -> tuple[T, ...]:
        """What waits, when no more comes."""
        things = tuple(self._early[number] for number in sorted(self._early))
        self._early.clear()
        return things

    def _ready(self) -> tuple[T, ...]:
        ready = []
        while self._next in self._early:
            ready.append(self._early.pop(self._next))
            self._next += 1
        return tuple(ready)
