"""Where a component under test stands: its fake vendor behind a door, services in memory, a look around at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

import anyio
import attrs
import pytest

from dialog_core.factory import Services
from dialog_core.net.services import open_services
from dialog_core.net.shared import SharedResources
from dialog_core.observe.observations import Observation
from dialog_core.testing.contracts.component import build
from dialog_core.testing.contracts.door import Door
from dialog_core.testing.contracts.kit import At, Kit, nowhere
from dialog_core.testing.vendor import ignore, in_memory, served

__all__ = ["Stage", "awaits_of", "on_sockets", "on_stage"]

GOODBYE_SECONDS = 5.0
"""In which sockets must be closed after everything was left."""
CLEAN_UP_SECONDS = 2.0
"""In which a cancelled user of a component must be gone."""


class Fake(Protocol):
    """A vendor of any kind."""

    @property
    def door(self) -> Door:
        """The way to it."""
        ...


class RemoteKit(Kit, Protocol):
    """A kit of a component with a vendor."""

    @property
    def at(self) -> At:
        """Settings that point it at a fake on a real socket."""
        ...


V = TypeVar("V", bound=Fake)


@attrs.frozen(eq=False)
class Stage(Generic[V]):
    """A component's surroundings."""

    kit: Kit
    vendor: V
    services: Services
    observed: list[Observation]

    def new(self, **settings: object) -> Any:
        """A component, as a call would be given it."""
        return build(self.kit, self.services, **settings)

    def now(self) -> float:
        """Seconds on the loop's clock."""
        return self.services.clock.monotonic()


@asynccontextmanager
async def on_stage(kit: Kit, vendor: V) -> AsyncIterator[Stage[V]]:
    """A stage; leaving it fails the test if a connection or a task was left behind."""
    observed: list[Observation] = []
    async with in_memory(vendor.door, observe=observed.append) as services:
        before = living_tasks()
        yield Stage(kit, vendor, services, observed)
        if isinstance(services.shared, SharedResources):
            await services.shared.close()
        with anyio.move_on_after(GOODBYE_SECONDS) as waiting:
            await vendor.door.empty()
        door = vendor.door
        left = door.opened - door.closed
        assert not waiting.cancelled_caught, f"{left} of {door.opened} connections were left open"
        await anyio.wait_all_tasks_blocked()
        assert living_tasks() <= before, "a task was left running"


@asynccontextmanager
async def on_sockets(kit: RemoteKit, vendor: Fake) -> AsyncIterator[Any]:
    """A component whose vendor is served on a socket of this machine; needs asyncio."""
    if kit.at is nowhere:
        pytest.skip("not applicable: the kit does not say how to point it at a socket (`at`)")
    async with served(vendor.door) as base_url, open_services(observe=ignore) as services:
        yield build(kit, services, **kit.at(base_url))


def living_tasks() -> int:
    """How many tasks the loop has."""
    return len(anyio.get_running_tasks())


# --- cancelling at every await --------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Stepped:
    """Awaits a coroutine, and cancels a scope at its n-th await."""

    work: Coroutine[Any, Any, Any]
    scope: anyio.CancelScope
    at: int
    now: Callable[[], float]
    cancelled_at: float | None = None

    def __await__(self) -> Generator[Any, Any, None]:
        result: Any = None
        error: BaseException | None = None
        for number in count(1):
            try:
                awaited = self.work.send(result) if error is None else self.work.throw(error)
            except StopIteration:
                return
            if number == self.at:
                self.cancelled_at = self.now()
                self.scope.cancel()
            try:
                result, error = (yield awaited), None
            except BaseException as thrown:  # noqa: BLE001 - a cancellation is the work's to see, which raises it
                error = thrown


async def awaits_of(stage: Stage[Any], new_work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run fresh work again and again, cancelled at its first await, its second, and so on; returns how many it has.

    Fails if the work takes long to go once it is cancelled.
    """
    for number in count(1):
        with anyio.CancelScope() as scope:
            stepped = Stepped(new_work(), scope, number, stage.now)
            await stepped
        if stepped.cancelled_at is None:
            return number - 1
        late = stage.now() - stepped.cancelled_at
        assert late <= CLEAN_UP_SECONDS, f"cancelled at await {number}, it left {late:g} s later"
    raise AssertionError
