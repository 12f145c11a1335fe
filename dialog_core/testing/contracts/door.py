"""The door of a fake vendor, at which every vendor can fail in the same ways.

Each fake is an ASGI application. A :class:`Door` is one too: it lets connections and requests through to the fake,
counts them, and spoils them on request, so that a fake need not know how to be refused, mute or lost::

    door = Door(fake.app)
    door.fail(Failure.DROP, after=2)           # the live connection, or else the next, is lost after two messages
    async with in_memory(door) as services: ...
    assert door.opened == door.closed          # nothing was left open

What only the vendor's own protocol can express, a plausible untruth, is the fake's: `lie`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, MutableMapping
from typing import Any, TypeGuard

import anyio
import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_core.testing.asgi import LEFT
from dialog_core.testing.vendor import Drop

__all__ = ["Door", "Failure"]

Message = MutableMapping[str, Any]
Lie = Callable[[int | None], None]


class Failure(enum.Enum):
    """How a vendor fails, whatever its protocol."""

    REFUSED = "refused"
    """HTTP 401: the key is wrong. Only connections and requests that begin."""
    BUSY = "busy"
    """HTTP 429. Only connections and requests that begin."""
    DOWN = "down"
    """HTTP 503, and what is live is lost."""
    DROP = "drop"
    """The connection is lost without a goodbye."""
    MUTE = "mute"
    """Everything is taken, nothing more is answered."""
    SLOW = "slow"
    """The next answer is some seconds late."""
    GARBAGE = "garbage"
    """Something unreadable comes before the next answer."""
    LYING = "lying"
    """Well-formed and untrue: impossible times from a recogniser, an end without audio from a voice, an answer that
    ends in the middle from a model."""


STATUSES = {Failure.REFUSED: 401, Failure.BUSY: 429, Failure.DOWN: 503}
MIDWAY = frozenset(Failure) - {Failure.REFUSED, Failure.BUSY}
CONTENT = frozenset({"websocket.send", "http.response.body"})
GREETING = "websocket.accept"
START = "http.response.start"
DENIED = b'{"error": {"message": "scripted failure"}}'


@attrs.define(eq=False)
class Fault:
    """What is to happen to one connection or request."""

    failure: Failure
    after: int
    """Messages, or pieces of a body, that the client still gets."""
    seconds: float


@attrs.define(eq=False)
class Door:
    """An ASGI application in front of a fake vendor's."""

    app: ASGIApp
    lie: Lie | None = None
    """Makes the fake's next connections or answers untrue: so many, or all for None. For HTTP there is a default."""
    opened: int = 0
    """Connections and requests that have come."""
    sockets: int = 0
    """Those of them that are WebSockets."""
    closed: int = 0
    """Those that are over, for both sides."""
    _fault: Fault | None = None
    _left: int | None = 0
    """Connections or requests that the fault is still for; None for all."""
    _live: list[Passage] = attrs.field(factory=list)
    _changed: anyio.Event = attrs.field(factory=anyio.Event)

    def fail(
        self,
        failure: Failure,
        *,
        times: int | None = 1,
        after: int = 0,
        seconds: float = 3.0,
    ) -> None:
        """Spoil so many connections or requests, or all from now on; the live ones first, then those that come.

        after: messages or pieces of a body that are still delivered. seconds: how late SLOW is.
        """
        if failure is Failure.LYING and self.lie is not None:
            self.lie(times)
            return
        self._fault, self._left = Fault(failure, after, seconds), times
        if failure in MIDWAY:
            for passage in tuple(self._live):
                passage.spoil(self._take())

    def mend(self) -> None:
        """From now on all is well for whoever comes; what is live and was not spoilt yet is spared."""
        self._fault, self._left = None, 0
        for passage in self._live:
            passage.fault = None

    async def empty(self) -> None:
        """Wait until no connection and no request is open."""
        while self.opened > self.closed:
            await self._changed.wait()

    async def entered(self, count: int = 1) -> None:
        """Wait until so many connections or requests have come."""
        while self.opened < count:
            await self._changed.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: pass one connection or request on. Raises: Drop."""
        passage = Passage(self.app, scope, receive, send, self._take())
        self._live.append(passage)
        self.opened += 1
        self.sockets += scope["type"] == "websocket"
        self._notify()
        try:
            await passage.run()
        finally:
            self._live.remove(passage)
            self.closed += 1
            self._notify()

    def _take(self) -> Fault | None:
        if self._fault is None or self._left == 0:
            return None
        if self._left is not None:
            self._left -= 1
        return attrs.evolve(self._fault)

    def _notify(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


@attrs.define(eq=False)
class Passage:
    """One connection or request on its way through the door."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    fault: Fault | None
    _cancel: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    _started: bool = False
    _dropped: bool = False
    _muted: bool = False
    _ended: bool = False

    async def run(self) -> None:
        """Serve until it is over. Raises: Drop."""
        if self.fault is not None and (status := STATUSES.get(self.fault.failure)):
            await self._deny(status)
            return
        with self._cancel:
            try:
                await self.app(self.scope, self.receive, self._pass)
            except (
                ExceptionGroup
            ) as group:  # a fake with tasks meets the client's leaving in one of them
                if group.split(LEFT)[1] is not None:
                    raise
                raise Drop from group
            if self._muted and self.scope["type"] == "http":
                while (await self.receive())["type"] != "http.disconnect":
                    continue
        if self._dropped:
            raise Drop

    def spoil(self, fault: Fault | None) -> None:
        """Let a fault happen to what is under way."""
        if fault is None:
            return
        self.fault = fault
        if fault.after == 0 and fault.failure in {Failure.DROP, Failure.DOWN}:
            self._drop()

    def _drop(self) -> None:
        self._dropped = True
        self._cancel.cancel()

    async def _deny(self, status: int) -> None:
        prefix = "websocket.http" if self.scope["type"] == "websocket" else "http"
        headers = [(b"content-type", b"application/json")]
        await self.send({"type": f"{prefix}.response.start", "status": status, "headers": headers})
        await self.send({"type": f"{prefix}.response.body", "body": DENIED})

    async def _pass(self, message: Message) -> None:
        """ASGI: what the fake says, unless it is spoilt."""
        if self._ended or (self._muted and message["type"] != GREETING):
            return
        fault = self.fault
        if is_due(fault, message):
            await self._go_wrong(fault, message)
            return
        if fault is not None and message["type"] in CONTENT:
            fault.after -= 1
        await self._deliver(message)

    async def _deliver(self, message: Message) -> None:
        self._started = self._started or message["type"] == START
        await self.send(message)

    async def _go_wrong(self, fault: Fault, message: Message) -> None:
        self.fault = None
        match fault.failure:
            case Failure.DROP | Failure.DOWN:
                self._drop()
                await anyio.sleep_forever()
            case Failure.MUTE:
                self._muted = True
            case Failure.SLOW:
                await anyio.sleep(fault.seconds)
                await self._deliver(message)
            case Failure.GARBAGE:
                await self._babble(message)
            case Failure.LYING:
                await self._stop_short(message)
            case Failure.REFUSED | Failure.BUSY:
                await self._deliver(message)

    async def _babble(self, message: Message) -> None:
        if message["type"] == START:  # something between us and the vendor answers with a page
            headers = [(b"content-type", b"text/html")]
            await self._deliver({"type": START, "status": 200, "headers": headers})
            await self.send({"type": "http.response.body", "body": b"<html>sorry</html>"})
            self._ended = True
        elif message["type"] == "http.response.body":
            await self.send(
                {"type": message["type"], "body": b"data: {garbage\n\n", "more_body": True}
            )
            await self.send(message)
        else:
            await self.send({"type": "websocket.send", "text": "{garbage"})
            await self.send(message)

    async def _stop_short(self, message: Message) -> None:
        if self.scope["type"] != "http":
            raise LookupError("this fake vendor cannot lie: give its Door a `lie`")
        if message["type"] == START:
            await self._deliver(message)
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})
        self._ended = True


def is_due(fault: Fault | None, message: Message) -> TypeGuard[Any]:
    """Whether a fault happens at this message: at the start of an answer, or after so much of it."""
    if fault is None or fault.after > 0:
        return False
    return message["type"] == START or message["type"] in CONTENT
