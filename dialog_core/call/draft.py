"""What an eager reply would leave behind, kept to itself until its turn is complete.

Such a reply is made as if the turn were over: it sees a history that ends with the turn, and what it notes is there
when it looks again. Nobody else sees any of it. It is entered when the reply is confirmed, and forgotten with it.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
import attrs

from dialog_core.messages import Utterance
from dialog_core.speech.history import Entry, History

__all__ = ["Draft"]


@attrs.define(eq=False)
class Draft:
    """Of one reply."""

    turn: History
    """The turn that it answers, as if it were complete."""
    own: History = attrs.field(factory=History)
    """What the reply has put into the history."""
    metadata: dict[str, str] = attrs.field(factory=dict)
    """What it has added to the call's."""
    certain: anyio.Event = attrs.field(factory=anyio.Event)
    """Set when the turn is complete; never, if the reply is dropped."""
    _then: list[Callable[[], None]] = attrs.field(factory=list)

    @classmethod
    def answering(cls, utterance: Utterance, at: float) -> Draft:
        """A draft of a reply to this turn."""
        return cls(History().asked(utterance, at))

    def seen(self, history: History) -> History:
        """The conversation as the reply sees it."""
        return joined(joined(history, self.turn), self.own)

    def note(self, entry: Entry) -> None:
        """Put something into the history that nobody says."""
        self.own = self.own.noted(entry)

    def then(self, act: Callable[[], None]) -> None:
        """Do something when the turn is complete; it must be quick and not fail."""
        self._then.append(act)

    def enter(self, history: History) -> History:
        """The turn is complete: returns the history, which ends with it, and what the reply has put behind it."""
        for act in self._then:
            act()
        self.certain.set()
        return joined(history, self.own)


def joined(one: History, other: History) -> History:
    """One after the other."""
    return History((*one.entries, *other.entries))
