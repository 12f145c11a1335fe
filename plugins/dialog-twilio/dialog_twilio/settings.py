from __future__ import annotations

import re
from urllib.parse import urlsplit

import attrs

from dialog_core.fields import Secret, setting

__all__ = ["TwilioSettings"]

API_URL = "https://api.twilio.com"
ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")


def _account_sid(_settings: object, _attribute: object, value: str) -> None:
    if not ACCOUNT_SID.fullmatch(value):
        raise ValueError("must be AC and 32 hexadecimal digits, as the Twilio console shows it")


def _present(_settings: object, _attribute: object, value: Secret) -> None:
    if not value:
        raise ValueError("must not be empty: webhooks are checked with it")


def _base_url(_settings: object, _attribute: object, value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError(f"must be an http or https address, such as {API_URL}, not {value!r}")


@attrs.frozen
class TwilioSettings:
    """A Twilio account, and how calls of it are taken."""

    account_sid: str = setting(help="account whose numbers call us", check=_account_sid)
    auth_token: Secret = setting(
        help="primary auth token of the account; signs webhooks", check=_present
    )
    api_key: str = setting(default="", help="API key (SK...) for REST instead of the auth token")
    api_secret: Secret = setting(default=Secret(""), help="secret of the API key")
    webhook_key: Secret = setting(
        default=Secret(""), help="shared key of SHA-256 signatures; empty uses the auth token"
    )
    allow_unsigned: bool = setting(
        default=False, help="DANGER: takes webhooks and media from anybody, unchecked"
    )

    api_url: str = setting(default=API_URL, help="REST base address", check=_base_url)
    edge: str = setting(default="", help="Twilio edge of REST requests, such as dublin")
    region: str = setting(default="", help="Twilio region of the account, such as ie1")
    rest_timeout: float = setting(default=5.0, unit="s", above=0, help="wait for one REST answer")
    rest_deadline: float = setting(
        default=10.0, unit="s", above=0, help="wait for one operation with all its retries"
    )
    retries: int = setting(
        default=2, at_least=0, at_most=5, help="further tries of a refused REST request"
    )

    record: bool = setting(default=False, help="record every call from its answer, two channels")
    recording_callback: str = setting(
        default="", help="address for recording callbacks instead of ours; we then see none"
    )
    transcribe: bool = setting(default=False, help="let Twilio transcribe every call, both sides")
    transcription_engine: str = setting(default="deepgram", help="engine of Twilio's transcription")
    transcription_model: str = setting(
        default="nova-3", help="speech model of Twilio's transcription; empty lets Twilio choose"
    )
    transcription_language: str = setting(default="en-US", help="BCP-47 tag for the transcription")
    transcription_callback: str = setting(
        default="", help="address for transcription callbacks instead of ours; we then see none"
    )
    callback_wait: float = setting(
        default=10.0,
        unit="s",
        at_least=0,
        help="wait after the end of a call for callbacks that are still owed",
    )

    stream_name: str = setting(default="dialog", help="name of the media stream in Twilio's logs")
    answer_pause: int = setting(
        default=0, unit="s", at_least=0, at_most=60, help="silence before the stream, and greeting"
    )
    start_wait: float = setting(
        default=5.0, unit="s", above=0, help="wait for the start message on a media socket"
    )
    reconnect_wait: float = setting(
        default=30.0, unit="s", above=0, help="wait for the stream to return after sending digits"
    )
    busy_message: str = setting(
        default="", help="sentence for callers when there is no room; empty gives a busy tone"
    )
    transfer_caller_id: str = setting(
        default="", help="caller id shown to the target of a transfer; empty shows the caller's"
    )
    transfer_timeout: int = setting(
        default=30, unit="s", at_least=1, at_most=600, help="ringing at the target of a transfer"
    )

    dial_from: str = setting(
        default="", help="number of the account that calls of ours show; without it none are placed"
    )
    dial_timeout: int = setting(
        default=30, unit="s", at_least=5, at_most=600, help="ringing at whom we call"
    )

    def __attrs_post_init__(self) -> None:
        if bool(self.api_key) != bool(self.api_secret):
            raise ValueError("api_key and api_secret go together: set both or neither")
        if (self.edge or self.region) and self.api_url != API_URL:
            raise ValueError("edge and region choose the host of api_url: set them or api_url")

    @property
    def rest_url(self) -> str:
        """Base of all REST addresses, without a final slash.

        Region alone gives ``api.ie1.twilio.com``; an edge alone is in the region ``us1``.
        """
        if not (self.edge or self.region):
            return self.api_url.rstrip("/")
        places = [self.edge, self.region or "us1"] if self.edge else [self.region]
        return f"https://api.{'.'.join(places)}.twilio.com"

    @property
    def credentials(self) -> tuple[str, str]:
        """User name and password of REST requests. To be revealed at the socket only."""
        if self.api_key:
            return self.api_key, self.api_secret.reveal()
        return self.account_sid, self.auth_token.reveal()
