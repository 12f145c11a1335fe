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
    """Each stretch of voice is the next sentence; it is final when the client asks for it."""

    script: Sequence[str]
    key: str = "acme-test"
    drops_after: float | None = None
    """Seconds of audio after which the first connection is lost."""
    connections: int = 0
    _said: int = 0

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
        samples, voice = 0, list[int]()
        while (message := await socket.receive())["type"] == "websocket.receive":
            audio = message.get("bytes") or b""
            voice += [samples + n for n, byte in enumerate(audio) if byte not in QUIET]
            samples += len(audio)
            lost = self.connections == 1 and self.drops_after is not None
            if lost and samples > (self.drops_after or 0) * RATE:
                raise Drop
            if voice:
                final = message.get("text") is not None
                await socket.send_text(self.words(voice, final=final))
                if final:
                    voice = []

    def words(self, voice: Sequence[int], *, final: bool) -> str:
        """The sentence that is being said, or its first word while it is not final."""
        text = self.script[min(self._said, len(self.script) - 1)]
        self._said += final
        start, end = voice[0] / RATE, voice[-1] / RATE
        shown = text if final else text.split()[0]
        told = {"type": "words", "text": shown, "final": final, "start": start, "end": end}
        return json.dumps(told)
