"""Many carriers in one process: each socket sends a media message every 20 ms.

Started by :mod:`contrib.bench.hops`: ``python -m contrib.bench.flood URL SOCKETS SECONDS``.
"""

from __future__ import annotations

import base64
import json
import sys

import anyio

from contrib.bench.clock import seconds
from dialog_core.errors import SocketClosed
from dialog_core.net.websocket import ClientSocket, open_websocket

__all__ = ["INTERVAL", "MESSAGE"]

INTERVAL = 0.02
MESSAGE = json.dumps(
    {
        "event": "media",
        "sequenceNumber": "4",
        "media": {
            "track": "inbound",
            "chunk": "2",
            "timestamp": "5",
            "payload": base64.b64encode(bytes(range(160))).decode(),
        },
        "streamSid": "MZ" + "0" * 32,
    }
)


async def carrier(url: str, phase: float, duration: float) -> None:
    """Send at a steady pace, and read whatever comes back."""
    async with open_websocket(url) as socket, anyio.create_task_group() as tasks:
        tasks.start_soon(drain, socket)
        began = seconds() + phase
        for number in range(int(duration / INTERVAL)):
            await anyio.sleep(max(0.0, began + number * INTERVAL - seconds()))
            await socket.send(MESSAGE)
        tasks.cancel_scope.cancel()


async def drain(socket: ClientSocket) -> None:
    """Read until the socket closes."""
    try:
        while True:
            await socket.receive()
    except SocketClosed:
        return


async def main(url: str, sockets: int, duration: float) -> None:
    """Open the sockets, evenly out of step."""
    async with anyio.create_task_group() as tasks:
        for number in range(sockets):
            tasks.start_soon(carrier, url, number * INTERVAL / sockets, duration)


if __name__ == "__main__":
    target, how_many, how_long = sys.argv[1:]
    anyio.run(main, target, int(how_many), float(how_long), backend_options={"use_uvloop": True})
