from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable

import attrs

from dialog_core.fields import Secret
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.signature import sign

__all__ = ["Account", "new_uuid"]

NONCE_DIGITS = 10**20


def new_uuid() -> str:
    """A fresh id as Plivo writes them."""
    return str(uuid.uuid4())


@attrs.frozen
class Account:
    """A pretended Plivo account: what both sides must know of it."""

    auth_id: str = "MA000000000000000001"
    token: str = "plivo_fake_auth_token_0001"  # noqa: S105 - of an account that does not exist

    def settings(self, **others: object) -> PlivoSettings:
        """Settings of a plugin that takes this account's calls."""
        own: dict[str, object] = {"auth_id": self.auth_id, "auth_token": Secret(self.token)}
        return PlivoSettings(**(own | others))  # type: ignore[arg-type]

    def sign(self, method: str, url: str, fields: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
        """Headers with the signature of a request; `fields` are those of a form POST."""
        nonce = str(secrets.randbelow(NONCE_DIGITS))
        signature = sign(self.token, method, url, nonce, fields)
        return {
            "X-Plivo-Signature-V3": signature,
            "X-Plivo-Signature-Ma-V3": signature,
            "X-Plivo-Signature-V3-Nonce": nonce,
        }

    def sign_upgrade(self, url: str) -> dict[str, str]:
        """Headers of a WebSocket upgrade: signed is the ``http`` address, whatever the real scheme."""
        return self.sign("GET", "http" + url[url.index("://") :])
