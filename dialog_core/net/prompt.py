"""What a WebSocket may offer besides its protocol."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["PromptSocket"]


@runtime_checkable
class PromptSocket(Protocol):
    """A WebSocket that can also send without waiting, where the event loop allows it. Optional."""

    def send_now(self, data: str | bytes) -> bool:
        """Send a message at once; never waits, never raises. False: it is not sent, and `send` says why or waits."""
        ...
