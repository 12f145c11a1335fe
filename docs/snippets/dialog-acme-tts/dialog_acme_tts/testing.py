"""A fake of Acme's voices: an ASGI application that speaks a tone, as long as the text."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

__all__ = ["FakeAcme"]

BYTES_PER_CHARACTER = 480
"""0.06 s of mu-law at 8 kHz."""


@attrs.define(eq=False)
class FakeAcme:
    """Speaks what it is sent; refuses with `status` where that is not 200."""

    key: str = "acme-test"
    status: int = 200
    spoken: list[str] = attrs.field(factory=list)

    @property
    def app(self) -> Starlette:
        """The server."""
        return Starlette(routes=[Route("/v1/speak", self.speak, methods=["POST"])])

    async def speak(self, request: Request) -> Response:
        """One segment."""
        if request.headers.get("authorization") != f"Key {self.key}":
            return Response(status_code=401)
        if self.status != 200:  # noqa: PLR2004 - OK
            return Response(status_code=self.status)
        asked = await request.json()
        assert asked["encoding"] == "mulaw"
        self.spoken.append(asked["text"])
        return StreamingResponse(tone(asked["text"]), media_type="audio/basic")


async def tone(text: str) -> AsyncIterator[bytes]:
    """A loud tone in several pieces."""
    for _ in text:
        yield b"\x00\x80" * (BYTES_PER_CHARACTER // 2)
