"""What the fake server refuses at the handshake, as Deepgram does: credentials and options.

Source: Deepgram's pages "Errors", "Live Audio", "Flux Configuration", "Keyterm", "Keywords" and "Utterance End".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import attrs

from dialog_core.audio import AudioFormat, Encoding

__all__ = ["Options", "Refusal", "check"]

ENCODINGS = {"mulaw": Encoding.MULAW, "alaw": Encoding.ALAW, "linear16": Encoding.PCM16}
BOOLEANS = frozenset({"true", "false"})
LIVE_MODELS = re.compile(r"(nova(-[23])?|enhanced|base)(-[a-z]+)?")
FLUX_MODELS = re.compile(r"flux-general-(en|multi)")
FLUX_REDACTIONS = frozenset({"numbers", "aggressive_numbers"})
LISTS = frozenset(
    {"keyterm", "keywords", "language_hint", "redact", "replace", "search", "tag", "extra"}
)
SECONDS = 1000


@attrs.frozen
class Refusal:
    """Why there is no connection."""

    status: int
    code: str
    message: str


@attrs.frozen
class Options:
    """The options of an accepted connection that the fake heeds."""

    fmt: AudioFormat
    interim_results: bool = False
    endpointing: float | None = 0.01
    """Seconds; None when it is off."""
    utterance_end: float | None = None
    vad_events: bool = False
    eager: bool = False
    """Eager ends of turns are wanted."""


def boolean(text: str) -> str:
    return "" if text in BOOLEANS else "must be true or false, in lower case"


def whole(low: int, high: int) -> Callable[[str], str]:
    def judge(text: str) -> str:
        fits = text.isdecimal() and low <= int(text) <= high
        return "" if fits else f"must be a whole number from {low} to {high}"

    return judge


def share(low: float, high: float) -> Callable[[str], str]:
    def judge(text: str) -> str:
        try:
            return "" if low <= float(text) <= high else f"must be from {low} to {high}"
        except ValueError:
            return "must be a number"

    return judge


def silence(text: str) -> str:
    return "" if text in BOOLEANS or text.isdecimal() else "must be milliseconds or false"


def one_of(*known: str) -> Callable[[str], str]:
    def judge(text: str) -> str:
        return "" if text in known else f"must be one of {', '.join(known)}"

    return judge


def words(text: str) -> str:
    return "" if text.strip() else "must not be empty"


BOTH: Mapping[str, Callable[[str], str]] = {
    "model": words,
    "encoding": one_of(*ENCODINGS),
    "keyterm": words,
    "language_hint": words,
    "numerals": boolean,
    "profanity_filter": boolean,
    "mip_opt_out": boolean,
    "redact": words,
    "tag": words,
}
LIVE: Mapping[str, Callable[[str], str]] = {
    **BOTH,
    "sample_rate": whole(8000, 48000),
    "channels": one_of("1"),
    "language": words,
    "version": words,
    "interim_results": boolean,
    "endpointing": silence,
    "utterance_end_ms": whole(1000, 10000),
    "vad_events": boolean,
    "smart_format": boolean,
    "punctuate": boolean,
    "dictation": boolean,
    "diarize": boolean,
    "diarize_model": one_of("v1", "latest"),
    "detect_entities": boolean,
    "keywords": words,
    "replace": words,
    "search": words,
    "extra": words,
}
FLUX: Mapping[str, Callable[[str], str]] = {
    **BOTH,
    "sample_rate": one_of("8000", "16000", "24000", "44100", "48000"),
    "eot_threshold": share(0.5, 1.0),
    "eager_eot_threshold": share(0.3, 0.9),
    "eot_timeout_ms": whole(500, 60000),
}


def check(
    headers: Mapping[str, str], query: tuple[tuple[str, str], ...], *, key: str, flux: bool
) -> Options | Refusal:
    """Accept a handshake or refuse it. headers: names in lower case. key: the only valid key or token."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() not in {"token", "bearer"} or secret != key:
        return Refusal(401, "INVALID_AUTH", "Invalid credentials.")
    problem = next(problems(query, flux=flux), None)
    if problem is not None:
        return Refusal(400, "INVALID_QUERY_PARAMETER", problem)
    return chosen(dict(query))


def problems(query: tuple[tuple[str, str], ...], *, flux: bool) -> Iterator[str]:
    """What is wrong with the options."""
    known = FLUX if flux else LIVE
    for name, text in query:
        if name not in known:
            yield f"{name}: unknown parameter"
        elif fault := known[name](text):
            yield f"{name}: {fault}"
    options = dict(query)
    for name in ("model", "encoding", "sample_rate"):
        if name not in options:
            yield f"{name}: is required"
    model = options.get("model", "")
    if not (FLUX_MODELS if flux else LIVE_MODELS).fullmatch(model):
        yield f"model: {model} is not served here"
    names = [name for name, _ in query if name not in LISTS]
    if len(names) > len(set(names)):
        yield "an option was given twice"
    multilingual = model == "flux-general-multi" or options.get("language") == "multi"
    if "language_hint" in options and not (multilingual and model.startswith(("nova-3", "flux"))):
        yield "language_hint: not supported by this model and language"
    if flux and not {text for name, text in query if name == "redact"} <= FLUX_REDACTIONS:
        yield "redact: not supported by this model"
    if "keyterm" in options and not model.startswith(("nova-3", "flux")):
        yield "keyterm: not supported by this model"
    if "keywords" in options and model.startswith("nova-3"):
        yield "keywords: not supported by this model"
    if "utterance_end_ms" in options and options.get("interim_results") != "true":
        yield "utterance_end_ms: needs interim_results"


def chosen(options: Mapping[str, str]) -> Options:
    """The options in a form to act on."""
    pause = options.get("endpointing", "10")
    gap = options.get("utterance_end_ms")
    return Options(
        AudioFormat(ENCODINGS[options["encoding"]], int(options["sample_rate"])),
        interim_results=options.get("interim_results") == "true",
        endpointing=int(pause) / SECONDS if pause.isdecimal() else None,
        utterance_end=int(gap) / SECONDS if gap else None,
        vad_events=options.get("vad_events") == "true",
        eager="eager_eot_threshold" in options,
    )
