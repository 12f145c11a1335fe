"""The address and headers of a connection, from settings and the line's audio format.

Source: Deepgram's pages "Live Audio", "Flux Configuration", "Encoding", "Keyterm" and "Keywords".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_deepgram.settings import DeepgramSettings

__all__ = ["check_format", "headers", "listen_url"]

ENCODINGS = {Encoding.MULAW: "mulaw", Encoding.ALAW: "alaw", Encoding.PCM16: "linear16"}
FLUX_RATES = (8000, 16000, 24000, 44100, 48000)
UTTERANCE_END_MS = 1000
WEIGHT = re.compile(r":-?\d+(\.\d+)?$")

SWITCHES = (
    "vad_events",
    "smart_format",
    "punctuate",
    "dictation",
    "diarize",
    "detect_entities",
)
SHARED_SWITCHES = ("numerals", "profanity_filter", "mip_opt_out")
WORDS = ("language", "version", "diarize_model")
LISTS = ("keywords", "replace", "search", "extra")
SHARED_LISTS = ("redact", "tag")
FLUX_NUMBERS = ("eot_threshold", "eager_eot_threshold", "eot_timeout_ms")


def check_format(settings: DeepgramSettings, fmt: AudioFormat) -> None:
    """Refuse audio that the chosen model cannot take. Raises: SettingsError."""
    if settings.flux and fmt.rate not in FLUX_RATES:
        known = ", ".join(map(str, FLUX_RATES))
        what = f"{settings.model!r} takes audio at {known} Hz, and this line has {fmt.rate} Hz"
        raise SettingsError(SettingsProblem("stt.model", what))


def headers(settings: DeepgramSettings) -> dict[str, str]:
    """How the connection authenticates itself; nothing for a self-hosted server without keys."""
    if settings.api_key:
        return {"authorization": f"Token {settings.api_key.reveal()}"}
    if settings.token:
        return {"authorization": f"Bearer {settings.token.reveal()}"}
    return {}


def listen_url(settings: DeepgramSettings, fmt: AudioFormat) -> str:
    """The address to connect to, options included."""
    path, options = ("v2", flux_query(settings)) if settings.flux else ("v1", live_query(settings))
    query = [
        ("model", settings.model),
        ("encoding", ENCODINGS[fmt.encoding]),
        ("sample_rate", str(fmt.rate)),
        *shared_query(settings),
        *options,
    ]
    return f"{settings.url.rstrip('/')}/{path}/listen?{urlencode(query)}"


def shared_query(settings: DeepgramSettings) -> Iterator[tuple[str, str]]:
    """Options of both interfaces. A weight behind a keyterm would become part of the term, so it goes."""
    for term in settings.keyterms:
        yield "keyterm", WEIGHT.sub("", term)
    for hint in settings.language_hints:
        yield "language_hint", hint
    yield from switches(settings, SHARED_SWITCHES)
    yield from lists(settings, SHARED_LISTS)
    yield from settings.options.items()


def live_query(settings: DeepgramSettings) -> Iterator[tuple[str, str]]:
    """Options of v1. What is off by default at Deepgram is not mentioned."""
    yield "channels", "1"
    yield "interim_results", "true" if settings.interim_results else "false"
    yield "endpointing", str(settings.endpointing) if settings.endpointing else "false"
    gap = settings.utterance_end_ms
    if gap is None:
        gap = UTTERANCE_END_MS if settings.interim_results else 0
    if gap:
        yield "utterance_end_ms", str(gap)
    yield from switches(settings, SWITCHES)
    for name in WORDS:
        if getattr(settings, name) is not None:
            yield name, getattr(settings, name)
    yield from lists(settings, LISTS)


def flux_query(settings: DeepgramSettings) -> Iterator[tuple[str, str]]:
    """Options of v2."""
    for name in FLUX_NUMBERS:
        if getattr(settings, name) is not None:
            yield name, str(getattr(settings, name))


def switches(settings: DeepgramSettings, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The switches that are on; Deepgram reads lower case only."""
    return ((name, "true") for name in names if getattr(settings, name))


def lists(settings: DeepgramSettings, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Repeatable options, one pair an entry."""
    return ((name, entry) for name in names for entry in getattr(settings, name))
