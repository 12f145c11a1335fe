from __future__ import annotations

import secrets
from collections.abc import Iterable

import attrs

from dialog_core.fields import Secret
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.signature import sign

__all__ = ["Account", "new_sid"]


def new_sid(prefix: str) -> str:
    """A fresh id as Twilio writes them: two letters and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


@attrs.frozen
class Account:
    """A pretended Twilio account: what both sides must know of it."""

    sid: str = "AC00000000000000000000000000000001"
    token: str = "twilio_fake_auth_token_0001"  # noqa: S105 - of an account that does not exist

    def settings(self, **others: object) -> TwilioSettings:
        """Settings of a plugin that takes this account's calls."""
        own: dict[str, object] = {"account_sid": self.sid, "auth_token": Secret(self.token)}
        return TwilioSettings(**(own | others))  # type: ignore[arg-type]

    def sign(self, url: str, fields: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
        """Headers with the signature of a request; `fields` are those of a form POST."""
        return {"X-Twilio-Signature": sign(self.token, url, fields)}
