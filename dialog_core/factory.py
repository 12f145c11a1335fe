"""How a plugin says "I can make this", and what it is handed to do so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from dialog_core.observe.observations import Observation
    from dialog_core.protocols import WebSocket

__all__ = ["Clock", "Connect", "Factory", "Services", "Shared"]

S = TypeVar("S")
T = TypeVar("T")


class Clock(Protocol):
    """The clocks of the process; a test passes its own."""

    def monotonic(self) -> float:
        """Seconds on the event loop's clock; only differences mean anything."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        ...


class Connect(Protocol):
    """Opens WebSockets."""

    def __call__(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 10.0
    ) -> AbstractAsyncContextManager[WebSocket]:
        """url: ws or wss. timeout: seconds for TCP, TLS and upgrade together. Raises: SocketError."""
        ...


class Shared(Protocol):
    """Things of which a process has one, used by many calls: socket pools, loaded models."""

    async def get(self, key: Hashable, open_: Callable[[], AbstractAsyncContextManager[T]]) -> T:
        """The resource of this key, opened by the first who asks and closed when the process stops.

        If opening fails the error goes to everybody who waited, and the next call tries again.
        """
        ...


@attrs.frozen
class Services:
    """What a component may use. Nothing is imported from a global, so that a test passes its own."""

    http: httpx.AsyncClient
    """Shared client without a base URL; give each request its deadline."""
    connect: Connect
    clock: Clock
    shared: Shared
    observe: Callable[[Observation], None]
    """Record an observation; never waits."""


async def no_warmth(_settings: object, _services: Services) -> None:
    """For components with nothing to prepare."""


@attrs.frozen
class Factory(Generic[S, T]):
    """How to make one component. Hooks return these; the container calls `build`, once per call."""

    name: str
    """What a settings file writes after ``use =``."""
    settings: type[S]
    """An attrs class; its fields are the component's settings."""
    build: Callable[[S, Services], T]
    """Quick and without I/O. Imports of vendor stacks belong in here, not at the top of the plugin."""
    warm: Callable[[S, Services], Awaitable[None]] = no_warmth
    """Called once when the process starts: load the model, open the shared socket. Failing is not fatal."""
    abilities: frozenset[str] = frozenset()
    """Of a VoIP: words of :class:`dialog_core.line.Ability` that it has, whatever its settings; for listings."""
    needs: frozenset[str] = frozenset()
    """Of an agent: optional kinds that must be chosen beside it, such as ``llm``."""
    contract: str = ">=1,<2"
    """Versions of its kind's contract that it keeps; see :mod:`dialog_core.contract`."""
