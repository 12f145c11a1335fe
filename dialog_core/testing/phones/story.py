from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import attrs

from dialog_core.testing.phones.handset import Handset
from dialog_core.testing.phones.stream import PhoneStream

__all__ = ["Story"]


@attrs.define(eq=False)
class Story:
    """What has become of a call, on the carrier's side."""

    handset: Handset
    status: str | None = None
    """The carrier's word for how it ended; None before, and while its last webhooks are on their way."""
    over: bool = False
    """Whether it has ended."""
    transferred_to: str | None = None
    stream: PhoneStream | None = None
    """The media stream of now."""
    changed: anyio.Event = attrs.field(factory=anyio.Event)
    """Set, and replaced, at every step of the call."""

    def tell(self) -> None:
        """Wake those who wait for a step."""
        self.changed.set()
        self.changed = anyio.Event()

    def end(self) -> None:
        """The call is over; what still runs of it stops."""
        self.over = True
        self._leave()

    def transfer(self, number: str) -> None:
        """The caller talks to somebody else from now on."""
        self.transferred_to = number
        self._leave()

    def finish(self, status: str) -> None:
        """The last webhook has been told; a status that was there before stays."""
        self.status = self.status or status
        self.tell()

    async def hang_up(self) -> None:
        """Whoever has the telephone puts it down."""
        self.end()
        if self.stream is not None:
            await self.stream.stop()

    async def until(self, condition: Callable[[], object], *, within: float | None = None) -> None:
        """Wait until this is so, the call is over, or so many seconds have passed."""
        with anyio.move_on_after(within):
            while not (self.over or condition()):
                await self.changed.wait()

    async def carry(
        self,
        stream: PhoneStream,
        until: Callable[[], object],
        meanwhile: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Let the call's audio go by this stream, until it ends by itself or `until` says that it is to be stopped."""

        async def stop_when_told() -> None:
            """A carrier ends a stream while a request is being answered, so its end may come before the answer."""
            await self.until(until)
            await stream.stop()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(meanwhile)
            tasks.start_soon(stop_when_told)
            self.stream = stream
            self.tell()
            await stream.run()
            self.stream = None
            tasks.cancel_scope.cancel()

    def _leave(self) -> None:
        self.handset.microphone.stop()
        self.handset.tell()
        self.tell()
