"""What to do about a failure: a table, read from its first row that fits.

Each row names the remedies in the order in which they are worth trying; each remedy has one owner::

    RETRY      session.py    reconnect or ask again; what was said stays said
    FAILOVER   failover.py   let the next provider go on
    DEGRADE    the turn machine: a prepared sentence, and the floor back to the caller
    END_CALL   run_call      nothing can be said any more

Every row ends with DEGRADE or END_CALL, which always work. `spoken` tells whether the caller has heard part of the
reply: a language model that is asked again would then say it twice, so only a continuation helps.
"""

from __future__ import annotations

import enum

import attrs

from dialog_core.errors import (
    LineError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)

__all__ = ["TABLE", "Row", "Verdict", "remedies"]


class Verdict(enum.Enum):
    """One thing to do about a failure."""

    RETRY = "retry"
    FAILOVER = "failover"
    DEGRADE = "degrade"
    END_CALL = "end call"


RETRY, FAILOVER = Verdict.RETRY, Verdict.FAILOVER
DEGRADE, END_CALL = Verdict.DEGRADE, Verdict.END_CALL


@attrs.frozen
class Row:
    """Remedies for an error in a stage; None stands for any."""

    error: type[Exception]
    stage: str | None
    spoken: bool | None
    remedies: tuple[Verdict, ...]

    def fits(self, error: Exception, stage: str, *, spoken: bool) -> bool:
        """Whether the row is about this failure."""
        return (
            isinstance(error, self.error)
            and self.stage in {None, stage}
            and self.spoken in {None, spoken}
        )


TABLE = (
    Row(LineError, None, None, (END_CALL,)),
    Row(ProviderRejected, "voip", None, (DEGRADE,)),
    Row(ProviderError, "voip", None, (RETRY, DEGRADE)),
    Row(ProviderRejected, None, None, (FAILOVER, DEGRADE)),
    Row(ProviderUnavailable, "llm", True, (FAILOVER, DEGRADE)),
    Row(ProviderProtocolError, "llm", True, (FAILOVER, DEGRADE)),
    Row(ProviderUnavailable, None, None, (RETRY, FAILOVER, DEGRADE)),
    Row(ProviderProtocolError, None, None, (RETRY, FAILOVER, DEGRADE)),
    Row(ProviderError, None, None, (FAILOVER, DEGRADE)),
    Row(Exception, None, None, (END_CALL,)),
)


def remedies(error: Exception, stage: str, *, spoken: bool = False) -> tuple[Verdict, ...]:
    """What to try, in order. stage: ``stt``, ``llm``, ``tts`` or ``voip``."""
    return next(row.remedies for row in TABLE if row.fits(error, stage, spoken=spoken))
