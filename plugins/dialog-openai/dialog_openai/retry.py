"""Whether and when to ask again, from what the server said (pure).

Source: OpenAI's guide "Rate limits", and the headers that its client libraries obey.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from dialog_core.errors import ProviderError

__all__ = ["RETRY_SECONDS", "wait_before_retry"]

RETRY_SECONDS = 0.1
"""Wait before another try where the server asks for none."""


def wait_before_retry(
    error: ProviderError, headers: Mapping[str, str], *, now: float, longest: float
) -> float | None:
    """Seconds to wait before asking again; None if asking again is pointless or would take too long.

    headers: of the response, names in lower case. now: seconds since 1970. longest: what a caller can bear.
    """
    if not error.retryable or headers.get("x-should-retry") == "false":
        return None
    asked = asked_wait(headers, now)
    if asked is None:
        return RETRY_SECONDS
    return asked if asked <= longest else None


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """The wait that the server asks for, in seconds; None if it asks for none that we understand."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        number = number_in(headers.get(name, ""))
        if number is not None:
            return max(0.0, number * unit)
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - now)
    except (KeyError, ValueError):
        return None


def number_in(text: str) -> float | None:
    """A plain number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
