"""An asyncio loop on virtual time: quick, and the same every time.

A wait takes no time: when every task waits, the clock jumps to the nearest deadline. Tasks run in the order in which
they became ready, so a call that is drawn from a seed is the same call whenever it is run, which trio does not promise.
It can do nothing but wait: no sockets, no threads, no processes.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from dialog_core.errors import LocalProtocolError

__all__ = ["VirtualLoop", "run_virtual"]

T = TypeVar("T")


class NoSockets(selectors.BaseSelector):
    """Instead of waiting for a socket, lets the loop's clock pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise LocalProtocolError("every task waits for something that nobody will do")
        self.now += max(0.0, timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._virtual = NoSockets()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run_virtual(act: Callable[..., Coroutine[Any, Any, T]], *arguments: object) -> T:
    """Run an async function to its end, in no time.

    Raises: what it raises; LocalProtocolError if it waits for something that nobody will do.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        # not by the runner: it puts a signal handler in place for each run, which takes as long as a short call
        return runner.get_loop().run_until_complete(act(*arguments))
