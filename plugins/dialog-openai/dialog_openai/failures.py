"""What the server says when something fails, and whose fault that is (pure).

Source: OpenAI's API reference, "Error codes".
"""

from __future__ import annotations

import re

import msgspec

from dialog_core.errors import ProviderError, ProviderRejected, ProviderUnavailable

__all__ = ["FINAL_KINDS", "PROVIDER", "Failure", "as_failure", "failure_of", "refusal"]

PROVIDER = "openai"
LONGEST_MESSAGE = 300
KEYS = re.compile(r"\bsk-[\w*-]+")
"""Keys as OpenAI writes them, which its refusals repeat in part, and those of some other servers in full."""

FINAL_CLASSES = frozenset({3, 4})
"""First digits of statuses that say that the request, as it is, will not do."""
PASSING_STATUSES = frozenset({408, 409, 425, 429})
"""The 4xx that another try may mend."""
QUOTA = "insufficient_quota"
"""The code of a 429 that no waiting mends."""
FINAL_KINDS = frozenset(
    {
        QUOTA,
        "authentication_error",
        "context_length_exceeded",
        "invalid_api_key",
        "invalid_request_error",
        "model_not_found",
        "permission_error",
    }
)
"""Words in `type` or `code` of an error inside of a stream that another try cannot mend."""


class Failure(msgspec.Struct, frozen=True):
    """Why a request or a stream failed."""

    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of an HTTP error."""

    error: Failure | str | None = None
    message: str | None = None
    detail: str | None = None


ERROR_BODIES = msgspec.json.Decoder(ErrorBody)


def failure_of(body: bytes) -> Failure:
    """Read the body of an HTTP error; whatever it is, something comes back."""
    try:
        read = ERROR_BODIES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Failure()
    if read.error is None:
        return Failure(message=read.message or read.detail)
    return as_failure(read.error)


def as_failure(error: Failure | str) -> Failure:
    """Some compatible servers send a plain text."""
    return Failure(message=error) if isinstance(error, str) else error


def refusal(
    failure: Failure,
    *,
    stage: str,
    status: int | None = None,
    request_id: str | None = None,
) -> ProviderError:
    """The error to raise: rejected for credentials, quota and bad requests, else unavailable.

    stage: llm, stt or tts. status: of the HTTP response; None for an error inside of a stream.
    """
    kinds = {failure.type, None if failure.code is None else str(failure.code)}
    codes = " ".join(sorted(kind for kind in kinds if kind))
    message = KEYS.sub("sk-***", failure.message or "gave no reason")[:LONGEST_MESSAGE]
    final = QUOTA in kinds or is_final(status) if status else not kinds.isdisjoint(FINAL_KINDS)
    error = ProviderRejected if final else ProviderUnavailable
    text = f"{message} [{codes}]" if codes else message
    return error(PROVIDER, text, stage=stage, status=status, request_id=request_id)


def is_final(status: int) -> bool:
    """True for an HTTP status that another try cannot mend: redirects and most of 4xx."""
    return status // 100 in FINAL_CLASSES and status not in PASSING_STATUSES
