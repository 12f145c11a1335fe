"""What happened in a simulated call, in order, for laws and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs

from dialog_core.testing.simulate.plan import Fault

__all__ = ["Journal", "Note", "ToolRun"]


@attrs.frozen
class Note:
    """Somebody did something."""

    at: float
    """Seconds since the call began."""
    who: str
    what: str


@attrs.frozen
class ToolRun:
    """A tool that was run."""

    at: float
    name: str
    reply: int


def at_the_start() -> float:
    """The clock before the call has one."""
    return 0.0


@attrs.define(eq=False)
class Journal:
    """One call's notes, its faults, and what is open."""

    faults: tuple[Fault, ...] = ()
    now: Callable[[], float] = at_the_start
    notes: list[Note] = attrs.field(factory=list)
    struck: list[tuple[float, Fault]] = attrs.field(factory=list)
    """Faults that came to pass, and when."""
    ran: list[ToolRun] = attrs.field(factory=list)
    promised: list[tuple[str, bool]] = attrs.field(factory=list)
    """What `say` told of each wish that was not withdrawn: its text, and whether it was heard to its end."""
    acted: list[tuple[float, float]] = attrs.field(factory=list)
    """When each act of the caller began and ended."""
    open: Counter[str] = attrs.field(factory=Counter)
    """Sessions, voices and answers that vendors hold open, by kind."""
    _work: Counter[str] = attrs.field(factory=Counter)

    def note(self, who: str, what: str) -> None:
        """Write something down."""
        self.notes.append(Note(self.now(), who, what))

    def strike(self, fault: Fault) -> Fault:
        """Write down that a fault comes to pass; returns it."""
        self.struck.append((self.now(), fault))
        self.note(fault.where, f"fault: {fault.what}, at piece {fault.number}")
        return fault

    def begin(self, where: str) -> int:
        """A part begins its next piece of work; returns its number, from 1."""
        self._work[where] += 1
        return self._work[where]

    def trouble(self, where: str, number: int) -> Fault | None:
        """What goes wrong with a piece of work, if anything."""
        for fault in self.faults:
            if fault.where == where and fault.number == number:
                return self.strike(fault)
        return None

    def always(self, where: str, what: str) -> Fault | None:
        """A fault that holds for the whole call, whatever its number."""
        return next(
            (each for each in self.faults if (each.where, each.what) == (where, what)), None
        )
