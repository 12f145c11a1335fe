"""The bytes of a streamed answer, read when reading pays.

A token read alone costs more than its bytes do: a wake-up, timers, two changes to the loop's selector. So when
a read had to wait, but only shortly, tokens are coming fast; the next read then starts `coalesce` after that one ended,
and takes in one go what came meanwhile. The first token is never held back, nor is a stream whose tokens come slowly,
nor the end of an answer. Once a sentence is out, or half a second on, what is spoken is far behind, and tokens gather
for `gather`, fast or not::

    tokens      |  | ||  | | |||  ||           |          |.
    reads       ^  ^.......^.....^             ^          ^
                first      together            as they come
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import anyio
import attrs
import httpx

from dialog_core.factory import Clock
from dialog_core.net.http_transport import READ

__all__ = ["Body", "open_body"]

BUFFERED_SECONDS = 0.0002
"""A read that took less did not wait: its bytes were there already."""
EAGER_SECONDS = 0.5
"""Tokens of the first half-second may be a sentence that nobody speaks yet; those after it are seconds ahead of it."""
DRAIN_SECONDS = 0.1
"""Time for the end of the body after the end of the answer, which lets the connection be used again."""
CLOSE_SECONDS = 0.5
"""Time that closing a response may take."""

Following = Callable[[float], Awaitable[bytes | None]]
"""The next bytes, None at the end. Given the seconds to wait for them; raises httpx.RequestError, TimeoutError."""


@attrs.define(eq=False)
class Body:
    """Reads a response's body; whoever opens it closes it."""

    response: httpx.Response
    clock: Clock
    coalesce: float
    """Seconds that bytes may gather before they are read together."""
    following: Following
    gather: float = 0.0
    """The same later in the answer."""
    began: float | None = None
    """When the first bytes came."""
    ahead: bool = False
    """The voice has a sentence to speak: there is time for what follows."""
    due: float = 0.0
    """When the next read may start, unless it is urgent."""
    waited: float = 0.0
    """Seconds that the latest read waited for its bytes, naps included."""

    async def read(self, *, urgent: bool, within: float = math.inf) -> bytes | None:
        """The next bytes; None at the end. within: seconds without any.

        Raises: httpx.RequestError when the connection is lost; TimeoutError.
        """
        asked = began = self.clock.monotonic()
        if not urgent and asked < self.due:
            await anyio.sleep(self.due - asked)
            began = self.clock.monotonic()
        data = await self.following(within)
        now = self.clock.monotonic()
        if self.began is None:
            self.began = now
        if self.ahead or now - self.began > EAGER_SECONDS:
            pause, fast = self.gather, BUFFERED_SECONDS < now - began < self.gather
        else:
            pause, fast = self.coalesce, BUFFERED_SECONDS < now - began < self.coalesce / 2
        self.due = now + pause if fast else 0.0
        self.waited = now - asked
        return data

    async def close(self, *, ended: bool) -> None:
        """Close the response, which tells the server to stop. ended: nothing but the end of the body is left."""
        try:
            if ended:
                await self.drain()
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await self.response.aclose()

    async def drain(self) -> None:
        """Read to the end of the body, if it comes at once."""
        with anyio.move_on_after(DRAIN_SECONDS):
            try:
                while await self.following(math.inf) is not None:
                    continue
            except httpx.RequestError:
                return


def open_body(response: httpx.Response, clock: Clock, *, coalesce: float, gather: float) -> Body:
    """The body of a response, decompressed if the server compressed it although it was asked not to."""
    read = response.extensions.get(READ)
    if "content-encoding" in response.headers:
        following = limited(response.aiter_bytes())
    elif read is None:
        # httpx's own iterators count, cut and join; tokens need none of it.
        following = limited(aiter(cast("httpx.AsyncByteStream", response.stream)))
    else:
        following = prompt(read)
    return Body(response, clock, coalesce, following, gather)


def limited(chunks: AsyncIterator[bytes]) -> Following:
    """Takes from an iterator."""

    async def following(within: float) -> bytes | None:
        with anyio.fail_after(within):
            return await anext(chunks, None)

    return following


def prompt(read: Callable[[float | None], Awaitable[bytes | None]]) -> Following:
    """Takes from a connection that can wait for so long itself, which costs a twentieth of a scope around each read."""

    async def following(within: float) -> bytes | None:
        try:
            return await read(None if within == math.inf else within)
        except httpx.ReadTimeout as late:
            raise TimeoutError from late

    return following
