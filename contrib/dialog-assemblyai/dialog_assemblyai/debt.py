"""What a recogniser owes us: some result for the voice that it was sent.

Voice without words may be a cough, so a little of it is owed nothing. When enough has gathered
without any result, the clock runs from its beginning::

    voice      ###      #######-------
    owed                   ^ `sure` seconds of voice; late since the first of them

Times are the call's. A result, or the sign of life of a new session, settles all of it.
"""

from __future__ import annotations

import attrs

__all__ = ["Debt"]


@attrs.define
class Debt:
    """Voice that no result has come for."""

    sure: float = 1.0
    """Seconds of voice for which there must be words."""
    _since: float | None = None
    _sounding: float | None = None
    """Since when the caller sounds, if they do."""
    _gathered: float = 0.0
    """Seconds of voice before that."""

    def started(self, at: float) -> None:
        """The caller sounds."""
        self._sounding = at if self._sounding is None else self._sounding
        self._since = at if self._since is None else self._since

    def stopped(self, at: float) -> None:
        """The caller is silent."""
        if self._sounding is not None:
            self._gathered += max(0.0, at - self._sounding)
            self._sounding = None

    def settled(self, at: float) -> None:
        """A result came when audio up to `at` was sent; whoever sounds on is owed another one."""
        self._gathered = 0.0
        if self._sounding is not None:  # and no audio of a new session may be sent yet
            self._sounding = max(at, self._sounding)
        self._since = self._sounding

    def renewed(self, at: float) -> None:
        """A new session was begun with audio from `at` on: whatever is owed is owed from there."""
        self._since = at if self._since is not None else None
        self._sounding = at if self._sounding is not None else None

    def late(self, now: float) -> float:
        """Seconds by which a result is overdue at `now`, the end of what was sent; 0 if none is."""
        sounding = 0.0 if self._sounding is None else max(0.0, now - self._sounding)
        if self._since is None or self._gathered + sounding < self.sure:
            return 0.0
        return now - self._since
