from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp

__all__ = ["Apps", "Drop", "app_for", "new_scope"]

Apps = ASGIApp | Mapping[str, ASGIApp]
"""One application for every host, or one for each."""


class Drop(Exception):
    """Raised in a fake vendor: the connection is lost here, without a goodbye."""


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
