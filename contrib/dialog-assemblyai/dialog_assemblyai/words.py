"""The words of the turn that goes on, until they are settled."""

from __future__ import annotations

import attrs
from anyio.streams.memory import MemoryObjectSendStream
from dialog_core import Transcript
from dialog_core.protocols import SttEvent
from dialog_core.resilience.replay import ReplayBuffer

from dialog_assemblyai.protocol import heard_before

__all__ = ["Words"]


@attrs.define(eq=False)
class Words:
    """Tells transcripts, and remembers the one that may still change."""

    out: MemoryObjectSendStream[SttEvent]
    audio: ReplayBuffer
    """Keeps what is not settled."""
    _pending: Transcript | None = None

    async def tell(self, heard: Transcript) -> None:
        """Tell words; those of a final transcript are settled."""
        self._pending = None if heard.final else heard
        if heard.final:
            self.audio.settle(heard.at)
        await self.out.send(heard)

    async def settle(self) -> float | None:
        """Settle the words as they are; returns when the last one began, None if there are none."""
        if self._pending is None:
            return None
        final = attrs.evolve(self._pending, final=True)
        await self.tell(final)
        return final.words[-1].start if final.words else final.at

    async def renew(self) -> None:
        """A new session begins: settle what the last one said of audio that is no longer here.

        A word whose beginning is gone is settled, and the rest of it is not sent again.
        """
        pending, self._pending = self._pending, None
        start = self.audio.start
        if pending is not None and start is not None:
            kept = heard_before(pending, start)
            if kept is not None:
                self.audio.settle(kept.at)
                await self.out.send(kept)
