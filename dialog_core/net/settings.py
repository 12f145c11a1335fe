from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from dialog_core.fields import Secret, setting

__all__ = ["ServerSettings"]

MIN_KEY = 32


def public_url(_instance: object, _attribute: attrs.Attribute[str], value: str) -> None:
    """Validator: empty, or an address that a path can be added to."""
    if not value:
        return
    try:
        parts = urlsplit(value)
        well_formed = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError(f"must look like https://voice.example.com, not {value!r}")
    if value.endswith("/") or parts.query or parts.fragment or parts.username:
        raise ValueError(f"must end with a host or a path, without a slash or query, not {value!r}")


def readable_file(_instance: object, _attribute: attrs.Attribute[Any], value: str) -> None:
    """Validator: empty, or the path of a file."""
    if value and not Path(value).is_file():
        raise ValueError(f"must be a file that exists, not {value!r}")


def long_enough(_instance: object, _attribute: attrs.Attribute[Any], value: Secret) -> None:
    """Validator: a signing key that cannot be guessed."""
    if value is not None and len(value.reveal()) < MIN_KEY:
        raise ValueError(f"must be at least {MIN_KEY} characters long")


@attrs.frozen
class ServerSettings:
    """Where calls arrive, how many, and how large what arrives may be."""

    host: str = setting(default="127.0.0.1", help="address to listen on; 0.0.0.0 for all")
    port: int = setting(default=8080, at_least=0, at_most=65_535, help="port to listen on")
    public_url: str = setting(
        default="",
        check=public_url,
        help="how carriers reach this server, such as https://voice.example.com; "
        "empty to take it from each request",
    )
    trust_forwarded: bool = setting(
        default=False,
        help="believe X-Forwarded-Proto and X-Forwarded-Host; only behind a proxy that sets them",
    )
    tls_certificate: str = setting(
        default="", check=readable_file, help="certificate chain (PEM), if no proxy does TLS"
    )
    tls_key: str = setting(default="", check=readable_file, help="its private key (PEM)")
    calls: int = setting(default=120, at_least=1, help="calls at once in this process")
    ticket_seconds: float = setting(
        default=60.0, unit="s", above=0, help="time from webhook to media socket"
    )
    secret: Secret | None = setting(
        default=None,
        check=long_enough,
        help="key that signs tickets; the same in all processes behind one address",
    )
    body_limit: int = setting(
        default=1_000_000, unit="bytes", at_least=1, help="largest webhook body"
    )
    frame_limit: int = setting(
        default=65_536, unit="bytes", at_least=1024, help="largest message on a media socket"
    )
    queue_limit: int = setting(
        default=32, at_least=1, help="messages of one media socket that may wait to be read"
    )
    frames_together: int = setting(
        default=6,
        at_least=1,
        at_most=8,
        help="frames of a caller that are read at once at the most, while many calls are up (one more for each 20 "
        "calls; Linux, without TLS): a quarter less processor time for 40 ms until an interruption is noticed; "
        "1 for never",
    )
    drain: float = setting(
        default=30.0, unit="s", at_least=0, help="time for live calls to end when stopping"
    )

    def __attrs_post_init__(self) -> None:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key must be given both, or neither")
