"""Settings of the language model `openai`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from dialog_core.fields import Secret, setting

__all__ = ["RESERVED_HEADERS", "RESERVED_OPTIONS", "OpenAISettings"]

RESERVED_OPTIONS = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
    }
)
"""Fields of a request that other settings or the conversation decide."""

RESERVED_HEADERS = frozenset(
    {"accept", "accept-encoding", "content-length", "content-type", "host", "transfer-encoding"}
)
"""Headers that the session writes itself."""


def is_near(host: str) -> bool:
    """True for this machine and private networks, where plain HTTP is usual."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def check_url(_instance: object, _attribute: attrs.Attribute[str], url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"must be an http or https URL such as https://api.openai.com/v1, not {url!r}"
        )
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must hold no user, query or fragment; use api_key and headers")
    if parts.scheme == "http" and not is_near(parts.hostname):
        raise ValueError(
            f"must be https for {parts.hostname!r}; http is for this machine and private networks"
        )


def check_key(_instance: object, _attribute: attrs.Attribute[Any], key: Secret | None) -> None:
    if key is not None and not header_safe(key.reveal()):
        raise ValueError("must be printable ASCII text; leave it out if the server needs no key")


def check_model(_instance: object, _attribute: attrs.Attribute[str], model: str) -> None:
    if not model.strip():
        raise ValueError("must name a model, such as 'gpt-4.1-mini'")


def check_max_tokens(
    instance: OpenAISettings, _attribute: attrs.Attribute[int | None], value: int | None
) -> None:
    if value is not None and instance.max_completion_tokens is not None:
        raise ValueError("must not be set together with max_completion_tokens; keep one")


def check_options(
    _instance: object, _attribute: attrs.Attribute[Any], options: Mapping[str, Any]
) -> None:
    taken = sorted(RESERVED_OPTIONS & options.keys())
    if taken:
        raise ValueError(
            f"must not hold {taken[0]!r}; it has a setting of its own or is not yours to set"
        )


def check_headers(
    instance: OpenAISettings, _attribute: attrs.Attribute[Any], headers: Mapping[str, Secret]
) -> None:
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


@attrs.frozen
class OpenAISettings:
    """A language model that speaks Chat Completions: OpenAI's, or any compatible server's."""

    api_key: Secret | None = setting(
        default=None, check=check_key, help="API key; compatible servers may need none"
    )
    model: str = setting(default="gpt-4.1-mini", check=check_model, help="the model's name")
    url: str = setting(
        default="https://api.openai.com/v1",
        check=check_url,
        help="base URL of the API; http is for this machine and private networks",
    )
    organization: str = setting(
        default="", help="organization that is billed, where a key has several"
    )
    project: str = setting(default="", help="project that is billed, where a key has several")
    temperature: float | None = setting(
        default=None, at_least=0, at_most=2, help="randomness; unset leaves it to the server"
    )
    max_completion_tokens: int | None = setting(
        default=None, above=0, unit="tokens", help="length at which an answer is cut"
    )
    max_tokens: int | None = setting(
        default=None,
        above=0,
        unit="tokens",
        check=check_max_tokens,
        help="the same under its old name, for compatible servers that know no other",
    )
    tool_choice: str | None = setting(
        default=None, help="auto, none, required, or the name of the only tool the model may use"
    )
    parallel_tool_calls: bool | None = setting(
        default=None, help="whether an answer may call several tools; unset leaves it to the server"
    )
    include_usage: bool = setting(
        default=True, help="ask for token counts; some compatible servers refuse the question"
    )
    options: Mapping[str, Any] = setting(
        factory=dict,
        check=check_options,
        help="further fields of the request, such as reasoning_effort, sent as they are",
    )
    headers: Mapping[str, Secret] = setting(
        factory=dict, check=check_headers, help="further headers of the request"
    )
    connect_timeout: float = setting(
        default=2.0, above=0, unit="s", help="time to connect; part of first_token"
    )
    first_token: float = setting(
        default=2.5, above=0, unit="s", help="time from the request to the first token"
    )
    token_gap: float = setting(
        default=5.0, above=0, unit="s", help="silence between tokens that counts as dead"
    )
    retries: int = setting(
        default=1, at_least=0, at_most=5, help="further tries while nothing of the answer is out"
    )
    retry_wait: float = setting(
        default=1.0,
        at_least=0,
        unit="s",
        help="longest wait that a server may ask for before a retry",
    )
    coalesce: float = setting(
        default=0.010,
        at_least=0,
        at_most=0.1,
        unit="s",
        help="how long tokens that come fast may gather before they are read together; 0 turns it off",
    )
