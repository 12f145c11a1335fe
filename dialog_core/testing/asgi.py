from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

import httpx
from anyio.abc import TaskGroup
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

__all__ = ["Apps", "ClientGone", "Drop", "app_for", "new_scope", "play", "port_of"]

Apps = ASGIApp | Mapping[str, ASGIApp]
"""One application for every host, or one for each."""


class Drop(Exception):
    """Raised in a fake vendor: the connection is lost here, without a goodbye."""


class ClientGone(OSError):
    """What ASGI raises from `send` after the client has left."""


LEFT = (Drop, ClientGone, ClientDisconnect, WebSocketDisconnect)


async def play(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, tasks: TaskGroup
) -> bool:
    """Run an application; tells whether it returned, rather than dropped or was left by its client.

    Any other error in it ends everything at once, so that a test fails with that error and not with what follows.
    """
    try:
        await app(scope, receive, send)
    except LEFT:
        return False
    except Exception:
        tasks.cancel_scope.cancel()
        raise
    return True


def app_for(apps: Apps, host: str) -> ASGIApp | None:
    """The application that plays this host."""
    if isinstance(apps, Mapping):
        return apps.get(host)
    return apps


def new_scope(
    kind: str, url: httpx.URL, headers: Iterable[tuple[bytes, bytes]]
) -> MutableMapping[str, Any]:
    """The part of an ASGI scope that HTTP and WebSocket requests share."""
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": url.scheme,
        "path": unquote(url.raw_path.partition(b"?")[0].decode("ascii")),
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in headers],
        "server": (url.host, port_of(url)),
        "client": ("127.0.0.1", 50000),
        "state": {},
    }


def port_of(url: httpx.URL) -> int:
    """The port that the URL means."""
    return url.port or (443 if url.scheme in {"https", "wss"} else 80)
