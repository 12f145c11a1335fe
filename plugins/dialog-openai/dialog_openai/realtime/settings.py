"""Settings of speech-to-text over Realtime transcription sessions.

Who cuts the caller's audio into turns is `turn_detection`: the line's own voice detector ("none" for the vendor), the
vendor's silence detector, or its model of what was said. An option without a meaning there is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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

__all__ = ["RealtimeSettings"]

NONE, SERVER_VAD, SEMANTIC_VAD = "none", "server_vad", "semantic_vad"
ONLY_SERVER_VAD = ("threshold", "silence_duration_ms")
LIVE_MODELS = ("gpt-live-transcribe", "gpt-realtime-whisper")
"""Models that transcribe while the caller speaks, and leave the cutting to us."""
LISTING_MODELS = ("gpt-transcribe", "gpt-live-transcribe")
"""Models that take several languages, and keywords."""


def spoken_code(tag: str, settings: RealtimeSettings) -> str | None:
    """The agent's language as OpenAI writes it; None where the settings list languages."""
    return None if settings.languages else primary(tag, settings)


@attrs.frozen
class RealtimeSettings:
    """How to reach OpenAI's Realtime API, what to ask of it, and how patient to be."""

    api_key: Secret | None = setting(default=None, check=check_key, help=KEY_HELP)
    url: str = setting(default=API_URL, check=check_url, help=URL_HELP)
    organization: str = setting(default="", help=ORGANIZATION_HELP)
    project: str = setting(default="", help=PROJECT_HELP)
    headers: Mapping[str, Secret] = setting(factory=dict, check=check_headers, help=HEADERS_HELP)

    model: str = setting(
        default="gpt-4o-mini-transcribe", check=check_model, help="the model that transcribes"
    )
    language: str | None = setting(
        default=None, spoken=spoken_code, help="language of the caller, as an ISO 639-1 code"
    )
    languages: tuple[str, ...] = setting(
        default=(), help="languages to expect instead of one; for models that take several"
    )
    prompt: str = setting(
        default="", help="what to expect, in free text; names and words for whisper-1"
    )
    keywords: tuple[str, ...] = setting(
        default=(), help="words to expect; for models that take them"
    )
    delay: str | None = setting(
        default=None,
        one_of=("minimal", "low", "medium", "high", "xhigh"),
        help="how long gpt-realtime-whisper waits for context before it writes",
    )
    logprobs: bool = setting(default=False, help="ask how sure the model is of each transcript")

    turn_detection: str = setting(
        default=NONE,
        one_of=(NONE, SERVER_VAD, SEMANTIC_VAD),
        help="who cuts turns: none for the line's voice detector, server_vad or semantic_vad for OpenAI",
    )
    threshold: float | None = setting(
        default=None, unit="0..1", at_least=0, at_most=1, help="how loud speech must be; server_vad"
    )
    prefix_padding_ms: int | None = setting(
        default=None,
        unit="ms",
        at_least=0,
        at_most=1500,
        help="audio kept before speech; 300 if left out; not for semantic_vad",
    )
    silence_duration_ms: int | None = setting(
        default=None, unit="ms", at_least=0, help="silence that ends a turn; server_vad"
    )
    eagerness: str | None = setting(
        default=None,
        one_of=("low", "medium", "high", "auto"),
        help="how soon a turn counts as over: 8 s, 4 s or 2 s at most; semantic_vad",
    )
    noise_reduction: str | None = setting(
        default=None,
        one_of=("near_field", "far_field"),
        help="near_field for handsets and headsets, far_field for speakerphones and rooms",
    )
    voice_events: bool = setting(
        default=False, help="report OpenAI's voice detection; leave off if the line has its own"
    )

    connect_timeout: float = setting(
        default=5.0, unit="s", above=0, help="limit for TCP, TLS and upgrade together"
    )
    ready_timeout: float = setting(
        default=3.0, unit="s", above=0, help="limit for the server to accept the configuration"
    )
    settle_wait: float = setting(
        default=0.8,
        unit="s",
        above=0,
        at_most=5,
        help="how long the next words may take after the caller fell silent, before those known count",
    )
    first_result: float = setting(
        default=5.0, unit="s", above=0, help="committed speech without a result that means: dead"
    )
    longest: float = setting(
        default=30.0, unit="s", at_least=5, help="speech after which it is cut; turn_detection none"
    )
    replay: float = setting(
        default=10.0, unit="s", at_least=1, at_most=60, help="audio kept for a new connection"
    )
    renew: float = setting(
        default=3000.0,
        unit="s",
        at_least=10,
        help="age at which an idle connection is replaced; OpenAI closes one at 60 minutes",
    )
    reconnect_tries: int = setting(
        default=5, at_least=0, help="new connections in a row before giving up"
    )
    reconnect_window: float = setting(
        default=10.0,
        unit="s",
        above=0,
        help="limit for getting a connection back; one that lasts as long ends the row",
    )
    send_every: float = setting(
        default=0.06, unit="s", at_least=0.02, at_most=0.5, help="audio in one message"
    )

    def __attrs_post_init__(self) -> None:
        problems = [*self.problems(), *self.misplaced()]
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def manual(self) -> bool:
        """True when we cut turns, where the line's voice detector says."""
        return self.turn_detection == NONE

    @property
    def semantic(self) -> bool:
        """True when OpenAI decides that a turn is over, by what was said."""
        return self.turn_detection == SEMANTIC_VAD

    @property
    def lead(self) -> float:
        """Seconds of audio before speech that belong to it."""
        return 0.3 if self.prefix_padding_ms is None else self.prefix_padding_ms / 1000

    @property
    def tail(self) -> float:
        """Seconds of silence at the end of what OpenAI cuts; semantic_vad does not say how many."""
        if self.semantic:
            return 0.0
        return 0.5 if self.silence_duration_ms is None else self.silence_duration_ms / 1000

    def problems(self) -> Iterator[str]:
        """What is wrong between settings, one sentence each."""
        if lacks_key(self, self.url):
            yield "api_key is missing: set it"
        if self.reconnect_window <= max(self.first_result, self.ready_timeout):
            yield (
                "reconnect_window must be longer than first_result and ready_timeout, "
                "or a mute connection counts as good"
            )
        if self.language and self.languages:
            yield "language and languages exclude each other: keep one"
        if self.replay <= self.lead:
            yield "replay must be longer than prefix_padding_ms"

    def misplaced(self) -> Iterator[str]:
        """Options which the chosen model or way of cutting turns does not have."""
        if self.model.startswith(LIVE_MODELS) and not self.manual:
            yield f"model {self.model!r} detects no turns: set turn_detection to none"
        if not self.model.startswith(LISTING_MODELS):
            for name in ("languages", "keywords"):
                if getattr(self, name):
                    yield f"{name} need model {' or '.join(LISTING_MODELS)}, not {self.model!r}"
        if self.delay and not self.model.startswith("gpt-realtime-whisper"):
            yield f"delay needs model gpt-realtime-whisper, not {self.model!r}"
        if self.prompt and self.model.startswith("gpt-realtime-whisper"):
            yield f"prompt has no effect with model {self.model!r}: leave it out"
        for name in ONLY_SERVER_VAD:
            if getattr(self, name) is not None and self.turn_detection != SERVER_VAD:
                yield f"{name} has no effect with turn_detection {self.turn_detection!r}"
        if self.eagerness and not self.semantic:
            yield f"eagerness has no effect with turn_detection {self.turn_detection!r}"
        if self.prefix_padding_ms is not None and self.semantic:
            yield "prefix_padding_ms has no effect with turn_detection 'semantic_vad'"
        if self.voice_events and self.manual:
            yield "voice_events need turn_detection server_vad or semantic_vad"
