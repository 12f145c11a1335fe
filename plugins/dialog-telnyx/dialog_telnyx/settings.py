from __future__ import annotations

import binascii
import enum
from base64 import b64decode
from urllib.parse import urlsplit

import attrs

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.fields import Secret, setting

__all__ = ["Codec", "TelnyxSettings"]

API_URL = "https://api.telnyx.com/v2"
KEY_BYTES = 32


class Codec(enum.Enum):
    """What the media stream carries, both ways."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    L16 = "L16"

    @property
    def fmt(self) -> AudioFormat:
        """As audio of ours."""
        return FORMATS[self]


FORMATS = {
    Codec.PCMU: AudioFormat(Encoding.MULAW, 8000),
    Codec.PCMA: AudioFormat(Encoding.ALAW, 8000),
    Codec.L16: AudioFormat(Encoding.PCM16, 16000),
}


def _public_key(_settings: object, _attribute: object, value: str) -> None:
    try:
        size = len(b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if value and size != KEY_BYTES:
        raise ValueError("must be 32 bytes in base64, as the Telnyx portal shows the public key")


def _base_url(_settings: object, _attribute: object, value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError(f"must be an http or https address, such as {API_URL}, not {value!r}")


def _present(_settings: object, _attribute: object, value: Secret) -> None:
    if not value:
        raise ValueError("must not be empty: calls are answered with it")


@attrs.frozen
class TelnyxSettings:
    """A Telnyx account, and how calls of it are taken and placed."""

    api_key: Secret = setting(help="API key of the account; commands carry it", check=_present)
    public_key: str = setting(
        default="",
        help="public key of the account; webhooks are checked with it",
        check=_public_key,
    )
    allow_unsigned: bool = setting(
        default=False, help="DANGER: takes webhooks from anybody, unchecked"
    )
    tolerance: float = setting(
        default=300.0, unit="s", above=0, help="age of a signature beyond which it is refused"
    )
    connection_id: str = setting(
        default="",
        help="call control application; needed to place calls, refuses webhooks of others",
    )

    api_url: str = setting(default=API_URL, help="REST base address", check=_base_url)
    rest_timeout: float = setting(default=5.0, unit="s", above=0, help="wait for one REST answer")
    rest_deadline: float = setting(
        default=10.0, unit="s", above=0, help="wait for one command with all its retries"
    )
    retries: int = setting(
        default=2, at_least=0, at_most=5, help="further tries of a command that got no answer"
    )

    codec: Codec = setting(default=Codec.PCMU, help="audio of the media stream, both ways")
    big_endian: bool = setting(
        default=False, help="byte order of L16, which Telnyx does not document; try if all is noise"
    )
    start_wait: float = setting(
        default=5.0, unit="s", above=0, help="wait for the start message on a media socket"
    )
    record: bool = setting(default=False, help="record every call from its answer, two channels")
    transcribe: bool = setting(default=False, help="let Telnyx transcribe every call, both sides")
    transcription_engine: str = setting(
        default="Telnyx", help="engine of Telnyx's transcription, such as Deepgram"
    )
    callback_wait: float = setting(
        default=10.0,
        unit="s",
        at_least=0,
        help="wait after the end of a call for webhooks that are still owed",
    )

    transfer_caller_id: str = setting(
        default="", help="number shown to the target of a transfer; empty shows the called number"
    )
    transfer_timeout: int = setting(
        default=30, unit="s", at_least=5, at_most=600, help="ringing at the target of a transfer"
    )
    dial_from: str = setting(
        default="", help="number of the account that calls of ours show; without it none are placed"
    )
    dial_timeout: int = setting(
        default=30, unit="s", at_least=5, at_most=600, help="ringing at whom we call"
    )

    def __attrs_post_init__(self) -> None:
        if not self.public_key and not self.allow_unsigned:
            raise ValueError("public_key is missing: without it no webhook can be checked")
        if self.dial_from and not self.connection_id:
            raise ValueError("dial_from wants connection_id: calls are placed by an application")
