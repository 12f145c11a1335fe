from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ungrouped"]


@contextmanager
def ungrouped() -> Iterator[None]:
    """Let a lone error out of its exception groups.

    For context managers that keep a task group of their own: what the block raises should reach the caller as it is,
    not wrapped because of a task that the caller never saw. Several errors stay a group.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from error.__cause__
