"""Settings of the server: its address, its limits, its TLS files."""

from __future__ import annotations

from pathlib import Path

import attrs

from dialog_core.fields import Secret, setting

__all__ = ["ServerSettings"]


@attrs.frozen
class ServerSettings:
    """The ``[server]`` table."""

    host: str = setting(default="127.0.0.1", help="address to listen on; 0.0.0.0 for all")
    port: int = setting(default=8080, at_least=0, at_most=65535, help="0 for any free one")
    public_url: str = setting(
        default="", help="how carriers reach us, such as https://voice.example.com"
    )
    trust_forwarded: bool = setting(default=False, help="believe forwarded headers of a proxy")
    tls_certificate: Path | None = setting(default=None, help="certificate chain in PEM")
    tls_key: Path | None = setting(default=None, help="its private key in PEM")
    calls: int = setting(default=100, at_least=1, help="calls at a time; more are refused politely")
    ticket_seconds: float = setting(default=30.0, unit="s", above=0, help="life of a call ticket")
    body_limit: int = setting(
        default=1_000_000, unit="bytes", at_least=1, help="largest webhook body"
    )
    frame_limit: int = setting(
        default=1_000_000, unit="bytes", at_least=1, help="largest socket message"
    )
    queue_limit: int = setting(default=256, at_least=1, help="waiting messages of a socket")
    drain: float = setting(
        default=30.0, unit="s", at_least=0, help="time for calls to end at a stop"
    )
    secret: Secret | None = setting(
        default=None, help="key that signs call tickets; None for a new one"
    )
