"""One socket and the contexts on it."""

from __future__ import annotations

from typing import Protocol

import anyio
import attrs

from dialog_core.errors import ProviderError, SocketClosed, SocketError
from dialog_core.protocols import WebSocket
from dialog_elevenlabs.protocol import Message
from dialog_elevenlabs.settings import CONTEXTS_PER_SOCKET

__all__ = ["Link", "Receiver"]


class Receiver(Protocol):
    """A voice, as the pool sees it. All methods return at once."""

    @property
    def is_sounding(self) -> bool:
        """True if audio of its context has come."""
        ...

    @property
    def waits_for_text(self) -> bool:
        """True while its context is open and more text may follow: the vendor must be kept from closing it."""
        ...

    def deliver(self, message: Message) -> None:
        """A message of its context came."""
        ...

    def fail(self, error: ProviderError) -> None:
        """Its context cannot go on."""
        ...

    def lost(self, link: Link) -> None:
        """This socket is gone."""
        ...


@attrs.define(eq=False)
class Link:
    """A socket, from the first wish for it until it is gone."""

    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    settled: anyio.Event = attrs.field(factory=anyio.Event)
    """It is open, or will never be."""
    error: SocketError | None = None
    refusal: ProviderError | None = None
    """What the vendor said before it closed the socket, if no other try can mend it."""
    socket: WebSocket | None = None
    heard: float = 0.0
    """When the last message came; seconds on the loop's clock."""
    contexts: dict[str, Receiver | None] = attrs.field(factory=dict)
    """Who speaks in each context; nobody in those that we have closed and the vendor has not yet."""
    _turn: anyio.Lock = attrs.field(factory=anyio.Lock)

    @property
    def has_room(self) -> bool:
        """True if the vendor would open another context, as far as we know."""
        return self.error is None and len(self.contexts) < CONTEXTS_PER_SOCKET

    async def send(self, text: str) -> None:
        """Send a message. Raises: SocketClosed."""
        if self.socket is None or self.error is not None:
            raise SocketClosed
        async with self._turn:
            try:
                await self.socket.send(text)
            except SocketClosed as error:
                self.error = error
                raise
