"""What an exception of a plugin or of the application means for its call, and only for that."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from dialog_core.errors import DialogError, EventOverflow, ProviderError
from dialog_core.observe.observations import Observation, Trouble

__all__ = ["closing", "describe", "first_error", "guarded"]


T = TypeVar("T")


@asynccontextmanager
async def closing(items: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close the iterator when the block is left, if it is a generator: then its clean-up happens here, not later."""
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


def first_error(error: BaseException) -> BaseException:
    """The error inside any number of groups; a provider's goes before others, which often follow from it."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    errors = [first_error(inner) for inner in error.exceptions]
    return next((inner for inner in errors if isinstance(inner, ProviderError)), errors[0])


def describe(error: BaseException) -> str:
    """An error for a log: its class unless it is one of ours, whose messages never hold what callers say."""
    if isinstance(error, DialogError):
        return str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = (
        f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    )
    return f"{type(error).__name__}: {error}{where}"


async def guarded(
    act: Callable[[], Awaitable[object]],
    *,
    call: str,
    where: str,
    observe: Callable[[Observation], None],
) -> str | None:
    """Run code that is not ours; returns what went wrong, None if nothing did.

    A failure is observed with its cause and stays here. A stuck call and cancellations pass through.
    """
    problem: str | None = None
    try:
        await act()
    except* EventOverflow:
        raise
    except* Exception as group:  # noqa: BLE001 - plugins and applications may raise anything; it stays in their call
        problem = describe(first_error(group))
        observe(Trouble(call, where, "failed", problem))
    return problem
