from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.observe.observations import Observation, Trouble

__all__ = ["SharedResources"]

T = TypeVar("T")

CLOSE_SECONDS = 5.0


@attrs.define(eq=False)
class Resource:
    """One shared thing, from the first wish for it until it is closed."""

    key: Hashable
    scope: anyio.CancelScope = attrs.field(factory=lambda: anyio.CancelScope(shield=True))
    settled: anyio.Event = attrs.field(factory=anyio.Event)
    unwanted: anyio.Event = attrs.field(factory=anyio.Event)
    closed: anyio.Event = attrs.field(factory=anyio.Event)
    value: Any = None
    error: BaseException | None = None


class SharedResources:
    """Opens each resource once, in a task of its own, and closes all in reverse order of opening.

    The resource belongs to that task, not to the call that asked first: the call may end or be cancelled meanwhile.
    """

    def __init__(self, tasks: TaskGroup, observe: Callable[[Observation], None]) -> None:
        """tasks: a group that lives as long as the process and outlives every call."""
        self._tasks = tasks
        self._observe = observe
        self._resources: dict[Hashable, Resource] = {}
        self._opened: list[Resource] = []

    async def get(self, key: Hashable, open_: Callable[[], AbstractAsyncContextManager[T]]) -> T:
        """See :class:`dialog_core.factory.Shared`."""
        resource = self._resources.get(key)
        if resource is None:
            resource = self._resources[key] = Resource(key)
            self._tasks.start_soon(self._hold, resource, open_)
        await resource.settled.wait()
        if resource.error is not None:
            raise resource.error
        value: T = resource.value
        return value

    async def close(self) -> None:
        """Close everything, the youngest first; what takes more than 5 s altogether is cancelled."""
        opening = [each for each in self._resources.values() if not each.settled.is_set()]
        for resource in opening:
            resource.scope.cancel()
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            for resource in (*opening, *reversed(self._opened)):
                resource.unwanted.set()
                await resource.closed.wait()
        for resource in self._opened:
            resource.scope.cancel()

    async def _hold(
        self, resource: Resource, open_: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> None:
        try:
            with resource.scope:
                async with open_() as resource.value:
                    self._opened.append(resource)
                    resource.settled.set()
                    await resource.unwanted.wait()
        # The process's own level: one resource's failure must not take the others with it.
        except Exception as error:  # noqa: BLE001
            self._fail(resource, error)
        else:
            if not resource.settled.is_set():
                self._fail(resource, anyio.ClosedResourceError())
        finally:
            self._forget(resource)

    def _fail(self, resource: Resource, error: Exception) -> None:
        if resource.settled.is_set():
            key = str(resource.key)
            self._observe(Trouble("", key, "a shared resource failed", type(error).__name__))
        resource.error = error
        resource.settled.set()

    def _forget(self, resource: Resource) -> None:
        if self._resources.get(resource.key) is resource:
            del self._resources[resource.key]
        if resource in self._opened and not resource.unwanted.is_set():
            self._opened.remove(resource)
        resource.settled.set()
        resource.closed.set()
