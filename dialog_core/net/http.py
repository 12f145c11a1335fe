from __future__ import annotations

import asyncio

import httpx

from dialog_core.call.clock import SystemClock
from dialog_core.net.http_transport import LoopTransport
from dialog_core.net.tls import client_context
from dialog_core.net.version import USER_AGENT

__all__ = ["new_http_client"]

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=200, keepalive_expiry=30.0)
TIMEOUT = httpx.Timeout(10.0, connect=5.0, pool=2.0)


def new_http_client() -> httpx.AsyncClient:
    """The process's HTTP client: HTTP/1.1, pooled, no redirects, no proxies.

    A streamed answer occupies a connection for as long as it streams, so the pool allows one for every call that a
    process can hold, and some; idle ones are kept for 30 s, which spares most turns a TLS handshake. HTTP/2 stays
    off: it would put many calls' streams behind one lost packet. Proxies of the environment are not taken over: a
    detour in a voice path is a decision, and WebSockets would not follow it. On asyncio, connections are ours: see
    :mod:`dialog_core.net.http_transport`.
    """
    return httpx.AsyncClient(
        transport=new_transport(),
        limits=LIMITS,
        timeout=TIMEOUT,
        headers={"user-agent": USER_AGENT},
        verify=client_context(),
        follow_redirects=False,
        trust_env=False,
    )


def new_transport() -> httpx.AsyncBaseTransport | None:
    """What carries the requests; None for httpx's own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return LoopTransport(client_context(), LIMITS, SystemClock().monotonic)
