"""Settings of the language model `openai`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from dialog_core.fields import Secret, setting
from dialog_openai.account import (
    API_URL,
    HEADERS_HELP,
    KEY_HELP,
    ORGANIZATION_HELP,
    PROJECT_HELP,
    URL_HELP,
    check_headers,
    check_key,
    check_model,
    check_url,
)

__all__ = ["RESERVED_OPTIONS", "OpenAISettings"]

RESERVED_OPTIONS = frozenset(
    {
        "background",
        "conversation",
        "input",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning_effort",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
    }
)
"""Fields of a request that other settings or the conversation decide."""


def check_max_tokens(
    instance: OpenAISettings, _attribute: attrs.Attribute[int | None], value: int | None
) -> None:
    if value is not None and instance.max_completion_tokens is not None:
        raise ValueError("must not be set together with max_completion_tokens; keep one")


def check_effort(_instance: object, _attribute: attrs.Attribute[Any], effort: str | None) -> None:
    if effort is not None and not effort.strip():
        raise ValueError("must name an effort, such as 'low'; leave it out for the model's own")


def check_options(
    _instance: object, _attribute: attrs.Attribute[Any], options: Mapping[str, Any]
) -> None:
    taken = sorted(RESERVED_OPTIONS & options.keys())
    if taken:
        raise ValueError(
            f"must not hold {taken[0]!r}; it has a setting of its own or is not yours to set"
        )


@attrs.frozen
class OpenAISettings:
    """A language model over Chat Completions or Responses: OpenAI's, or any compatible server's."""

    api_key: Secret | None = setting(default=None, check=check_key, help=KEY_HELP)
    model: str = setting(default="gpt-4.1-mini", check=check_model, help="the model's name")
    url: str = setting(default=API_URL, check=check_url, help=URL_HELP)
    api: str = setting(
        default="chat",
        one_of=("chat", "responses"),
        help="which interface: chat for Chat Completions, which compatible servers have, or responses",
    )
    organization: str = setting(default="", help=ORGANIZATION_HELP)
    project: str = setting(default="", help=PROJECT_HELP)
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
    reasoning_effort: str | None = setting(
        default=None,
        check=check_effort,
        help="how long a reasoning model thinks, such as none, minimal, low, medium or high",
    )
    include_usage: bool = setting(
        default=True, help="ask for token counts; some compatible servers refuse the question"
    )
    options: Mapping[str, Any] = setting(
        factory=dict,
        check=check_options,
        help="further fields of the request, such as verbosity, sent as they are",
    )
    headers: Mapping[str, Secret] = setting(factory=dict, check=check_headers, help=HEADERS_HELP)
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
    gather: float = setting(
        default=0.100,
        at_least=0,
        at_most=0.5,
        unit="s",
        help="the same once a sentence of the answer is out, or half a second has streamed: the voice is far behind",
    )

    def __attrs_post_init__(self) -> None:
        problems = list(self.problems())
        if problems:
            raise ValueError("; ".join(problems))

    def problems(self) -> Iterator[str]:
        """What has no meaning in the chosen interface, one sentence each."""
        if self.api != "responses":
            return
        if self.max_tokens is not None:
            yield "max_tokens has no effect with api 'responses': use max_completion_tokens"
        if not self.include_usage:
            yield "include_usage has no effect with api 'responses', which always counts: leave it out"
