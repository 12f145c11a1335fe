"""All that is outside of the server that is measured: vendors, and callers who come and go.

``python -m contrib.bench.world`` serves the vendors at once and prints their port. Then it takes one order, a JSON line
(:class:`Order`), holds the calls, and prints what the phones and the server's own counters told (a JSON line).
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
from base64 import b64encode
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs
from dialog_twilio.testing.account import Account, new_sid

from contrib.bench.clock import seconds
from contrib.bench.loop import Loop
from contrib.bench.phones import Heard, Phone
from contrib.bench.speech import utterance
from contrib.bench.vendors import Trace, Vendors, listen

__all__ = ["Order", "main"]

LONGEST_CALL = 40.0
SHORTEST_CALL = 20.0
REDIAL = 0.1
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PATIENCE = 5.0
AFTER = 3.0
"""Seconds from the last call's end to the last look at the server's memory."""


@attrs.frozen
class Order:
    """What to do."""

    url: str
    """Where calls begin: a voice webhook, or with ws:// a media socket."""
    pid: int
    """The server's."""
    calls: int
    silence: float
    """The configured one, after which a turn is over."""
    ramp: float = 5.0
    """Seconds in which the calls begin, evenly."""
    settle: float = 4.0
    """Seconds before the window opens."""
    window: float = 15.0
    """Seconds that are measured."""


