"""What all components of this plugin share: the settings of an account and its server, and the headers they make."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import attrs

from dialog_core.fields import Secret

__all__ = [
    "API_URL",
    "HEADERS_HELP",
    "KEY_HELP",
    "ORGANIZATION_HELP",
    "PROJECT_HELP",
    "RESERVED_HEADERS",
    "URL_HELP",
    "Account",
    "account_headers",
    "check_headers",
    "check_key",
    "check_model",
    "check_url",
    "lacks_key",
    "without_key",
]

API_URL = "https://api.openai.com/v1"

RESERVED_HEADERS = frozenset(
    {"accept", "accept-encoding", "content-length", "content-type", "host", "transfer-encoding"}
)
"""Headers that the sessions write themselves."""


class Account(Protocol):
    """Settings that every component has."""

    @property
    def api_key(self) -> Secret | None: ...

    @property
    def organization(self) -> str: ...

    @property
    def project(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, Secret]: ...


# --- settings ---------------------------------------------------------------------------------------------------------


KEY_HELP = "API key; compatible servers may need none"
URL_HELP = "base URL of the API; http is for this machine and private networks"
ORGANIZATION_HELP = "organization that is billed, where a key has several"
PROJECT_HELP = "project that is billed, where a key has several"
HEADERS_HELP = "further headers of the request"


def is_near(host: str) -> bool:
    """True for this machine and private networks, where plain HTTP is usual."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def check_url(_instance: object, _attribute: attrs.Attribute[str], url: str) -> None:
    """Refuse what is no base URL, and plain HTTP over the internet."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"must be an http or https URL such as {API_URL}, not {url!r}")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must hold no user, query or fragment; use api_key and headers")
    if parts.scheme == "http" and not is_near(parts.hostname):
        raise ValueError(
            f"must be https for {parts.hostname!r}; http is for this machine and private networks"
        )


def check_key(_instance: object, _attribute: attrs.Attribute[Any], key: Secret | None) -> None:
    """Refuse a key that cannot stand in a header."""
    if key is not None and not header_safe(key.reveal()):
        raise ValueError("must be printable ASCII text; leave it out if the server needs no key")


def check_headers(
    instance: Account, _attribute: attrs.Attribute[Any], headers: Mapping[str, Secret]
) -> None:
    """Refuse headers that the sessions write, and text that no header can hold."""
    for name, value in headers.items():
        if name.lower() in RESERVED_HEADERS:
            raise ValueError(f"must not hold {name!r}; the session writes it")
        if name.lower() == "authorization" and instance.api_key is not None:
            raise ValueError("must not hold 'authorization' beside api_key; keep one")
        if not header_safe(name) or not header_safe(value.reveal()):
            raise ValueError(f"must be printable ASCII text: {name!r}")


def header_safe(text: str) -> bool:
    """True for text that may stand in an HTTP header and is not empty."""
    return bool(text) and text.isascii() and text.isprintable()


def check_model(_instance: object, _attribute: attrs.Attribute[str], model: str) -> None:
    """Refuse an empty name."""
    if not model.strip():
        raise ValueError("must name a model, such as 'gpt-4.1-mini'")


def lacks_key(account: Account, url: str) -> bool:
    """True if OpenAI's own server would be asked without a key."""
    named = "authorization" in {name.lower() for name in account.headers}
    hosted = (urlsplit(url).hostname or "").endswith("openai.com")
    return hosted and account.api_key is None and not named


# --- on the wire ------------------------------------------------------------------------------------------------------


def account_headers(account: Account) -> dict[str, str]:
    """The headers that say who asks; beside :func:`without_key` the only place where secrets are revealed."""
    headers: dict[str, str] = {}
    if account.api_key is not None:
        headers["authorization"] = f"Bearer {account.api_key.reveal()}"
    if account.organization:
        headers["openai-organization"] = account.organization
    if account.project:
        headers["openai-project"] = account.project
    return headers | {name.lower(): value.reveal() for name, value in account.headers.items()}


def without_key(account: Account, body: bytes) -> bytes:
    """An error's body, which some servers repeat the key in."""
    key = account.api_key
    return body if key is None else body.replace(key.reveal().encode(), b"***")
