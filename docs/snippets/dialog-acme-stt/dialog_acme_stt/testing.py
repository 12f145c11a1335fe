"""A fake of Acme's recogniser: an ASGI application that hears loud audio as the sentences of a script."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from dialog_core.testing.vendor import Drop

__all__ = ["FakeAcme"]

RATE = 8000
QUIET = frozenset(b"\xff\x7f")
"""Mu-law zero, written either way."""


@attrs.define(eq=False)
class FakeAcme:
    """Each stretch of voice on a connection is the next sentence; it is final when the client asks for it."""

    script: Sequence[str] = ()
    key: str = "acme-test"
    drops_after: float | None = None
    """Seconds of audio after which the first connection is lost."""
    connections: int = 0
    languages: list[str] = attrs.field(factory=list)
    """Those that were asked for."""

    @property
    def app(self) -> Starlette:
        """The server."""
        return Starlette(routes=[WebSocketRoute("/v1/hear", self.hear)])

    async def hear(self, socket: WebSocket) -> None:
        """One connection, from its upgrade to its end."""
        if socket.headers.get("authorization") != f"Key {self.key}":
            await socket.close()
            return
        await socket.accept()
        self.connections += 1
        self.languages.append(socket.query_params["language"])
        said, samples, voice = 0, 0, list[int]()
        while (message := await socket.receive())["type"] == "websocket.receive":
            audio = message.get("bytes") or b""
            voice += [samples + n for n, byte in enumerate(audio) if byte not in QUIET]
            samples += len(audio)
            lost = self.connections == 1 and self.drops_after is not None
            if lost and samples > (self.drops_after or 0) * RATE:
                raise Drop
            final = message.get("text") is not None
            if voice or final:
                text = self.sentence(said, final=final) if voice else ""
                await socket.send_text(words(text, voice or [samples], final=final))
            if voice and final:
                said, voice = said + 1, []

    def sentence(self, number: int, *, final: bool) -> str:
        """The sentence that is being said, or its first word while it is not final."""
        text = self.script[min(number, len(self.script) - 1)]
        return text if final else text.split()[0]


def words(text: str, voice: Sequence[int], *, final: bool) -> str:
    """A result about these samples."""
    start, end = voice[0] / RATE, voice[-1] / RATE
    return json.dumps({"type": "words", "text": text, "final": final, "start": start, "end": end})
