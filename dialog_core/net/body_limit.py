from __future__ import annotations

import anyio
import attrs
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyLimit"]

DISCARD = 1_000_000
DISCARD_SECONDS = 1.0


class BodyTooLarge(Exception):
    """Unwinds a handler that reads too large a body."""


@attrs.frozen
class BodyLimit:
    """Answers 413 to requests with too large a body, announced or not, before anybody has collected it."""

    app: ASGIApp
    limit: int
    """Bytes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self.limit:
            await self._refuse(scope, receive, send)
            return
        await self._watched(scope, receive, send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0
        answered = False

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                raise BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, counted, noted)
        except BodyTooLarge:
            if not answered:
                await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await discard(receive)
        answer = PlainTextResponse(
            f"body is larger than {self.limit} bytes\n", 413, {"connection": "close"}
        )
        await answer(scope, receive, send)


async def discard(receive: Receive) -> None:
    """Read a little of what is still under way: a connection closed on unread bytes is reset, and the answer lost."""
    size = 0
    with anyio.move_on_after(DISCARD_SECONDS):
        while size <= DISCARD:
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body", False):
                return
