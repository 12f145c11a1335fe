from __future__ import annotations

from base64 import b64encode

import attrs
from nacl.signing import SigningKey

from dialog_core.fields import Secret
from dialog_telnyx.settings import TelnyxSettings
from dialog_telnyx.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

__all__ = ["Account"]


@attrs.frozen
class Account:
    """A pretended Telnyx account: what both sides must know of it."""

    seed: bytes = bytes(range(32))
    """Of the key that signs webhooks."""
    api_key: str = "KEY0123_fake"
    connection_id: str = "1234567890"

    @property
    def public_key(self) -> str:
        """What the portal shows."""
        return b64encode(SigningKey(self.seed).verify_key.encode()).decode()

    def settings(self, **others: object) -> TelnyxSettings:
        """Settings of a plugin that takes this account's calls."""
        own: dict[str, object] = {
            "api_key": Secret(self.api_key),
            "public_key": self.public_key,
            "connection_id": self.connection_id,
        }
        return TelnyxSettings(**(own | others))  # type: ignore[arg-type]

    def sign(self, body: bytes, now: float) -> dict[str, str]:
        """Headers with the signature of a webhook. now: seconds since 1970."""
        timestamp = int(now)
        return {
            SIGNATURE_HEADER: sign(self.seed, body, timestamp),
            TIMESTAMP_HEADER: str(timestamp),
        }
