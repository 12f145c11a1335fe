"""Settings of Deepgram's live transcription.

The model chooses the interface: ``flux-...`` is spoken to over v2, which decides itself when a turn ends; every other
model over v1. An option that its interface does not have is refused, since Deepgram would ignore it or close on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from dialog_core.fields import Secret, setting
from dialog_core.language import primary

__all__ = ["FLUX_ONLY", "LIVE_ONLY", "DeepgramSettings"]

LIVE_ONLY = (
    "language",
    "version",
    "interim_results",
    "endpointing",
    "utterance_end_ms",
    "vad_events",
    "smart_format",
    "punctuate",
    "dictation",
    "diarize",
    "diarize_model",
    "detect_entities",
    "keywords",
    "replace",
    "search",
    "extra",
    "keepalive",
    "finalize_wait",
)
"""Settings without a meaning for a Flux model."""

FLUX_ONLY = ("eot_threshold", "eager_eot_threshold", "eot_timeout_ms")
"""Settings without a meaning for any other model."""

REGIONS = frozenset(
    {
        "da-DK", "de-CH", "en-AU", "en-GB", "en-IN", "en-NZ", "en-US", "es-419", "fr-CA", "ko-KR", "nl-BE",
        "pt-BR", "pt-PT", "sv-SE", "th-TH", "zh-CN", "zh-HK", "zh-Hans", "zh-Hant", "zh-TW",
    }
)  # fmt: skip
"""Tags with a region that Deepgram lists; of any other the language alone is sent."""

RESERVED = frozenset(
    {"channels", "encoding", "keyterm", "language_hint", "multichannel", "sample_rate"}
)
"""Options that the session itself writes."""

FLUX_REDACTIONS = frozenset({"numbers", "aggressive_numbers"})
MOST_KEYWORDS = 100


def is_websocket(_settings: Any, _attribute: attrs.Attribute[Any], value: str) -> None:
    """Accept the address of a WebSocket server."""
    parts = urlsplit(value)
    if parts.scheme not in {"ws", "wss"} or not parts.netloc:
        raise ValueError(f"must begin with ws:// or wss:// and name a host, not {value!r}")
    if parts.query or parts.fragment:
        raise ValueError(
            f"must end before the query: options have settings of their own, not {value!r}"
        )


def no_blanks(_settings: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """Refuse empty entries, which Deepgram refuses too."""
    if any(not entry.strip() for entry in value):
        raise ValueError(f"{attribute.name} has an empty entry; leave it out")


def free_names(
    settings: DeepgramSettings, _attribute: attrs.Attribute[Any], value: Mapping[str, str]
) -> None:
    """Refuse options that have a setting of their own, or belong to the session."""
    taken = sorted(value.keys() & ({*attrs.fields_dict(type(settings))} | RESERVED))
    if taken:
        raise ValueError(f"may not hold {', '.join(taken)}: use the setting, if there is one")


def spoken_tag(tag: str, settings: DeepgramSettings) -> str | None:
    """The agent's language as Deepgram writes it; None for Flux, whose models hold their languages in their names."""
    if not settings.flux:
        return tag if tag in REGIONS else primary(tag, settings)
    if settings.model.endswith("-en") and primary(tag, settings) != "en":
        raise ValueError(f"model {settings.model!r} hears English only, and the agent speaks {tag}")
    return None


