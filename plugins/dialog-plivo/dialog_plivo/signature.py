"""Plivo's V3 signatures of webhooks and WebSocket upgrades.

Signed is the address, then what was posted, then a nonce that comes in a header::

    GET    base?query.nonce            query: decoded, sorted by name, joined with "&"; no "?" if there is none
    POST   base?query.fields.nonce     fields: name and value of each, sorted, without separators
                                       without a query: base?fields.nonce

A POST without fields is signed as a GET. The header may hold several signatures, one for each token that is valid. An
upgrade is signed as a GET of the media address with ``http`` in the place of ``wss``.

Source: Plivo docs, "Signature validation"; package ``plivo``, ``utils.signature_v3``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit, urlunsplit

__all__ = [
    "MAIN_SIGNATURE_HEADER",
    "NONCE_HEADER",
    "SIGNATURE_HEADER",
    "is_signed",
    "sign",
    "upgrade_addresses",
]

SIGNATURE_HEADER = "x-plivo-signature-v3"
"""Made with the token of the account, or subaccount, that owns the number."""
MAIN_SIGNATURE_HEADER = "x-plivo-signature-ma-v3"
"""Made with the token of the main account."""
NONCE_HEADER = "x-plivo-signature-v3-nonce"
SCHEMES = ("http", "https", "wss", "ws")
"""Of a signed upgrade; the first is what Plivo was seen to use."""

Pairs = Iterable[tuple[str, str]]


def sign(token: str, method: str, url: str, nonce: str, pairs: Pairs = ()) -> str:
    """The signature of a request.

    pairs: decoded names and values of a form, in any order; of a GET none, since its fields are in the address.
    """
    text = f"{_signed(method, url, sorted(pairs))}.{nonce}"
    digest = hmac.new(token.encode(), text.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def is_signed(
    token: str, method: str, url: str, nonce: str, signatures: str, pairs: Pairs = ()
) -> bool:
    """Whether one of the signatures in a header fits. Takes the same time for any wrong one."""
    try:
        expected = sign(token, method, url, nonce, pairs).encode()
    except ValueError:  # a Host header that is none: Plivo signs no such address
        return False
    fits = False
    for signature in signatures.split(","):
        fits |= hmac.compare_digest(expected, signature.strip().encode())
    return fits


def upgrade_addresses(url: str) -> tuple[str, ...]:
    """What an upgrade's signature may have been made of, the likeliest first. Raises: ValueError."""
    parts = urlsplit(url)
    return tuple(urlunsplit(parts._replace(scheme=scheme)) for scheme in SCHEMES)


def _signed(method: str, url: str, fields: list[tuple[str, str]]) -> str:
    parts = urlsplit(url)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    query = "&".join(
        f"{name}={value}" for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    if method == "GET" or not fields:
        return f"{base}?{query}" if query else base
    posted = "".join(name + value for name, value in fields)
    return f"{base}?{query}.{posted}" if query else f"{base}?{posted}"
