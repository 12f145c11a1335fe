"""What one hop costs, from a function call to a WebSocket message: microseconds of CPU.

The WebSocket figures are those of the server's process while 100 sockets send 50 messages a second
each, as telephone lines do, so that every message wakes the loop by itself. A flood of messages would
look several times cheaper, because one wake then serves many.
"""

from __future__ import annotations

import socket as sockets
import statistics
import sys
import timeit
from collections.abc import Callable
from functools import partial

import anyio
import attrs
import pluggy
import uvicorn
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from starlette.types import Receive, Scope, Send

from contrib.bench.clock import cpu_seconds
from contrib.bench.report import show
from dialog_core.net.media_protocol import MediaProtocol

REPEATS = 7
CALLS = 50_000
HOPS = 20_000
SOCKETS = 100
SECONDS = 4.0
BACKENDS = (("asyncio", False), ("uvloop", True))


@attrs.frozen
class Frozen:
    """As many fields as a message has."""

    at: float
    reply: int
    text: str
    final: bool


@attrs.define
class Mutable:
    """The same without protection."""

    at: float
    reply: int
    text: str
    final: bool


class Hooks:
    """One hook, as a framework would call it for each frame."""

    @pluggy.HookspecMarker("bench")
    def on_frame(self, frame: object) -> object: ...


class Plugin:
    """Takes the frame and answers nothing."""

    @pluggy.HookimplMarker("bench")
    def on_frame(self, frame: object) -> object:  # noqa: ARG002 - pluggy goes by the name
        return None


def hook(implementations: int) -> Callable[[], object]:
    """A call of a hook with this many implementations."""
    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(Hooks)
    for _ in range(implementations):
        manager.register(Plugin())
    return partial(manager.hook.on_frame, frame=b"")


def cost(call: Callable[[], object]) -> float:
    """Median microseconds of a call."""
    return statistics.median(timeit.repeat(call, number=CALLS, repeat=REPEATS)) / CALLS * 1e6


def calls() -> list[tuple[str, float]]:
    """What runs without a loop."""
    plain = cost(lambda: None)
    return [
        ("function call", plain),
        *((f"pluggy hook, {n} implementations", cost(hook(n)) - plain) for n in (1, 3, 10)),
        ("frozen object, 4 fields", cost(lambda: Frozen(1.0, 2, "three", final=True)) - plain),
        ("mutable object, 4 fields", cost(lambda: Mutable(1.0, 2, "three", final=True)) - plain),
    ]


async def stream_hop() -> float:
    """Microseconds from one task to another that waits for each item."""
    forth_in, forth_out = anyio.create_memory_object_stream[int](16)
    back_in, back_out = anyio.create_memory_object_stream[int](16)
    taken = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reflect, forth_out, back_in)
        for _ in range(REPEATS):
            began = cpu_seconds()
            for number in range(HOPS):
                await forth_in.send(number)
                await back_out.receive()
            taken.append((cpu_seconds() - began) / (2 * HOPS))
        tasks.cancel_scope.cancel()
    for stream in (forth_in, forth_out, back_in, back_out):
        stream.close()
    return statistics.median(taken) * 1e6


async def reflect(items: ObjectReceiveStream[int], back: ObjectSendStream[int]) -> None:
    """Send everything back."""
    async for item in items:
        await back.send(item)


@attrs.define
class Counter:
    """The least ASGI application that reads a socket, and maybe answers each message."""

    echo: bool
    messages: int = 0
    busy: anyio.Event = attrs.field(factory=anyio.Event)
    """Set when every socket is open and sends."""

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            self.messages += 1
            if self.messages == SOCKETS * 25:
                self.busy.set()
            if self.echo:
                await send({"type": "websocket.send", "text": message["text"]})


async def socket_message(*, echo: bool) -> float:
    """Microseconds of the server's CPU per message."""
    app = Counter(echo)
    listener = sockets.socket()
    listener.bind(("127.0.0.1", 0))
    url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
    config = uvicorn.Config(
        app, ws=MediaProtocol, lifespan="off", log_level="warning", ws_ping_interval=None
    )
    serve = partial(uvicorn.Server(config).serve, sockets=[listener])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        tasks.start_soon(flood, url)
        await app.busy.wait()
        before, cpu = app.messages, cpu_seconds()
        await anyio.sleep(SECONDS)
        used, messages = cpu_seconds() - cpu, app.messages - before
        tasks.cancel_scope.cancel()
    return used / messages * 1e6


async def flood(url: str) -> None:
    """Run the carriers in a process of their own until cancelled."""
    command = [sys.executable, "-m", "contrib.bench.flood", url, str(SOCKETS), str(10 * SECONDS)]
    await anyio.run_process(command, stderr=None)


def main() -> None:
    """Print both tables."""
    rows = [(name, f"{value:.2f}") for name, value in calls()]
    show("Without a loop", ("", "us"), rows, "pluggy", "attrs")
    table = []
    for name, measure in (
        ("memory stream hop", stream_hop),
        ("WebSocket message in", partial(socket_message, echo=False)),
        ("WebSocket message in and out", partial(socket_message, echo=True)),
    ):
        figures = [
            anyio.run(measure, backend_options={"use_uvloop": uvloop}) for _, uvloop in BACKENDS
        ]
        table.append((name, *(f"{figure:.1f}" for figure in figures)))
    columns = ("", *(f"us, {name}" for name, _ in BACKENDS))
    show("On a loop", columns, table, "anyio", "uvloop", "uvicorn", "websockets")


if __name__ == "__main__":
    main()
