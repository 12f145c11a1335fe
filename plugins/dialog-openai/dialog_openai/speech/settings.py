"""Settings of text-to-speech."""

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
    lacks_key,
)

__all__ = ["FASTEST", "SLOWEST", "SpeechSettings"]

SLOWEST, FASTEST = 0.25, 4.0
RESERVED = frozenset(
    {"input", "instructions", "model", "response_format", "speed", "stream_format", "voice"}
)
"""Fields of a request that other settings or the reply decide."""


def check_options(
    _instance: object, _attribute: attrs.Attribute[Any], options: Mapping[str, Any]
) -> None:
    taken = sorted(RESERVED & options.keys())
    if taken:
        raise ValueError(
            f"must not hold {taken[0]!r}; it has a setting of its own or is not yours to set"
        )


@attrs.frozen
class SpeechSettings:
    """A voice: OpenAI's, or any compatible server's."""

    api_key: Secret | None = setting(default=None, check=check_key, help=KEY_HELP)
    url: str = setting(default=API_URL, check=check_url, help=URL_HELP)
    organization: str = setting(default="", help=ORGANIZATION_HELP)
    project: str = setting(default="", help=PROJECT_HELP)
    headers: Mapping[str, Secret] = setting(factory=dict, check=check_headers, help=HEADERS_HELP)

    model: str = setting(default="gpt-4o-mini-tts", check=check_model, help="the model that speaks")
    voice: str = setting(default="alloy", check=check_model, help="whose voice, such as marin")
    instructions: str = setting(
        default="", help="how to speak: accent, pace, mood; tts-1 models do not heed it"
    )
    speed: float | None = setting(
        default=None, at_least=SLOWEST, at_most=FASTEST, help="pace, 1 being the voice's own"
    )
    rate: int = setting(
        default=24_000,
        unit="Hz",
        at_least=8000,
        at_most=48_000,
        help="of the server's PCM; OpenAI has one rate only, compatible servers may have another",
    )
    options: Mapping[str, Any] = setting(
        factory=dict, check=check_options, help="further fields of the request, sent as they are"
    )
    ahead: int = setting(
        default=1,
        at_least=0,
        at_most=4,
        help="segments that are requested while one is still being received",
    )
    connect_timeout: float = setting(
        default=2.0, above=0, unit="s", help="time to connect; part of first_audio"
    )
    first_audio: float = setting(
        default=4.0, above=0, unit="s", help="time from a request to its first audio"
    )
    audio_gap: float = setting(
        default=3.0, above=0, unit="s", help="silence of the server that counts as dead"
    )
    retries: int = setting(
        default=1, at_least=0, at_most=5, help="further tries while no audio of a segment is out"
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
    def heeds_instructions(self) -> bool:
        """False for the models that ignore them in silence."""
        return not self.model.startswith("tts-1")

    def problems(self) -> Iterator[str]:
        """What is wrong between settings, one sentence each."""
        if lacks_key(self, self.url):
            yield "api_key is missing: set it"
        if self.instructions and not self.heeds_instructions:
            yield f"instructions have no effect with model {self.model!r}: use gpt-4o-mini-tts"
