"""A fake of Acme's voices: an ASGI application that speaks a tone, as long as the text."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

__all__ = ["SECONDS_PER_CHARACTER", "FakeAcme"]

SECONDS_PER_CHARACTER = 0.06
TONE = (b"\x20" * 10 + b"\xa0" * 10) * 24
"""As long as a character, in mu-law at 8 kHz: 400 Hz."""


@attrs.define(eq=False)
class FakeAcme:
    """Speaks what it is sent; refuses with `status` where that is not 200."""

    key: str = "acme-test"
    status: int = 200
    spoken: list[str] = attrs.field(factory=list)
    unfinished: int = 0
    """Answers that were not read to their end."""

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
        return StreamingResponse(self.tone(asked["text"]), media_type="audio/basic")

    async def tone(self, text: str) -> AsyncIterator[bytes]:
        """A tone in several pieces."""
        self.unfinished += 1
        for _ in text:
            yield TONE
        self.unfinished -= 1
