"""Settings of speech-to-text by uploading phrases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from dialog_core.fields import Secret, setting
from dialog_core.language import primary
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
    lacks_key,
)

__all__ = ["TranscribeSettings"]

RESERVED = frozenset(
    {
        "file",
        "include",
        "include[]",
        "language",
        "model",
        "prompt",
        "response_format",
        "stream",
        "temperature",
        "timestamp_granularities",
        "timestamp_granularities[]",
    }
)
"""Fields of a request that other settings or the call decide."""


def check_options(
    _instance: object, _attribute: attrs.Attribute[Any], options: Mapping[str, str]
) -> None:
    taken = sorted(RESERVED & options.keys())
    if taken:
        raise ValueError(
            f"must not hold {taken[0]!r}; it has a setting of its own or is not yours to set"
        )


@attrs.frozen
class TranscribeSettings:
    """A recogniser of whole phrases: Whisper, gpt-4o-transcribe, or any compatible server's."""

    api_key: Secret | None = setting(default=None, check=check_key, help=KEY_HELP)
    url: str = setting(default=API_URL, check=check_url, help=URL_HELP)
    organization: str = setting(default="", help=ORGANIZATION_HELP)
    project: str = setting(default="", help=PROJECT_HELP)
    headers: Mapping[str, Secret] = setting(factory=dict, check=check_headers, help=HEADERS_HELP)

    model: str = setting(
        default="gpt-4o-mini-transcribe", check=check_model, help="the model that transcribes"
    )
    language: str | None = setting(
        default=None, spoken=primary, help="language of the caller, as an ISO 639-1 code"
    )
    prompt: str = setting(default="", help="what to expect: names, words, style")
    temperature: float | None = setting(
        default=None, at_least=0, at_most=1, help="randomness; unset leaves it to the server"
    )
    stream: bool | None = setting(
        default=None, help="have words sent as they are found; unset: where the model is a gpt-..."
    )
    word_times: bool = setting(
        default=False, help="ask for each word's time, which Whisper models know; then not streamed"
    )
    logprobs: bool = setting(
        default=False, help="ask how sure the model is of each transcript; gpt-4o models"
    )
    options: Mapping[str, str] = setting(
        factory=dict, check=check_options, help="further fields of the request, sent as they are"
    )

    pre_roll: float = setting(
        default=0.3, at_least=0, at_most=1.5, unit="s", help="audio before speech that is uploaded"
    )
    hang_over: float = setting(
        default=0.2, at_least=0, at_most=1.0, unit="s", help="audio after speech that is uploaded"
    )
    longest: float = setting(
        default=20.0, at_least=5, at_most=60, unit="s", help="speech after which a phrase is cut"
    )
    parallel: int = setting(
        default=2, at_least=1, at_most=8, help="phrases of a call that are transcribed at once"
    )
    connect_timeout: float = setting(
        default=2.0, above=0, unit="s", help="time to connect; part of deadline"
    )
    deadline: float = setting(
        default=6.0, above=0, unit="s", help="time from an upload to its whole transcript"
    )
    retries: int = setting(
        default=2, at_least=0, at_most=8, help="further tries of a phrase, each a little later"
    )
    retry_wait: float = setting(
        default=1.0,
        at_least=0,
        unit="s",
        help="longest wait that a server may ask for before a retry",
    )

    def __attrs_post_init__(self) -> None:
        problems = list(self.problems())
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def streams(self) -> bool:
        """Whether words are asked for as they are found."""
        if self.stream is None:
            return self.model.startswith("gpt-") and not self.word_times
        return self.stream

    def problems(self) -> Iterator[str]:
        """What is wrong between settings, one sentence each."""
        gpt = self.model.startswith("gpt-")
        if lacks_key(self, self.url):
            yield "api_key is missing: set it"
        if self.word_times and gpt:
            yield f"word_times have no effect with model {self.model!r}: use a Whisper model"
        if self.word_times and self.stream:
            yield "word_times and stream exclude each other: keep one"
        if self.logprobs and not gpt:
            yield f"logprobs have no effect with model {self.model!r}: use a gpt-4o model"
