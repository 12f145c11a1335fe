from __future__ import annotations

from base64 import b64decode
from collections import deque

import anyio
import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialog_core.testing.vendor import Drop

__all__ = ["ANSWERING", "Answered", "Faults", "basic_credentials"]

FOREVER = 3600.0


class Answered(Exception):
    """Ends a request with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


async def give_answer(_request: Request, error: Exception) -> Response:
    """Starlette's way from an exception to an answer."""
    assert isinstance(error, Answered)
    return error.response


ANSWERING = {Answered: give_answer}
"""Starlette's exception handlers for an application that raises `Answered`."""


@attrs.frozen
class Fault:
    """How a request is answered instead of being carried out; without an answer its connection is lost."""

    response: Response | None = None
    after: float = 0.0
    """Seconds before that."""
    carried_out: bool = False
    """Carry it out after all, and then lose the answer."""


@attrs.define(eq=False)
class Faults:
    """What goes wrong with the next requests to a fake REST interface."""

    _next: deque[Fault] = attrs.field(factory=deque)

    def fail(self, response: Response, *, times: int = 1) -> None:
        """Give the next requests this answer."""
        self._next.extend([Fault(response)] * times)

    def stall(self, *, times: int = 1) -> None:
        """Never answer the next requests."""
        self._next.extend([Fault(after=FOREVER)] * times)

    def drop(self) -> None:
        """Lose the connection of the next request."""
        self._next.append(Fault())

    def lose_answer(self, *, after: float = 0.0) -> None:
        """Carry the next request out, and lose the connection before the answer, so many seconds later."""
        self._next.append(Fault(after=after, carried_out=True))

    async def befall(self, request: Request) -> None:
        """What happens to a request that was understood; returns if it is to be carried out. Raises: Answered, Drop."""
        fault = self._next.popleft() if self._next else None
        if fault is None:
            return
        if fault.carried_out:
            request.state.lost_after = fault.after
            return
        await anyio.sleep(fault.after)
        if fault.response is None:
            raise Drop
        raise Answered(fault.response)

    def on(self, app: ASGIApp) -> ASGIApp:
        """The application, with the answers lost that are to be."""

        async def losing(scope: Scope, receive: Receive, send: Send) -> None:
            async def answer(message: Message) -> None:
                after = scope.get("state", {}).get("lost_after")
                if after is not None:
                    await anyio.sleep(after)
                    raise Drop
                await send(message)

            await app(scope, receive, answer)

        return losing


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """User name and password of a request."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        name, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if colon and scheme.lower() == "basic" else None
