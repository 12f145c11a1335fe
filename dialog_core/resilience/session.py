"""Keep a conversation with a vendor going over a socket that may be lost.

A provider's session says how to connect and what to do on a socket; :func:`keep_open` does the rest::

    async def converse(socket: WebSocket) -> None:
        buffer.rewind()                        # what the lost socket may not have understood is sent again
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_audio, socket)
            tasks.start_soon(read_results, socket)

    await keep_open(
        lambda timeout: services.connect(url, headers=headers, timeout=timeout),
        converse,
        services=services,
        provider="deepgram",
        stage="stt",
    )

It returns when `converse` returns. A loss, wherever `converse` meets it, closes the socket and opens a new one after a
short wait. It gives up after `tries` new attempts in a row, or when none has succeeded within `window` seconds. A
conversation that lasted for a window starts the count afresh. A refusal is never tried again.
"""

from __future__ import annotations

import math
import random as chance
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import anyio
import attrs

from dialog_core.errors import (
    HandshakeRefused,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    SocketClosed,
    SocketError,
)
from dialog_core.factory import Services
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import WebSocket
from dialog_core.resilience.backoff import Backoff

__all__ = ["Patience", "keep_open", "provider_error"]

Open = Callable[[float], AbstractAsyncContextManager[WebSocket]]
Converse = Callable[[WebSocket], Awaitable[None]]

CONNECT_SECONDS = 10.0
CLIENT_FAULT = range(400, 500)
POLICY_VIOLATION = 1008
COME_BACK_LATER = frozenset({408, 425, 429})
REQUEST_IDS = ("x-request-id", "request-id", "dg-request-id")


@attrs.frozen
class Patience:
    """How long to try."""

    tries: int = attrs.field(default=3, validator=attrs.validators.ge(0))
    """New attempts in a row, after which the vendor counts as gone."""
    window: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    """Seconds from a loss by which a new socket must be open; also what counts as a stable conversation."""
    backoff: Backoff = attrs.field(factory=Backoff)


@attrs.define(eq=False)
class Streak:
    """Losses in a row, and whether they are too many. Times are the loop's."""

    patience: Patience
    losses: int = 0
    since: float = 0.0

    def lost(self, *, began: float, opened: float | None, now: float) -> None:
        """Count a loss: of the attempt that began then, and of the socket opened then, if one was."""
        lasted = opened is not None and now - opened >= self.patience.window
        if self.losses == 0 or lasted:
            self.losses = 0
            self.since = began if opened is None else now
        self.losses += 1

    def wait(self, now: float, random: Callable[[], float]) -> float | None:
        """Seconds to wait before the next attempt; None if there should be none."""
        wait = self.patience.backoff.wait(self.losses - 1, random)
        if self.losses > self.patience.tries or self.left(now) <= wait:
            return None
        return wait

    def left(self, now: float) -> float:
        """Seconds in which a new socket must open."""
        return self.since + self.patience.window - now if self.losses else math.inf


def provider_error(error: SocketError, *, provider: str, stage: str) -> ProviderError:
    """A socket's failure as its provider's: refused for good, or away."""
    match error:
        case HandshakeRefused(status=status, headers=headers):
            request = next((headers[name] for name in REQUEST_IDS if name in headers), None)
            final = status in CLIENT_FAULT and status not in COME_BACK_LATER
            kind = ProviderRejected if final else ProviderUnavailable
            return kind(provider, str(error), stage=stage, status=status, request_id=request)
        case SocketClosed(code=code):
            kind = ProviderRejected if code == POLICY_VIOLATION else ProviderUnavailable
            return kind(provider, str(error), stage=stage, status=code)
        case _:
            return ProviderUnavailable(provider, str(error), stage=stage)


async def keep_open(
    open_: Open,
    converse: Converse,
    *,
    services: Services,
    provider: str,
    stage: str,
    call: str = "",
    connect_timeout: float = CONNECT_SECONDS,
    patience: Patience | None = None,
    random: Callable[[], float] = chance.random,
) -> None:
    """Converse over one socket after another until `converse` returns.

    open_: is given the seconds that connecting may take: `connect_timeout`, or what is left of the window. Every loss
    is observed as a `Trouble`. `converse` may raise SocketError, or a ProviderError of its own, also in groups.

    Raises: ProviderRejected at once; ProviderUnavailable after losing patience.
    """
    clock = services.clock
    streak = Streak(patience or Patience())
    while True:
        began, opened = clock.monotonic(), None
        try:
            async with open_(min(connect_timeout, streak.left(began))) as socket:
                opened = clock.monotonic()
                return await converse(socket)
        except (SocketError, ProviderError, ExceptionGroup) as failure:
            error = understood(failure, provider=provider, stage=stage)
            now = clock.monotonic()
            streak.lost(began=began, opened=opened, now=now)
            wait = streak.wait(now, random)
            if wait is None or not error.retryable:
                raise final(error, streak.losses) from failure
        services.observe(Trouble(call, provider, "connection lost, trying again", str(error)))
        await anyio.sleep(wait)


def understood(
    failure: SocketError | ProviderError | ExceptionGroup[Exception], *, provider: str, stage: str
) -> ProviderError:
    """The gravest of what came together, as the provider's error. Anything else is not ours and is raised."""
    errors: list[ProviderError] = []
    for leaf in leaves(failure):
        match leaf:
            case ProviderError():
                errors.append(leaf)
            case SocketError():
                errors.append(provider_error(leaf, provider=provider, stage=stage))
            case _:
                raise failure
    return min(errors, key=lambda error: error.retryable)


def leaves(error: Exception) -> Iterator[Exception]:
    """The errors in a group of groups."""
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


def final(error: ProviderError, losses: int) -> ProviderError:
    """What is raised in the end; it tells the latest cause."""
    if not error.retryable:
        return error
    return ProviderUnavailable(
        error.provider,
        f"gave up after {losses} lost or failed connections in a row: {error.reason}",
        stage=error.stage,
        status=error.status,
        request_id=error.request_id,
    )
