"""What answers a caller. An application writes a class with one method; everything else is optional."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

from dialog_core.messages import Utterance

if TYPE_CHECKING:
    from dialog_core.agent.call import Call
    from dialog_core.protocols import CarrierTranscript, Recording

__all__ = ["Agent", "AgentExtras", "nothing"]


class Agent(Protocol):
    """Answers the caller's turns; one object a call, so it may keep what it likes about the call.

    Only :meth:`reply` is asked for, and a class need not inherit from this one. :class:`AgentExtras` lists what else
    it may have.
    """

    def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Answer a turn: an async generator of text, in pieces of any size.

        It is closed at its present ``yield`` or ``await`` when the caller interrupts or goes on. What the caller
        heard of it is in ``call.history`` afterwards. With ``turns.eager`` it may be asked before the caller has surely
        finished: what cannot be undone waits for :meth:`Call.certain`.
        """
        ...


class AgentExtras(Protocol):
    """What an agent may have besides `reply`; each is looked for by its name, and what is missing does nothing."""

    greeting: str
    """Spoken when the call begins; empty to let the caller begin."""

    def silence(self, times: int, call: Call) -> AsyncIterator[str]:
        """The caller has said nothing for a while, `times` in a row: what to say, or nothing."""
        ...

    async def opened(self, call: Call) -> None:
        """The call began; runs beside the greeting."""

    async def keypress(self, digit: str, call: Call) -> None:
        """The caller pressed a key."""

    async def recording(self, recording: Recording, call: Call) -> None:
        """The carrier says what became of a recording; also after the caller has hung up."""

    async def carrier_transcript(self, transcript: CarrierTranscript, call: Call) -> None:
        """The carrier's own transcription heard something."""

    async def closed(self, call: Call) -> None:
        """The call is over, recordings and transcripts have come in; at most five seconds."""


async def nothing() -> AsyncIterator[str]:
    """An iterator without items."""
    for piece in tuple[str, ...]():
        yield piece
