from __future__ import annotations

import re
from urllib.parse import urlsplit

import attrs

from dialog_core.fields import Secret, setting

__all__ = ["PlivoSettings"]

API_URL = "https://api.plivo.com"
MEDIA_URL = "https://media.plivo.com"
E164 = re.compile(r"\+[1-9][0-9]{1,14}")
AUTH_ID = re.compile(r"(MA|SA)[0-9A-Z]{18}")

LEAST_CANCELLATION = 60


def _auth_id(_settings: object, _attribute: object, value: str) -> None:
    if not AUTH_ID.fullmatch(value):
        raise ValueError(
            "must be MA or SA and 18 capital letters or digits, as the Plivo console shows it"
        )


def _present(_settings: object, _attribute: object, value: Secret) -> None:
    if not value:
        raise ValueError("must not be empty: webhooks are checked with it")


def _number(_settings: object, _attribute: object, value: str) -> None:
    if value and not E164.fullmatch(value):
        raise ValueError(f"must be an E.164 number, such as +15550001111, not {value!r}")


def _base_url(_settings: object, attribute: attrs.Attribute[str], value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError(f"must be an http or https address, such as {attribute.default}")


@attrs.frozen
class PlivoSettings:
    """A Plivo account, and how calls of it are taken."""

    auth_id: str = setting(help="account, or subaccount, that owns the numbers", check=_auth_id)
    auth_token: Secret = setting(
        help="auth token of that account; signs webhooks and REST requests", check=_present
    )
    main_auth_token: Secret = setting(
        default=Secret(""), help="token of the main account, if webhooks are to pass with it too"
    )
    check_media: bool = setting(
        default=True,
        help="wants Plivo's signature on media sockets too; without it their ticket alone counts",
    )
    allow_unsigned: bool = setting(
        default=False, help="DANGER: takes webhooks and media from anybody, unchecked"
    )

    api_url: str = setting(default=API_URL, help="REST base address", check=_base_url)
    media_url: str = setting(
        default=MEDIA_URL,
        help="where recordings are kept; no other host gets the credentials",
        check=_base_url,
    )
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
    recording_limit: int = setting(
        default=14_400, unit="s", at_least=1, help="longest recording; Plivo's own default is 60"
    )
    callback_wait: float = setting(
        default=10.0,
        unit="s",
        at_least=0,
        help="wait after the end of a call for callbacks that are still owed",
    )

    dial_from: str = setting(
        default="",
        help="number of the account that calls of ours show; without it none are placed",
        check=_number,
    )
    dial_timeout: int = setting(
        default=30, unit="s", at_least=5, at_most=600, help="ringing at whom we call"
    )
    dial_limit: int = setting(
        default=14_400, unit="s", at_least=1, help="longest call that we place; Plivo then ends it"
    )
    machine_detection: str = setting(
        default="",
        one_of=("", "true", "hangup"),
        help="answering machines on outbound calls: true tells in the metadata, hangup hangs up",
    )

    answer_pause: int = setting(
        default=0, unit="s", at_least=0, at_most=60, help="silence before the stream, and greeting"
    )
    noise_cancellation: int = setting(
        default=0, at_least=0, at_most=100, help="Plivo's own, 60 to 100; 0 is off"
    )
    start_wait: float = setting(
        default=5.0, unit="s", above=0, help="wait for the start message on a media socket"
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

    def __attrs_post_init__(self) -> None:
        if 0 < self.noise_cancellation < LEAST_CANCELLATION:
            raise ValueError("noise_cancellation must be 0, or 60 to 100")

    @property
    def credentials(self) -> tuple[str, str]:
        """User name and password of REST requests. To be revealed at the socket only."""
        return self.auth_id, self.auth_token.reveal()
