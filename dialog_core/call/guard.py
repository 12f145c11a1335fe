"""What an exception of a plugin or of the application means for its call, and only for that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dialog_core.errors import DialogError, LocalProtocolError, ProviderError
from dialog_core.observe.observations import Observation, Trouble

__all__ = ["describe", "first_error", "guarded"]


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

    A failure is observed with its cause and stays here. Our own bugs and cancellations pass through.
    """
    problem: str | None = None
    try:
        await act()
    except* LocalProtocolError:
        raise
    except* Exception as group:  # noqa: BLE001 - plugins and applications may raise anything; it stays in their call
        problem = describe(first_error(group))
        observe(Trouble(call, where, "failed", problem))
    return problem
