"""What may be set of Acme's recogniser."""

from __future__ import annotations

import attrs

from dialog_core import Secret, setting
from dialog_core.language import primary

__all__ = ["AcmeSettings"]


@attrs.frozen
class AcmeSettings:
    """An Acme account, and how it is to listen."""

    api_key: Secret = setting(help="API key of the account")
    url: str = setting(default="wss://api.acme.example/v1/hear", help="address of the recogniser")
    language: str | None = setting(
        default=None, spoken=primary, help="language that is spoken, as an ISO 639-1 code"
    )
    send_every: float = setting(
        default=0.05, unit="s", above=0, at_most=0.5, help="audio put into one message"
    )
