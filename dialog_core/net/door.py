from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs

from dialog_core.errors import LineError, TicketError
from dialog_core.factory import Clock
from dialog_core.line import Progress
from dialog_core.net.call_states import CallStates
from dialog_core.net.room import Room
from dialog_core.net.settings import ServerSettings
from dialog_core.observe.observations import Observation
from dialog_core.protocols import Line
from dialog_core.workers.token import Ticket, sign, verify

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

__all__ = ["Door", "Tickets"]

PLACE_SECONDS = 5.0
"""How long a ticket keeps a place; carriers open the media socket within one or two."""
MAX_USED = 100_000
SECURE = frozenset({"https", "wss"})
SCHEMES = frozenset({"http", "https", "ws", "wss"})


@attrs.define(eq=False)
class Tickets:
    """Issues and takes back call tickets.

    A ticket is used up in the process that redeemed it; the signature and the short life hold everywhere.
    """

    key: bytes
    seconds: float
    clock: Clock
    _used: dict[str, float] = attrs.field(factory=dict)

    def issue(self, call: str, agent: str) -> str:
        """A new ticket as text."""
        expires = self.clock.wall() + self.seconds
        return sign(Ticket(call, agent, expires, secrets.token_urlsafe(9)), key=self.key)

    def redeem(self, text: str, agent: str) -> str:
        """The call of a ticket, once. Raises: TicketError."""
        now = self.clock.wall()
        ticket = verify(text, agent=agent, now=now, key=self.key)
        self._forget(now)
        if ticket.nonce in self._used:
            raise TicketError("ticket has been used already")
        if len(self._used) >= MAX_USED:
            raise TicketError("too many tickets are in use; try again later")
        self._used[ticket.nonce] = ticket.expires
        return ticket.call

    def _forget(self, now: float) -> None:
        """Drop what has expired; tickets are used nearly in the order in which they expire."""
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now:
                return
            del self._used[oldest]


def ignore(_observation: Observation) -> None:
    """Observe nothing."""


@attrs.frozen
class Door:
    """One agent's door for one VoIP plugin; see :class:`dialog_core.protocols.FrontDoor`."""

    agent: str
    path: str
    settings: ServerSettings
    room: Room
    tickets: Tickets
    states: CallStates
    answer_line: Callable[[Line], Awaitable[None]]
    observe: Callable[[Observation], None] = ignore

    def url(self, request: HTTPConnection | None, path: str, *, websocket: bool = False) -> str:
        """Public address of one of the plugin's routes."""
        if self.settings.public_url:
            scheme, _, rest = self.settings.public_url.partition("://")
            base = rest + self.path
        elif request is None:
            raise LineError(
                "no public address is known before a request came: set server.public_url"
            )
        else:
            scheme, host = self._as_asked(request)
            mounted = str(request.scope.get("root_path", ""))
            base = host + (mounted if mounted.endswith(self.path) else mounted + self.path)
        names = ("ws", "wss") if websocket else ("http", "https")
        return f"{names[scheme in SECURE]}://{base}{path}"

    def has_room(self) -> bool:
        """Whether a call may come in."""
        return self.room.free(self.tickets.clock.wall()) > 0

    def issue(self, call: str) -> str:
        """A ticket, and a place for a few seconds."""
        ticket = self.tickets.issue(call, self.agent)
        self.room.reserve(ticket, until=self.tickets.clock.wall() + PLACE_SECONDS)
        return ticket

    def redeem(self, ticket: str) -> str:
        """The call of a ticket, once."""
        call = self.tickets.redeem(ticket, self.agent)
        self.room.release(ticket)
        return call

    def report(self, call: str, progress: Progress, *, reason: str = "") -> None:
        """Take a step in the call's states."""
        self.states.report(call, progress, reason=reason, observe=self.observe)

    async def answer(self, line: Line) -> None:
        """Run the call on this line, counted against the room."""
        await self.room.hold(lambda: self.answer_line(line))

    def _as_asked(self, request: HTTPConnection) -> tuple[str, str]:
        """Scheme and host by which the request reached us, or reached the proxy that we trust."""
        # Not `request.url.scheme`: parsing the address fails on a Host header that is none.
        scheme = str(request.scope.get("scheme", "http"))
        host = request.headers.get("host") or request.url.netloc
        if not self.settings.trust_forwarded:
            return scheme, host
        forwarded = first(request.headers.get("x-forwarded-proto", "")).lower()
        return (
            forwarded if forwarded in SCHEMES else scheme,
            first(request.headers.get("x-forwarded-host", "")) or host,
        )


def first(header: str) -> str:
    """The first item of a list: what the proxy nearest to the caller saw."""
    return header.partition(",")[0].strip()
