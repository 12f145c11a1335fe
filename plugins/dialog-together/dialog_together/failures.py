"""What Together's errors mean to the framework (pure).

Source: Together AI's API reference, "Realtime"; its error codes.
"""

from __future__ import annotations

import msgspec

from dialog_core.errors import (
    HandshakeRefused,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    SocketError,
)
from dialog_core.resilience.session import provider_error

__all__ = ["NAME", "Failure", "connect_error", "error_for", "unreadable"]

NAME = "together"
LONGEST = 300
LASTING = frozenset(
    {
        "authentication_error",
        "invalid_api_key",
        "invalid_request_error",
        "missing_api_key",
        "model_not_accessible",
        "model_not_available",
        "permission_error",
    }
)
"""Words in `type` or `code` of an error that no other try mends."""
UNSUPPORTED = "unsupported format"


class Failure(msgspec.Struct, frozen=True):
    """Why something failed."""

    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of an HTTP error."""

    error: Failure | str | None = None


def error_for(failure: Failure, *, stage: str, status: int | None = None) -> ProviderError:
    """The error to raise: rejected for credentials, models and requests, else unavailable."""
    words = {failure.type, str(failure.code or "")}
    text = (failure.message or "gave no reason")[:LONGEST]
    final = not words.isdisjoint(LASTING) or UNSUPPORTED in text.lower()
    kind = ProviderRejected if final else ProviderUnavailable
    codes = " ".join(sorted(word for word in words if word))
    return kind(NAME, f"{text} [{codes}]" if codes else text, stage=stage, status=status)


def connect_error(error: SocketError, *, stage: str) -> ProviderError:
    """Why there is no connection, in the vendor's words where it has some."""
    usual = provider_error(error, provider=NAME, stage=stage)
    if not isinstance(error, HandshakeRefused):
        return usual
    try:
        told = msgspec.json.decode(error.body, type=ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return usual
    reason = told.message if isinstance(told, Failure) else told
    if not reason:
        return usual
    return type(usual)(
        NAME, f"refused the connection: {reason[:LONGEST]}", stage=stage, status=error.status
    )


def unreadable(reason: str, *, stage: str) -> ProviderProtocolError:
    """A message that its protocol does not allow."""
    return ProviderProtocolError(NAME, reason, stage=stage)
