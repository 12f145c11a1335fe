from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import attrs

from dialog_core.fields import Secret, setting

__all__ = ["BrowserSettings"]


def _origins(_settings: object, _attribute: object, value: Sequence[str]) -> None:
    for each in value:
        parts = urlsplit(each)
        plain = parts.scheme in {"http", "https"} and parts.hostname
        if not plain or each != f"{parts.scheme}://{parts.netloc}":
            raise ValueError(
                f"must be origins such as https://www.example.com, without a path, not {each!r}"
            )


@attrs.frozen
class BrowserSettings:
    """Who may talk from a web page, and what of theirs is taken.

    Unless `open` or `password` is set, only this machine may: the request comes from a loopback address, names a
    loopback host, and was not forwarded.
    """

    open: bool = setting(
        default=False, help="let anybody who reaches the page talk; each call costs you"
    )
    password: Secret = setting(
        default=Secret(""), help="let those in from elsewhere who know this, asked for by the page"
    )
    origins: tuple[str, ...] = setting(
        default=(),
        check=_origins,
        help="other sites whose pages may call, such as https://www.example.com",
    )
    rate: int = setting(
        default=16_000,
        unit="Hz",
        one_of=(8000, 16_000, 24_000),
        help="of the line: what recogniser and voice get and give, as 16-bit samples",
    )
    wrong_passwords: int = setting(
        default=10, at_least=1, help="wrong passwords a minute, of all visitors, before a pause"
    )
    start_wait: float = setting(
        default=5.0, unit="s", above=0, help="wait for the page's config message"
    )
    idle: float = setting(
        default=20.0,
        unit="s",
        above=0,
        help="silence of the page's socket, unmuted, that ends a call",
    )
    send_wait: float = setting(
        default=10.0, unit="s", above=0, help="wait for a page that does not read what it is sent"
    )
    ahead: float = setting(
        default=5.0, unit="s", above=0, help="audio that may come faster than time passes"
    )
    message_limit: int = setting(
        default=65_536, unit="bytes", at_least=4096, help="largest message taken from a page"
    )

    def __attrs_post_init__(self) -> None:
        if self.open and self.password:
            raise ValueError("open and password exclude each other: set one of them")
