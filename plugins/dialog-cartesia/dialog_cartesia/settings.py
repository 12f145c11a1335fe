from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from dialog_core.fields import Secret, setting
from dialog_core.language import primary

__all__ = ["FASTEST", "RESERVED", "SLOWEST", "CartesiaSettings"]

SLOWEST, FASTEST = 0.6, 1.5
"""Pace of speech that the vendor takes."""

RESERVED = frozenset(
    {
        "add_timestamps",
        "cancel",
        "context_id",
        "continue",
        "flush",
        "generation_config",
        "language",
        "max_buffer_delay_ms",
        "model_id",
        "output_format",
        "pronunciation_dict_id",
        "transcript",
        "voice",
    }
)
"""Names of the request that `options` may not use: they have settings of their own, or belong to the session."""

PLAIN_VENDOR = re.compile(r"ws://([^/]*\.)?cartesia\.ai(:\d+)?(/|$)")
VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")


def filled(_settings: object, _attribute: attrs.Attribute[Any], value: Any) -> None:
    """Refuse an empty text or secret."""
    if not value:
        raise ValueError("must not be empty")


def socket_url(_settings: object, _attribute: attrs.Attribute[Any], value: str) -> None:
    """Refuse what is not a WebSocket URL, and the vendor's own host without TLS: it may revoke such a key."""
    if not value.startswith(("ws://", "wss://")):
        raise ValueError(f"must begin with wss:// or ws://, not {value!r}")
    if PLAIN_VENDOR.match(value):
        raise ValueError(f"must use wss:// for the vendor's own host, not {value!r}")


def version_date(_settings: object, _attribute: attrs.Attribute[Any], value: str) -> None:
    """Refuse what is not a date."""
    if VERSION.fullmatch(value) is None:
        raise ValueError(f"must be a date such as 2026-03-01, not {value!r}")


def only_sonic_3(settings: CartesiaSettings, _attribute: object, value: object) -> None:
    """Refuse a control that older models would ignore in silence."""
    if value is not None and not settings.is_sonic_3:
        raise ValueError(f"needs model sonic-3 or later, not {settings.model!r}")


def free_names(_settings: object, _attribute: object, value: Mapping[str, Any]) -> None:
    """Refuse options that would override what the session relies on."""
    taken = sorted(RESERVED & value.keys())
    if taken:
        raise ValueError(
            f"may not hold {', '.join(taken)}: use the setting of its own, if there is one"
        )


@attrs.frozen
class CartesiaSettings:
    """Settings of the ``cartesia`` text-to-speech."""

    api_key: Secret = setting(check=filled, help="API key of a Cartesia account")
    voice: str = setting(check=filled, help="id of the voice that speaks")
    model: str = setting(default="sonic-3", check=filled, help="model that synthesises")
    language: str | None = setting(
        default=None, spoken=primary, help="language of the text, as an ISO 639-1 code"
    )
    speed: float | None = setting(
        default=None,
        at_least=SLOWEST,
        at_most=FASTEST,
        check=only_sonic_3,
        help="pace of speech, 1 being the voice's own; sonic-3 and later",
    )
    volume: float | None = setting(
        default=None,
        at_least=0.5,
        at_most=2.0,
        check=only_sonic_3,
        help="loudness, 1 being the voice's own; sonic-3 and later",
    )
    emotion: str | None = setting(
        default=None, check=only_sonic_3, help="mood of the voice, such as calm; sonic-3 and later"
    )
    pronunciation_dict_id: str | None = setting(
        default=None,
        check=only_sonic_3,
        help="id of a pronunciation dictionary; sonic-3 and later",
    )
    timestamps: bool = setting(
        default=True, help="ask for word times, to know what a caller heard before interrupting"
    )
    max_buffer_delay_ms: int = setting(
        default=0,
        unit="ms",
        at_least=0,
        at_most=5000,
        help="how long the vendor may wait for more text; segments come whole, so 0",
    )
    options: Mapping[str, Any] = setting(
        factory=dict, check=free_names, help="more fields of the vendor's generation request"
    )
    url: str = setting(
        default="wss://api.cartesia.ai", check=socket_url, help="base URL of the vendor's sockets"
    )
    version: str = setting(
        default="2026-03-01", check=version_date, help="API version; it decides the message shapes"
    )
    headers: Mapping[str, str] = setting(
        factory=dict, help="headers of the handshake, before those the plugin sets itself"
    )
    connect_timeout: float = setting(
        default=10.0, unit="s", above=0, help="limit for connecting the shared socket"
    )
    first_audio: float = setting(
        default=4.0, unit="s", above=0, help="longest wait for the first or the next audio"
    )
    finish_timeout: float = setting(
        default=2.0,
        unit="s",
        above=0,
        help="silence of the vendor after the last text, once audio came, that counts as its end",
    )
    idle: float = setting(
        default=240.0,
        unit="s",
        above=0,
        help="age without use at which the socket is replaced; the vendor closes it at 300 s",
    )
    contexts: int = setting(
        default=15, at_least=1, help="replies synthesised at once by this process; the plan's limit"
    )
    queue: int = setting(default=64, at_least=0, help="replies that may wait for a free context")
    queue_timeout: float = setting(
        default=3.0, unit="s", above=0, help="longest wait for a free context"
    )
    buffer: float = setting(
        default=30.0, unit="s", above=0, help="audio kept for one reply until the line takes it"
    )

    @property
    def is_sonic_3(self) -> bool:
        """True for the models that take a generation config and a pronunciation dictionary."""
        return self.model.startswith("sonic-3") or self.model == "sonic-latest"
