"""How a vendor's WebSocket is opened; what is open is a :class:`ClientSocket`."""

from __future__ import annotations

import socket as sockets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream, SocketAttribute
from websockets.client import ClientProtocol
from websockets.exceptions import (
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    ProtocolError,
)
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from dialog_core.errors import HandshakeRefused, SocketError
from dialog_core.net.client_socket import CHUNK, MAX_MESSAGE, ClientSocket
from dialog_core.net.frames import is_whole
from dialog_core.net.groups import ungrouped
from dialog_core.net.loop_stream import connect_stream
from dialog_core.net.tls import client_context
from dialog_core.net.version import USER_AGENT

__all__ = ["ClientSocket", "open_websocket"]

CONNECT_SECONDS = 10.0
KEEPALIVE_SECONDS = 15.0


@asynccontextmanager
async def open_websocket(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float = CONNECT_SECONDS,  # noqa: ASYNC109 - the contract of Connect
    keepalive: float = KEEPALIVE_SECONDS,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[ClientSocket]:
    """Open a WebSocket; leaving the block closes it.

    timeout: seconds for name lookup, TCP, TLS and upgrade together. keepalive: seconds between pings, and for each
    pong; 0 for none. tls: how to check the certificate, if not as everywhere. Messages above 16 MB close the socket.
    Raises: SocketError naming host and port; HandshakeRefused.
    """
    try:
        uri = parse_uri(url)
    except InvalidURI as error:
        raise SocketError(f"{url.partition('?')[0]!r} is not a ws or wss address") from error
    where = f"{uri.host}:{uri.port}"
    try:
        with anyio.fail_after(timeout):
            socket = await connect(uri, headers or {}, tls or client_context())
    except TimeoutError as error:
        raise SocketError(f"{where} did not answer within {timeout:g} s") from error
    except ssl.SSLError as error:
        raise SocketError(f"no secure connection to {where}: {error.reason or error}") from error
    except OSError as error:
        raise SocketError(f"cannot connect to {where}: {error.__cause__ or error}") from error
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            if keepalive:
                tasks.start_soon(socket.keep_alive, keepalive)
            try:
                yield socket
            finally:
                await socket.close()
                tasks.cancel_scope.cancel()


async def connect(
    uri: WebSocketURI, headers: Mapping[str, str], tls: ssl.SSLContext
) -> ClientSocket:
    """TCP, TLS and upgrade. Raises: OSError, SocketError."""
    stream = await connect_stream(uri.host, uri.port, tls if uri.secure else None)
    try:
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio, not Django
        raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        return await upgrade(stream, uri, headers)
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise


async def upgrade(
    stream: ByteStream, uri: WebSocketURI, headers: Mapping[str, str]
) -> ClientSocket:
    """Ask for the upgrade and take what comes with the answer. Raises: HandshakeRefused, SocketError."""
    asked = {"user-agent": USER_AGENT} | {name.lower(): value for name, value in headers.items()}
    offered = asked.pop("sec-websocket-protocol", "")
    protocols = [Subprotocol(each.strip()) for each in offered.split(",") if each.strip()]
    protocol = ClientProtocol(uri, subprotocols=protocols or None, max_size=MAX_MESSAGE)
    request = protocol.connect()
    for name, value in asked.items():
        request.headers.pop(name, None)
        request.headers[name] = value
    protocol.send_request(request)
    await stream.send(b"".join(protocol.data_to_send()))
    events: list[object] = []
    came = b""
    while not events and protocol.handshake_exc is None:
        try:
            data = await stream.receive(CHUNK)
            came += data
            protocol.receive_data(data)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            protocol.receive_eof()
        events += protocol.events_received()
    check(protocol.handshake_exc, f"{uri.host}:{uri.port}")
    socket = ClientSocket(stream, protocol)
    await socket.begin(events, cut=not is_whole(came.partition(b"\r\n\r\n")[2]))
    return socket


def check(error: Exception | None, where: str) -> None:
    """Raises: HandshakeRefused, SocketError."""
    match error:
        case None:
            return
        case InvalidStatus(response=Response() as answer):
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            raise HandshakeRefused(answer.status_code, headers, bytes(answer.body or b""))
        case InvalidHandshake() | ProtocolError():
            raise SocketError(f"{where} does not speak WebSocket: {error}") from error
        case _:
            raise SocketError(f"connection to {where} was lost during the upgrade") from error
