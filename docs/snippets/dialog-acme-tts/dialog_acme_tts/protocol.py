"""Acme's request and answers, as values."""

from __future__ import annotations

from typing import Any

from dialog_core import AudioFormat, ProviderError, ProviderRejected, ProviderUnavailable

__all__ = ["PROVIDER", "body", "refusal", "unavailable"]

PROVIDER = "acme-tts"
COME_BACK_LATER = frozenset({408, 429})
SERVER_FAULT = 500


def body(text: str, voice: str, fmt: AudioFormat) -> dict[str, Any]:
    """What is asked for: a text in a voice, as raw audio in the line's own format."""
    return {"text": text, "voice": voice, "encoding": fmt.encoding.value, "rate": fmt.rate}


def refusal(status: int, request_id: str | None) -> ProviderError:
    """An HTTP status as an error: theirs for now, or ours to mend."""
    later = status >= SERVER_FAULT or status in COME_BACK_LATER
    kind = ProviderUnavailable if later else ProviderRejected
    return kind(PROVIDER, "refused", stage="tts", status=status, request_id=request_id)


def unavailable(message: str) -> ProviderUnavailable:
    """They cannot be reached, or say nothing."""
    return ProviderUnavailable(PROVIDER, message, stage="tts")
