"""What carriers' REST interfaces answer; how often they are asked is in :mod:`dialog_core.carriers.patience`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

import anyio
import httpx
import msgspec

from dialog_core.carriers.patience import is_busy
from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)

__all__ = ["downloading", "fetch", "read_answer", "refused"]

T = TypeVar("T")
RECORDING_MOST_BYTES = 256 * 1024 * 1024
DOWNLOAD_SECONDS = 120.0
UNDONE = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers of a body's encoding, which httpx has taken off."""


def refused(
    carrier: str, what: str, *, status: int, request_id: str | None = None
) -> ProviderError:
    """The error for an answer that is not a success. what: in our words, since the carrier's may hold numbers."""
    kind = ProviderUnavailable if is_busy(status) else ProviderRejected
    return kind(carrier, what, stage="voip", status=status, request_id=request_id)


def read_answer(
    carrier: str, decode: Callable[[bytes], T], response: httpx.Response, *, lacks: str
) -> T:
    """An answer's body. lacks: the complaint if it cannot be read. Raises: ProviderProtocolError."""
    try:
        return decode(response.content)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ProviderProtocolError(carrier, lacks, stage="voip") from error


@contextmanager
def downloading(carrier: str) -> Iterator[None]:
    """Fetch a recording inside, in two minutes. Raises: ProviderUnavailable."""
    try:
        with anyio.fail_after(DOWNLOAD_SECONDS):
            yield
    except TimeoutError as error:
        message = f"a recording did not come in {DOWNLOAD_SECONDS:g} s"
        raise ProviderUnavailable(carrier, message, stage="voip") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = f"a recording was lost: {type(error).__name__}"
        raise ProviderUnavailable(carrier, message, stage="voip") from error


async def fetch(
    carrier: str,
    streamed: AbstractAsyncContextManager[httpx.Response],
    *,
    most: int = RECORDING_MOST_BYTES,
) -> httpx.Response:
    """The whole answer of a request that is streamed. most: bytes. Raises: ProviderProtocolError."""
    body = bytearray()
    async with streamed as response:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > most:
                message = f"a recording is over {most} bytes"
                raise ProviderProtocolError(carrier, message, stage="voip")
    headers = [(name, value) for name, value in response.headers.items() if name not in UNDONE]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body))
