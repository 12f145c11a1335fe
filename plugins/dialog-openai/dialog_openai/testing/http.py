"""What the fakes of the plugin's HTTP interfaces have in common: reading requests, refusing them, being left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import attrs
from starlette.types import Receive, Scope, Send

from dialog_core.testing.vendor import Drop

__all__ = [
    "KEY",
    "BadRequest",
    "Refuse",
    "event",
    "headers_of",
    "need",
    "part",
    "send_error",
    "start",
    "unless_gone",
    "unwelcome",
    "whole_body",
]

KEY = "sk-test"
"""The key that the fakes ask for."""


@attrs.frozen
class BadRequest(Exception):
    """The request is refused with 400."""

    message: str
    param: str | None = None


def need(holds: object, message: str, param: str | None = None) -> None:
    """Refuse the request unless the condition holds."""
    if not holds:
        raise BadRequest(message, param)


@attrs.frozen
class Refuse:
    """An HTTP error."""

    status: int
    code: str = ""
    message: str = "scripted error"
    headers: Mapping[str, str] = attrs.field(factory=dict)
    delay: float = 0.0
    """Seconds until it comes."""


def headers_of(scope: Scope) -> dict[str, str]:
    """A request's headers, names in lower case."""
    return {name.decode().lower(): value.decode() for name, value in scope["headers"]}


def unwelcome(
    scope: Scope, headers: Mapping[str, str], *, path: str, key: str | None
) -> Refuse | None:
    """Why a request is refused before anybody reads its body. path: the only one that is known."""
    if scope["path"] != path or scope["method"] != "POST":
        return Refuse(404, "unknown_url", f"Unknown request URL: {scope['path']}")
    if key is not None and headers.get("authorization") != f"Bearer {key}":
        return Refuse(401, "invalid_api_key", "Incorrect API key provided.")
    return None


async def whole_body(receive: Receive) -> bytes:
    """The request's body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def unless_gone(receive: Receive, work: Callable[[], Any]) -> bool:
    """Do the work unless the client leaves first; True if it was finished."""
    lost: list[Drop] = []

    async def do() -> None:
        try:
            await work()
        except Drop as drop:
            lost.append(drop)
        finished.append(True)
        tasks.cancel_scope.cancel()

    finished: list[bool] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(do)
        while (await receive())["type"] != "http.disconnect":
            continue
        tasks.cancel_scope.cancel()
    if lost:
        raise lost[0]
    return bool(finished)


async def send_error(send: Send, answer: Refuse) -> None:
    """Answer with an HTTP error."""
    kind = "server_error" if answer.status >= 500 else "invalid_request_error"  # noqa: PLR2004
    kind = "requests" if answer.status == 429 else kind  # noqa: PLR2004
    error = {"message": answer.message, "type": kind, "param": None, "code": answer.code or None}
    headers = {"content-type": "application/json", "x-request-id": "req_fake", **answer.headers}
    await send(start(answer.status, headers))
    await send({"type": "http.response.body", "body": json.dumps({"error": error}).encode()})


def event(data: str, kind: str = "") -> bytes:
    """A server-sent event."""
    named = f"event: {kind}\n" if kind else ""
    return f"{named}data: {data}\n\n".encode()


def start(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    """ASGI: the beginning of a response."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    """ASGI: a piece of a response's body."""
    return {"type": "http.response.body", "body": body, "more_body": more}