@attrs.define
class Usage:
    """What the server's process has used."""

    cpu: float
    memory: int

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Now."""
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return cls((int(fields[11]) + int(fields[12])) / TICKS, pages * PAGE)


@attrs.define(eq=False)
class World:
    """One run."""

    loop: Loop = attrs.field(factory=Loop)
    account: Account = attrs.field(factory=Account)
    heard: Heard = attrs.field(factory=Heard)
    failures: list[str] = attrs.field(factory=list)
    calls: int = 0
    """Live now."""
    call_seconds: float = 0.0
    begun: int = 0
    ending: bool = False
    _counted: float = 0.0
    """When call-seconds were last summed up."""
    _phones: list[Phone] = attrs.field(factory=list)
    _random: random.Random = attrs.field(factory=lambda: random.Random(1))  # noqa: S311
    _utterance: Any = None
    _order: Order | None = None
    _callers: int = 0
    """Numbers given to callers, in all orders."""
    _vendors: Vendors = attrs.field(init=False)

    def serve(self) -> int:
        """Serve the vendors; returns their port."""
        self._vendors = Vendors(self.loop)
        self._utterance = utterance()
        return listen(self._vendors)

    def start(self, order: Order, tell: Callable[[dict[str, Any]], None]) -> None:
        """Hold the calls of an order, and tell the figures."""
        self.heard, self.failures, self._phones = Heard(), [], []
        self.ending, self.begun, self.call_seconds = False, 0, 0.0
        self._order = order
        began = seconds()
        usages: list[Usage] = [Usage.of(order.pid)]
        opens = began + order.ramp + order.settle
        closes = opens + order.window
        for number in range(order.calls):
            at = began + order.ramp * number / order.calls
            self.loop.at(at, lambda: self._dial(order))
        self.loop.at(opens, lambda: self._open(order, usages, closes))
        self.loop.at(closes, lambda: self._close(order, usages))

        def over() -> None:
            usages.append(Usage.of(order.pid))
            tell(self._figures(order, usages))

        self.loop.at(closes + AFTER, over)

    def _open(self, order: Order, usages: list[Usage], closes: float) -> None:
        self.heard.open = True
        usages.append(Usage.of(order.pid))
        self._counted = seconds()
        self._count(closes)

    def _count(self, closes: float) -> None:
        """Sum up the seconds of live calls."""
        now = seconds()
        self._phones = [phone for phone in self._phones if not phone.over]
        self.call_seconds += len(self._phones) * (now - self._counted)
        self._counted = now
        if now + 0.1 < closes:
            self.loop.at(now + 0.1, lambda: self._count(closes))

    def _close(self, order: Order, usages: list[Usage]) -> None:
        usages.append(Usage.of(order.pid))
        self._count(seconds())
        self.calls = sum(not phone.over for phone in self._phones)
        self.heard.open = False
        self.ending = True
        for phone in self._phones:
            phone.hang_up()

    def _figures(self, order: Order, usages: list[Usage]) -> dict[str, Any]:
        before, opened, closed, after = usages
        heard = attrs.asdict(self.heard)
        del heard["open"]
        return {
            **heard,
            "calls": self.calls,
            "begun": self.begun,
            "failures": self.failures,
            "cpu": closed.cpu - opened.cpu,
            "window": order.window,
            "call_seconds": self.call_seconds,
            "memory": [each.memory for each in (before, closed, after)],
        }

    # placing a call

    def _dial(self, order: Order) -> None:
        if self.ending or order is not self._order:
            return
        self.begun += 1
        self._callers = caller = self._callers + 1
        ids = self.account.sid, new_sid("CA")
        if order.url.startswith("ws"):
            self._stream(order, order.url, caller, ids)
            return
        fields = {
            "CallSid": ids[1],
            "AccountSid": ids[0],
            "From": "+15550001111",
            "To": "+15550002222",
            "CallStatus": "ringing",
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
        }

        def answered(body: str) -> None:
            stream = re.search(r'<Stream [^>]*?url="([^"]+)"', body)
            if stream is None:
                self.failures.append(body[:200])
                return
            status = re.search(r'statusCallback="([^"]+)"', body)
            self._stream(order, unescape(stream[1]), caller, ids)
            if status:
                self._post(unescape(status[1]), self._status(ids), lambda _body: None)

        self._post(order.url, fields, answered)

    def _status(self, ids: tuple[str, str]) -> dict[str, str]:
        """The webhook's fields of a stream that has begun."""
        return {
            "AccountSid": ids[0],
            "CallSid": ids[1],
            "StreamSid": new_sid("MZ"),
            "StreamEvent": "stream-started",
            "Timestamp": "2026-01-01T00:00:00.000Z",
        }

    def _post(self, url: str, fields: dict[str, str], then: Callable[[str], None]) -> None:
        """Post a signed form, as all webhooks are."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        connection = self.loop.connect(parts.hostname, parts.port)
        body = urlencode(fields).encode()
        head = [
            f"POST {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.account.sign(url, fields.items()).items()),
        ]
        answer = bytearray()
        connection.on_data = answer.extend
        connection.on_close = lambda: then(answer.decode())
        connection.send("\r\n".join([*head, "", ""]).encode() + body)

    def _stream(self, order: Order, url: str, caller: int, ids: tuple[str, str]) -> None:
        """Open the media socket, and begin when it is open."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        connection = self.loop.connect(parts.hostname, parts.port)
        key = b64encode(os.urandom(16)).decode()
        head = [
            f"GET {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in self.account.sign(url).items()),
        ]

        def opened(data: bytes) -> None:
            if b" 101 " not in data.partition(b"\r\n")[0]:
                self.failures.append(data[:200].decode())
                connection.close()
                return
            trace = self._vendors.traces[caller] = Trace()
            phone = Phone(
                self.loop,
                connection,
                caller,
                ids,
                self._utterance,
                order.silence,
                trace,
                self.heard,
            )
            self._phones.append(phone)
            phone.start()
            if self.ending or order is not self._order:
                self._over(order, phone, caller)  # as a carrier does it: with a stop
                return
            length = self._random.uniform(SHORTEST_CALL, LONGEST_CALL)
            self.loop.at(seconds() + length, lambda: self._over(order, phone, caller))

        connection.on_data = opened
        connection.send("\r\n".join([*head, "", ""]).encode())

    def _over(self, order: Order, phone: Phone, caller: int) -> None:
        """A call ends, and another begins in its place."""
        if phone.lost and order is self._order:
            self.failures.append("the server ended a call")
        phone.hang_up()
        self._vendors.traces.pop(caller, None)
        if not self.ending:
            self.loop.at(seconds() + REDIAL, lambda: self._dial(order))


def main() -> None:
    """Serve the vendors; carry out one order after another, until the input ends."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    world = World()

    def tell(figures: dict[str, Any]) -> None:
        print(json.dumps(figures), flush=True)

    stdin = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115 - as long as the process

    def take() -> None:
        line = stdin.readline()
        if line:
            world.start(Order(**json.loads(line)), tell)
        else:
            world.loop.stop()

    world.loop.watch(sys.stdin.fileno(), take)
    tell({"port": world.serve()})
    world.loop.run()


if __name__ == "__main__":
    main()
