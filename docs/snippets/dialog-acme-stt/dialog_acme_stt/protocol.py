"""Acme's messages: text to values and back. Nothing here waits, so tests of it need no socket."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from dialog_core import AudioFormat, ProviderProtocolError, ProviderRejected, Transcript

__all__ = ["FLUSH", "PROVIDER", "parse", "url_for"]

PROVIDER = "acme-stt"
FLUSH = '{"type":"flush"}'
"""Asks for the final words of what was said so far; without any, the answer has no text."""


class Words(msgspec.Struct, frozen=True, tag_field="type", tag="words"):
    """What was recognised; times are seconds since the connection's first sample."""

    text: str
    final: bool
    start: float
    end: float


class Failed(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """Acme gives up on this connection."""

    message: str


DECODER = msgspec.json.Decoder(Words | Failed)


def url_for(url: str, fmt: AudioFormat, language: str | None) -> str:
    """The address with the stream's parameters."""
    query = {"encoding": fmt.encoding.value, "rate": fmt.rate, "language": language or "en"}
    return f"{url}?{urlencode(query)}"


def parse(message: str | bytes, *, offset: float) -> Transcript:
    """A message as a transcript. offset: call time of the connection's first sample, in seconds.

    Raises: ProviderRejected for an error of theirs; ProviderProtocolError for what is no message of theirs.
    """
    try:
        decoded = DECODER.decode(message)
    except msgspec.MsgspecError as error:
        raise ProviderProtocolError(PROVIDER, f"sent no message: {error}", stage="stt") from error
    if isinstance(decoded, Failed):
        raise ProviderRejected(PROVIDER, decoded.message, stage="stt")
    return Transcript(
        decoded.end + offset, decoded.text, decoded.final, started=decoded.start + offset
    )
