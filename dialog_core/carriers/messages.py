from __future__ import annotations

from collections.abc import Collection

import msgspec

from dialog_core.errors import ProviderProtocolError

__all__ = ["Unknown", "read_unknown", "unreadable"]


class Unknown(msgspec.Struct, frozen=True):
    """A message of a kind that we do not know; to be noted and skipped."""

    event: str


_decode = msgspec.json.Decoder(Unknown).decode


def read_unknown(
    carrier: str, text: str | bytes, error: Exception, *, kinds: Collection[str]
) -> Unknown:
    """What a message is that the carrier's decoder refused with `error`, if it is of none of the kinds it knows.

    Raises: ProviderProtocolError if it is of one of those, or is not JSON with an ``event``.
    """
    try:
        unknown = _decode(text)
    except (msgspec.DecodeError, UnicodeError):
        raise unreadable(carrier, f"a message cannot be read: {error}") from error
    if unknown.event in kinds:
        raise unreadable(carrier, f"a {unknown.event} message cannot be read: {error}") from error
    return unknown


def unreadable(carrier: str, message: str) -> ProviderProtocolError:
    """The carrier, or somebody in its place, broke the protocol."""
    return ProviderProtocolError(carrier, message, stage="voip")
