"""How a process that serves calls keeps its memory: what a call leaves behind is freed at once, or soon and in little.

Python frees what nobody refers to; what refers to itself waits for the garbage collector, which stops everything while
it looks. An ended call that waits so is a thousand objects, and a few hundred of them are half a second in which no
call is served. So calls let go of what they hold when they end, and one more thing keeps them: a task that is
cancelled leaves its error, which holds the frames that it came through, and with them the call. anyio's own note of a
task's end holds that error, and is held by it. In a process of ours, errors of cancelled tasks give up their frames.

What is loaded when serving begins stays, and is not looked through again.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Generator
from typing import Any

__all__ = ["keep_tidy"]

THRESHOLDS = (10_000, 10, 4)
"""Of Python's garbage collector; see :func:`gc.set_threshold`. Small steps, so that each is a short pause."""


def keep_tidy() -> None:
    """Set up this process and the running asyncio loop, once all is loaded that stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    asyncio.get_running_loop().set_task_factory(new_task)


def new_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **options: Any,
) -> asyncio.Task[Any]:
    """A task whose cancellation keeps nothing alive."""
    return asyncio.Task(forgetting(work), loop=loop, **options)


async def forgetting(work: Any) -> Any:
    """Do the work; if it is cancelled, forget where."""
    try:
        return await work
    except asyncio.CancelledError as error:
        error.__traceback__ = error.__context__ = None
        raise
    finally:
        del work
