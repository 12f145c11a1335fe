"""A bare event loop for the load: sockets, and timers to the millisecond.

Phones and vendors must cost so little that one core carries those of several hundred calls, while another core carries
the server that is measured. An event loop made for programs would need most of that core for itself.
"""

from __future__ import annotations

import heapq
import select
import socket as sockets
from collections.abc import Callable
from itertools import count

from contrib.bench.clock import seconds

__all__ = ["Connection", "Loop"]

CHUNK = 262_144
LONGEST_WAIT = 0.5


class Connection:
    """A TCP connection; `on_data` is called with what comes, `on_close` once."""

    def __init__(self, loop: Loop, socket: sockets.socket) -> None:
        socket.setblocking(False)
        socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        self.socket = socket
        self.closed = False
        self.on_data: Callable[[bytes], None] = ignore
        self.on_close: Callable[[], None] = nothing
        self._loop = loop
        self._unsent = bytearray()

    def send(self, data: bytes) -> None:
        """Send all of it, now or as soon as the peer takes it."""
        if self.closed:
            return
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self._unsent += data[sent:]
            self._loop.want_write(self, wanted=True)

    def write(self) -> None:
        """The peer takes more."""
        try:
            sent = self.socket.send(self._unsent)
        except OSError:
            self.close()
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.want_write(self, wanted=False)

    def read(self) -> None:
        """Something has come."""
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.on_data(data)
        else:
            self.close()

    def close(self) -> None:
        """Be gone; again is harmless."""
        if self.closed:
            return
        self.closed = True
        self._loop.forget(self)
        self.socket.close()
        self.on_close()


class Loop:
    """Runs until stopped."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._listeners: dict[int, tuple[sockets.socket, Callable[[Connection], object]]] = {}
        self._watched: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._running = False

    def at(self, due: float, call: Callable[[], None]) -> None:
        """Call at this time."""
        heapq.heappush(self._timers, (due, next(self._numbers), call))

    def listen(self, accept: Callable[[Connection], object]) -> int:
        """Accept connections on a free port; returns it."""
        listener = sockets.create_server(("127.0.0.1", 0), backlog=1024)
        listener.setblocking(False)
        self._listeners[listener.fileno()] = listener, accept
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        port: int = listener.getsockname()[1]
        return port

    def watch(self, number: int, ready: Callable[[], None]) -> None:
        """Call whenever a file descriptor is readable."""
        self._watched[number] = ready
        self._epoll.register(number, select.EPOLLIN)

    def connect(self, host: str, port: int) -> Connection:
        """A new connection; on loopback it is there at once."""
        return self._add(sockets.create_connection((host, port)))

    def want_write(self, connection: Connection, *, wanted: bool) -> None:
        """Whether to watch for the peer taking more."""
        events = select.EPOLLIN | (select.EPOLLOUT if wanted else 0)
        self._epoll.modify(connection.socket.fileno(), events)

    def forget(self, connection: Connection) -> None:
        """A connection is closed."""
        number = connection.socket.fileno()
        if self._connections.pop(number, None) is not None:
            self._epoll.unregister(number)

    def stop(self) -> None:
        """Let `run` return."""
        self._running = False

    def close(self) -> None:
        """Close all sockets."""
        for connection in tuple(self._connections.values()):
            connection.close()
        for listener, _ in self._listeners.values():
            listener.close()
        self._epoll.close()

    def run(self) -> None:
        """Serve sockets and timers."""
        self._running = True
        while self._running:
            self._fire()
            wait = self._timers[0][0] - seconds() if self._timers else LONGEST_WAIT
            for number, events in self._epoll.poll(min(max(0.0, wait), LONGEST_WAIT)):
                self._serve(number, events)

    def _fire(self) -> None:
        timers = self._timers
        now = seconds()
        while timers and timers[0][0] <= now and self._running:
            heapq.heappop(timers)[2]()

    def _serve(self, number: int, events: int) -> None:
        connection = self._connections.get(number)
        if connection is not None:
            if events & select.EPOLLOUT:
                connection.write()
            if events & ~select.EPOLLOUT and not connection.closed:
                connection.read()
        elif number in self._watched:
            self._watched[number]()
        elif number in self._listeners:
            listener, accept = self._listeners[number]
            accept(self._add(listener.accept()[0]))

    def _add(self, socket: sockets.socket) -> Connection:
        connection = Connection(self, socket)
        self._connections[socket.fileno()] = connection
        self._epoll.register(socket.fileno(), select.EPOLLIN)
        return connection


def ignore(_data: bytes) -> None:
    """Nobody listens yet."""


def nothing() -> None:
    """Nobody minds."""
