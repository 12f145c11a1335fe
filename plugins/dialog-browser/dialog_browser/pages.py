from __future__ import annotations

import html
import secrets
from contextlib import aclosing
from pathlib import Path

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from dialog_browser.gate import Gate
from dialog_core.protocols import FrontDoor

__all__ = ["ASSETS", "Pages"]

FOLDER = Path(__file__).parent / "page"
ASSETS = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "call.js": "text/javascript",
    "sound.js": "text/javascript",
    "microphone.js": "text/javascript",
    "player.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""Files beside the page, and what they are."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cache-control": "no-cache",
}
BODY_LIMIT = 2048
"""Bytes of a request for a ticket."""
SHUT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Not from here</title>
<h1>This page answers its own machine only</h1>
<p>To talk from elsewhere, its operator sets <code>password</code>, or <code>open = true</code>, in the agent's
<code>voip</code> table, and serves it over https.</p></html>
"""


class Wish(msgspec.Struct):
    """What a page sends for a ticket."""

    password: str = ""


WISH = msgspec.json.Decoder(Wish)


class Pages:
    """The page, its files, and the tickets it asks for."""

    def __init__(self, door: FrontDoor, gate: Gate) -> None:
        self._door = door
        self._gate = gate
        asks = "yes" if gate.wants_password else ""
        text = (FOLDER / "index.html").read_text("utf-8")
        self._page = text.replace("{agent}", html.escape(door.agent)).replace("{password}", asks)
        self._assets = {name: (FOLDER / name).read_bytes() for name in ASSETS}

    async def page(self, request: Request) -> Response:
        """The page itself."""
        if not self._gate.is_open_to(request):
            return HTMLResponse(SHUT, 403, HEADERS)
        return HTMLResponse(self._page, headers=HEADERS)

    async def asset(self, request: Request) -> Response:
        """A file of the page; the same for everybody."""
        name = request.path_params["name"]
        if name not in self._assets:
            return Response("no such file\n", 404)
        return Response(self._assets[name], headers=HEADERS, media_type=ASSETS[name])

    async def ticket(self, request: Request) -> Response:
        """A ticket for one call, for a page that may talk. Refusals say why, in a word that the page explains."""
        gate = self._gate
        if not gate.is_open_to(request):
            gate.refuse("a page from elsewhere was refused", "")
            return refused("shut", 403)
        if not gate.knows_origin(request):
            return refused("origin", 403)
        if gate.must_wait():
            return refused("wait", 429)
        body = await read(request)
        if body is None:
            return refused("large", 413)
        try:
            wish = WISH.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return refused("unreadable", 400)
        if not gate.is_right(wish.password):
            return refused("password", 401)
        if not self._door.has_room():
            return refused("full", 503)
        return JSONResponse(
            {"ticket": self._door.issue(f"browser-{secrets.token_urlsafe(9)}")}, headers=HEADERS
        )


async def read(request: Request) -> bytes | None:
    """The body of a request for a ticket; None if it is larger than it can be."""
    body = bytearray()
    try:
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > BODY_LIMIT:
                    return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def refused(why: str, status: int) -> Response:
    """A refusal."""
    return JSONResponse({"error": why}, status, HEADERS)
