"""A page without a browser, for tests: it asks for a ticket, sends a microphone, plays what comes, reports marks.

::

    async with open_page(services, "https://voice.example.com/reception/browser") as page:
        await page.say(mulaw)
        await page.heard_silence(1.0)
        print(page.transcript)

Its surface is that of :class:`dialog_core.testing.phones.Phone`, so audio is mu-law at 8 kHz, whatever its wire has.
Time is its audio clock, which with virtual time costs only the computing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx

from dialog_browser.protocol import PCM16
from dialog_browser.testing.player import Player
from dialog_browser.testing.wire import Wire
from dialog_core.errors import SocketError
from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.testing.phones import Echo

__all__ = ["Page", "PageRefused", "open_page", "origin_of", "socket_url", "ticket"]

ROUNDING = 1e-6
"""Seconds that are too few for a clock to move by."""
LEAVE_SECONDS = 10.0
"""How long leaving a call waits for the server to let go of it."""


class PageRefused(Exception):
    """The server gave no ticket."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"HTTP {status}: {why}")
        self.status = status
        self.why = why


class Page:
    """One call; made by :func:`open_page`. See :class:`dialog_core.testing.phones.Phone` for the words."""

    digits = ""
    transferred_to: str | None = None
    ticket = ""
    """The one that opened it, where that is known."""

    def __init__(self, player: Player, wire: Wire) -> None:
        self._player = player
        self._wire = wire

    # what they do

    async def say(self, audio: bytes, *, at: float | None = None) -> None:
        await self.answered()
        if self.live:
            await self._wire.say(audio, at=at).wait()

    async def silent(self, seconds: float) -> None:
        await self.say(b"\xff" * round(seconds * 8000))

    async def press(self, digits: str) -> None:
        await self.answered()
        for digit in digits:
            await self.send({"type": "key", "digit": digit})

    async def mute(self) -> None:
        """Send nothing until :meth:`unmute`."""
        self._wire.muted = True
        await self.send({"type": "mute"})

    async def unmute(self) -> None:
        """Send again."""
        await self.send({"type": "unmute"})
        self._wire.muted = False

    async def hang_up(self) -> None:
        await self.send({"type": "stop"})
        await self.over()

    async def vanish(self) -> None:
        await self._wire.vanish()

    async def send(self, message: dict[str, Any]) -> None:
        """Send a text message."""
        await self._wire.send(message)

    async def send_raw(self, data: str | bytes) -> None:
        await self._wire.send_raw(data)

    def jumble(self) -> None:
        """A WebSocket keeps the order, so this does nothing."""

    async def wait(self, seconds: float) -> None:
        """Do nothing else than what a page does by itself."""
        await anyio.sleep(seconds)

    def stall(self) -> None:
        """Read nothing any more."""
        self._wire.reading.cancel()

    # what they wait for

    async def answered(self) -> None:
        await self._wire.begun.wait()

    async def heard_speech(self) -> None:
        await self.answered()
        player = self._player
        while player.buffer.sounds_until <= player.now and self.live:
            await player.changed.wait()

    async def heard_silence(self, seconds: float) -> None:
        await self.answered()
        player = self._player
        while self.live:
            changed = player.changed
            left = player.buffer.sounds_until / 8000 + seconds - self.now
            if left <= ROUNDING:
                return
            with anyio.move_on_after(left):
                await changed.wait()

    async def over(self) -> str:
        await self._wire.ended.wait()
        return self._wire.reason

    # what is known

    @property
    def call_id(self) -> str:
        return str(self._wire.session.get("call", ""))

    @property
    def session(self) -> dict[str, Any]:
        """The session message; empty before it comes."""
        return self._wire.session

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All text messages that came, marks and clears among them."""
        return self._wire.messages

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The messages of one type."""
        return [message for message in self._wire.messages if message["type"] == kind]

    @property
    def transcript(self) -> list[tuple[str, str]]:
        """Who said what, each turn in its final form."""
        turns: dict[tuple[str, int], str] = {}
        for message in self.told("transcript"):
            if message.get("final"):
                turns[message["side"], message["turn"]] = message["text"]
        return [(side, text) for (side, _), text in turns.items()]

    @property
    def binary(self) -> list[bytes]:
        """The binary messages that came. Only samples are played: this page knows no codec."""
        return self._player.received

    @property
    def live(self) -> bool:
        return not self._wire.ended.is_set()

    @property
    def now(self) -> float:
        return self._player.now / 8000

    @property
    def played(self) -> list[tuple[float, bytes]]:
        pieces = self._player.buffer.played(self._player.now)
        return [(start / 8000, audio) for start, audio in pieces]

    @property
    def sent(self) -> bytes:
        return self._wire.microphone.track()

    def stereo(self) -> tuple[bytes, bytes]:
        caller = self.sent
        return caller, self._player.buffer.track(len(caller))

    @property
    def warnings(self) -> list[str]:
        return self._wire.warnings

    @property
    def echoes(self) -> list[Echo]:
        return self._player.echoes

    @property
    def clears(self) -> list[float]:
        return self._player.clears


def origin_of(base: str) -> str:
    """The origin of a page at this address."""
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


async def ticket(
    services: Services, base: str, *, password: str = "", origin: str | None = None
) -> str:
    """Ask for a ticket, as the page does. Raises: PageRefused."""
    answer = await ask(services, base, password=password, origin=origin)
    if answer.status_code != httpx.codes.OK:
        why = answer.json().get("error", "") if answer.content.startswith(b"{") else answer.text
        raise PageRefused(answer.status_code, why)
    return str(answer.json()["ticket"])


async def ask(
    services: Services, base: str, *, password: str = "", origin: str | None = None
) -> httpx.Response:
    """The request for a ticket."""
    headers = {"origin": origin_of(base) if origin is None else origin}
    return await services.http.post(f"{base}/ticket", json={"password": password}, headers=headers)


def socket_url(base: str, given: str) -> str:
    """The address of the socket that a ticket opens."""
    return f"ws{base.removeprefix('http')}/talk/{given}"


@asynccontextmanager
async def open_page(
    services: Services,
    base: str,
    *,
    password: str = "",
    config: dict[str, Any] | None = None,
    given: str | None = None,
) -> AsyncIterator[Page]:
    """Open the page at `base` and talk; leaving the block hangs up.

    config: instead of a page's that sends 8 kHz and plays samples. given: a ticket that was asked for before.
    Raises: PageRefused if there is no ticket, HandshakeRefused if it is not taken.
    """
    spent = given or await ticket(services, base, password=password)
    headers = {"origin": origin_of(base)}
    async with services.connect(socket_url(base, spent), headers=headers) as socket:
        player = Player(services.clock)
        wire = Wire(socket, player, services.clock)
        page = Page(player, wire)
        await page.send(config or {"type": "config", "rate": 8000, "codecs": [PCM16]})
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wire.read, tasks)
                yield page
                with anyio.move_on_after(LEAVE_SECONDS):
                    await page.hang_up()
                tasks.cancel_scope.cancel()


async def connects(services: Services, url: str, origin: str) -> bool:
    """Whether a socket with this ticket becomes a call."""
    try:
        async with services.connect(url, headers={"origin": origin}) as socket:
            await socket.send('{"type": "config", "rate": 8000}')
            return '"session"' in str(await socket.receive())
    except SocketError:
        return False
