"""Twilio's signatures of webhooks and WebSocket upgrades.

What is signed is the exact address that Twilio asked for, and for a form POST every distinct name and value after it,
sorted, without separators and with blanks kept. The signer is inconsistent about default ports, so the address is
tried as it stands, without its port, and with the scheme's default port.

Source: Twilio docs, "Webhooks security" and "Media Streams Configuration"; package ``twilio``, ``request_validator``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs, urlsplit, urlunsplit

__all__ = [
    "ALGORITHMS",
    "SETTINGS_HEADER",
    "SIGNATURE_HEADER",
    "addresses",
    "algorithm_of",
    "body_matches",
    "is_signed",
    "sign",
]

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
"""Names the algorithm: ``key=<id>,algorithm=HMAC_SHA256``. Absent means HMAC_SHA1."""
ALGORITHMS: Mapping[str, str] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
DEFAULT_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}

Pairs = Iterable[tuple[str, str]]


def sign(key: str, url: str, pairs: Pairs = (), *, algorithm: str = "HMAC_SHA1") -> str:
    """The signature of a request.

    pairs: decoded names and values of a form, in any order. Raises: KeyError for an unknown algorithm.
    """
    data = url + "".join(name + value for name, value in sorted(set(pairs)))
    digest = hmac.new(key.encode(), data.encode(), ALGORITHMS[algorithm]).digest()
    return base64.b64encode(digest).decode("ascii")


def is_signed(
    key: str, url: str, pairs: Pairs, signature: str, *, algorithm: str = "HMAC_SHA1"
) -> bool:
    """Whether the signature fits the address, in any of its forms. Takes the same time for any wrong one."""
    if algorithm not in ALGORITHMS:
        return False
    try:
        forms = addresses(url)
    except ValueError:  # a Host header that is none: Twilio signs no such address
        return False
    known = tuple(pairs)
    given = signature.encode()
    fits = False
    for form in forms:
        expected = sign(key, form, known, algorithm=algorithm).encode()
        fits |= hmac.compare_digest(expected, given)
    return fits


def addresses(url: str) -> tuple[str, ...]:
    """The forms of an address that Twilio may have signed, as it stands first. Raises: ValueError if it is none."""
    parts = urlsplit(url)
    bare = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    hosts = [parts.netloc, bare, f"{bare}:{DEFAULT_PORTS.get(parts.scheme, 80)}"]
    return tuple(dict.fromkeys(urlunsplit(parts._replace(netloc=host)) for host in hosts))


def algorithm_of(header: str) -> str:
    """The algorithm that a settings header names, known or not; HMAC_SHA1 if it names none."""
    for part in header.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def body_matches(url: str, body: bytes) -> bool:
    """Whether a JSON body has the hash in the signed address; False if the address has none."""
    stated = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), stated.encode())