@attrs.frozen
class DeepgramSettings:
    """How to reach Deepgram, what to ask of it, and how patient to be."""

    api_key: Secret | None = setting(default=None, help="API key of a Deepgram project")
    token: Secret | None = setting(default=None, help="short-lived access token, instead of a key")
    url: str = setting(
        default="wss://api.deepgram.com",
        check=is_websocket,
        help="base address, without /v1/listen; ws:// for a self-hosted server",
    )

    model: str = setting(default="nova-3", help="model; flux-... takes turns itself")
    version: str | None = setting(default=None, help="version of the model; the newest if left out")
    language: str | None = setting(
        default=None, spoken=spoken_tag, help="language as a BCP-47 tag, or multi"
    )
    language_hints: tuple[str, ...] = setting(
        default=(), check=no_blanks, help="expected languages, for a multilingual model"
    )
    interim_results: bool = setting(default=True, help="transcribe while the caller speaks")
    endpointing: int = setting(
        default=300, unit="ms", at_least=0, help="silence that ends an utterance; 0 switches it off"
    )
    utterance_end_ms: int | None = setting(
        default=None,
        unit="ms",
        help="gap between words that ends an utterance; 0 switches it off; 1000 with interim results",
    )
    vad_events: bool = setting(default=True, help="ask for Deepgram's own voice detection")
    smart_format: bool = setting(
        default=False, help="format numbers, dates and the like; may delay"
    )
    punctuate: bool = setting(default=True, help="punctuation and capitals")
    numerals: bool = setting(default=False, help="digits for spoken numbers")
    dictation: bool = setting(default=False, help="obey spoken punctuation")
    profanity_filter: bool = setting(default=False, help="mask profanity")
    diarize: bool = setting(default=False, help="number the speakers; older name of diarize_model")
    diarize_model: str | None = setting(
        default=None, one_of=("v1", "latest"), help="number the speakers with this model"
    )
    detect_entities: bool = setting(default=False, help="look for names, numbers and places")
    keyterms: tuple[str, ...] = setting(
        default=(), check=no_blanks, help="terms to expect, for Nova-3 and Flux"
    )
    keywords: tuple[str, ...] = setting(
        default=(), check=no_blanks, help="words to expect, word or word:weight, for older models"
    )
    redact: tuple[str, ...] = setting(
        default=(), check=no_blanks, help="what to leave out: pci, ssn, numbers, aggressive_numbers"
    )
    replace: tuple[str, ...] = setting(default=(), check=no_blanks, help="find:replacement")
    search: tuple[str, ...] = setting(default=(), check=no_blanks, help="phrases to look for")
    tag: tuple[str, ...] = setting(default=(), check=no_blanks, help="labels for usage reports")
    extra: tuple[str, ...] = setting(default=(), check=no_blanks, help="key:value, returned as is")
    mip_opt_out: bool = setting(default=False, help="keep audio out of model improvement")
    options: Mapping[str, str] = setting(
        factory=dict, check=free_names, help="further options of the connection, sent as they are"
    )

    eot_threshold: float | None = setting(
        default=None, unit="0..1", at_least=0.5, at_most=1.0, help="confidence that ends a turn"
    )
    eager_eot_threshold: float | None = setting(
        default=None, unit="0..1", at_least=0.3, at_most=0.9, help="confidence of an eager guess"
    )
    eot_timeout_ms: int | None = setting(
        default=None, unit="ms", at_least=500, at_most=60000, help="silence that ends any turn"
    )

    voice_events: bool = setting(
        default=False, help="report Deepgram's voice detection; leave off if the line has its own"
    )
    connect_timeout: float = setting(
        default=10.0, unit="s", above=0, help="limit for TCP, TLS and upgrade together"
    )
    keepalive: float = setting(
        default=4.0, unit="s", above=0, at_most=8, help="silence on the socket before a KeepAlive"
    )
    finalize_wait: float = setting(
        default=0.2,
        unit="s",
        above=0,
        at_most=2,
        help="how long settled words are waited for when the caller falls silent",
    )
    first_result: float = setting(
        default=5.0, unit="s", above=0, help="heard speech without any result that means: dead"
    )
    replay: float = setting(
        default=2.0, unit="s", at_least=0.2, at_most=10, help="audio kept for a new connection"
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
    reconnect_first: float = setting(
        default=0.1, unit="s", above=0, help="wait before the first new connection; doubles"
    )
    reconnect_most: float = setting(
        default=5.0, unit="s", above=0, help="longest wait between connections"
    )
    send_every: float = setting(
        default=0.1,
        unit="s",
        at_least=0.02,
        at_most=0.25,
        help="audio in one message; twice as much while the caller is silent",
    )

    def __attrs_post_init__(self) -> None:
        problems = list(self.problems())
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def flux(self) -> bool:
        """True when the model is spoken to over v2."""
        return self.model.startswith("flux")

    def problems(self) -> Iterator[str]:
        """What is wrong between settings, one sentence each."""
        if self.api_key and self.token:
            yield "api_key and token exclude each other: keep one"
        hosted = (urlsplit(self.url).hostname or "").endswith("deepgram.com")
        if hosted and not self.api_key and not self.token:
            yield "api_key is missing: set it, or token"
        if self.reconnect_window <= self.first_result:
            yield "reconnect_window must be longer than first_result, or a mute connection counts as good"
        yield from self.misplaced()
        yield from self.flux_problems() if self.flux else self.live_problems()

    def misplaced(self) -> Iterator[str]:
        """Options which the chosen interface does not have."""
        fields = attrs.fields_dict(DeepgramSettings)
        for name in LIVE_ONLY if self.flux else FLUX_ONLY:
            if getattr(self, name) != fields[name].default:
                instead = "a Nova model" if self.flux else "a flux model"
                yield f"{name} has no effect with model {self.model!r}: leave it out, or use {instead}"

    def flux_problems(self) -> Iterator[str]:
        """What is wrong with options of v2."""
        odd = sorted(set(self.redact) - FLUX_REDACTIONS)
        if odd:
            allowed = ", ".join(sorted(FLUX_REDACTIONS))
            yield f"redact with model {self.model!r} takes {allowed}, not {', '.join(odd)}"
        if self.language_hints and not self.model.endswith("-multi"):
            yield f"language_hints need model 'flux-general-multi', not {self.model!r}"

    def live_problems(self) -> Iterator[str]:
        """What is wrong with options of v1."""
        nova3 = self.model.startswith("nova-3")
        if self.keywords and nova3:
            yield f"keywords have no effect with model {self.model!r}: use keyterms"
        if self.keyterms and not nova3:
            yield f"keyterms have no effect with model {self.model!r}: use keywords"
        if len(self.keywords) > MOST_KEYWORDS:
            yield f"keywords may be {MOST_KEYWORDS} at most, not {len(self.keywords)}"
        if self.utterance_end_ms and not self.interim_results:
            yield "utterance_end_ms needs interim_results: switch them on, or set it to 0"
        if self.utterance_end_ms and self.utterance_end_ms < 1000:  # noqa: PLR2004 - the vendor's limit
            yield f"utterance_end_ms must be 0 or at least 1000, not {self.utterance_end_ms}"
        if self.diarize and self.diarize_model:
            yield "diarize and diarize_model exclude each other: keep diarize_model"
        if self.language_hints and not (nova3 and self.language == "multi"):
            yield "language_hints need a nova-3 model and language 'multi'"
