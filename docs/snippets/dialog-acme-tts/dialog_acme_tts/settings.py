"""What may be set of Acme's voices."""

from __future__ import annotations

import attrs

from dialog_core import Secret, setting

__all__ = ["AcmeSettings"]


@attrs.frozen
class AcmeSettings:
    """An Acme account, and a voice."""

    api_key: Secret = setting(help="API key of the account")
    url: str = setting(default="https://api.acme.example/v1/speak", help="address of the voices")
    voice: str = setting(default="alto", help="name of the voice")
    first_audio: float = setting(
        default=3.0, unit="s", above=0, help="wait for the first audio of a segment"
    )
