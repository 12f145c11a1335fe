"""What a WebSocket may offer besides its protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

__all__ = ["PromptSocket"]


@runtime_checkable
class PromptSocket(Protocol):
    """A WebSocket that can also send, and hand over what comes, without waiting, where the event loop allows it.

    Optional: a provider that uses it must do without as well.
    """

    def send_now(self, data: str | bytes) -> bool:
        """Send a message at once; never waits, never raises. False: it is not sent, and `send` says why or waits."""
        ...

    def divert(self, take: Callable[[str | bytes], bool]) -> None:
        """Hand messages to `take` as they come, from within the read, while the task that receives waits for one.

        That spares its wake-up. What `take` does not want (False), and all that comes while something waits, is
        received as ever. What it raises is not lost: the message is received, and whoever then takes it raises.
        """
        ...
