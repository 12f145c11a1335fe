from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
from starlette.types import ASGIApp

from dialog_browser.testing.page import (
    Page,
    PageRefused,
    ask,
    connects,
    open_page,
    origin_of,
    socket_url,
    ticket,
)
from dialog_browser.testing.player import Player
from dialog_browser.testing.wire import Wire
from dialog_core.errors import HandshakeRefused, LocalProtocolError
from dialog_core.factory import Services
from dialog_core.line import Ability
from dialog_core.testing.phones.phone import Outcome, Phone, Seal

if TYPE_CHECKING:
    from dialog_core.testing.contracts.voip_kit import VoipKit

__all__ = ["Web", "kits"]

NO_SOCKET = 101
"""A ticket that was used opened a socket once more."""


@attrs.define(eq=False)
class Web:
    """All the browsers that there are, as :class:`dialog_core.testing.phones.Carrier`."""

    apps: Mapping[str, ASGIApp] = attrs.field(factory=dict)
    _server: tuple[Services, str] | None = None

    @asynccontextmanager
    async def serving(self, services: Services, base: str) -> AsyncIterator[None]:
        """Open pages of the server at `base`."""
        self._server = services, base
        yield
        self._server = None

    @asynccontextmanager
    async def call(
        self,
        *,
        caller: str = "",  # noqa: ARG002 - nobody has a number here
        called: str = "",  # noqa: ARG002 - as above
    ) -> AsyncIterator[Page]:
        """Open the page and talk."""
        services, base = self._served
        try:
            given = await ticket(services, base)
        except PageRefused as refused:
            yield dead_page(services, refused)
            return
        async with open_page(services, base, given=given) as page:
            page.ticket = given
            yield page

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """Nobody can be called. Raises: LocalProtocolError."""
        raise LocalProtocolError(f"a page cannot be called: {outcome}, {unruly}")

    async def dialled(self) -> Phone:
        """Nobody can be called. Raises: LocalProtocolError."""
        raise LocalProtocolError("a page cannot be called")

    async def knock(self, seal: Seal) -> int:
        """Ask for a ticket, from a page of ours or of somebody else."""
        services, base = self._served
        origin = origin_of(base) if seal is Seal.GOOD else "https://elsewhere.example"
        if seal is Seal.MISSING:
            origin = ""
        return (await ask(services, base, origin=origin)).status_code

    async def knock_loudly(self, nbytes: int) -> int:
        """Ask for a ticket in very many words."""
        services, base = self._served
        return (await ask(services, base, password="x" * nbytes)).status_code

    async def media_url(self) -> str:
        """A ticket's socket."""
        services, base = self._served
        return socket_url(base, await ticket(services, base))

    async def connects(self, url: str) -> bool:
        """Whether a socket becomes a call."""
        services, base = self._served
        return await connects(services, url, origin_of(base))

    async def tell_late(self, phone: Phone) -> int:
        """Try the ticket of a call that is over."""
        services, base = self._served
        assert isinstance(phone, Page)
        headers = {"origin": origin_of(base)}
        try:
            async with services.connect(socket_url(base, phone.ticket), headers=headers):
                return NO_SOCKET
        except HandshakeRefused as refused:
            return refused.status

    def refuse(self, *, times: int = 1) -> None:
        """The web has no interface that could refuse. Raises: LocalProtocolError."""
        raise LocalProtocolError(f"nobody is asked who could refuse {times} times")

    @property
    def _served(self) -> tuple[Services, str]:
        assert self._server is not None, "no server is known yet"
        return self._server


def dead_page(services: Services, refused: PageRefused) -> Page:
    """A page that was given no call."""
    player = Player(services.clock)
    wire = Wire(None, player, services.clock, reason=refused.why)
    wire.over()
    return Page(player, wire)


def kits() -> tuple[VoipKit, ...]:
    """The plugin's kits for the conformance tests."""
    from dialog_core.testing.contracts.voip_kit import VoipKit  # noqa: PLC0415 - a page needs no test runner

    return (
        VoipKit(
            "browser",
            {"open": True, "rate": 8000},
            Web,
            abilities=frozenset({Ability.KEYPRESS}),
            seals=frozenset({Seal.GOOD, Seal.MISSING, Seal.WRONG}),
            numbers=False,
        ),
    )
