from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from dialog_core.fields import Secret, setting
from dialog_core.language import primary

__all__ = ["CONTEXTS_PER_SOCKET", "MOODS", "RANGES", "RESERVED_QUERY", "ElevenLabsSettings"]

RANGES = {
    "stability": (0.0, 1.0),
    "similarity_boost": (0.0, 1.0),
    "style": (0.0, 1.0),
    "speed": (0.7, 1.2),
}
"""What the vendor takes of each number among its voice settings."""
MOODS: Mapping[str, Mapping[str, float]] = {
    "calm": {"stability": 0.8, "style": 0.0},
    "cheerful": {"stability": 0.35, "style": 0.4},
    "excited": {"stability": 0.25, "style": 0.7},
    "serious": {"stability": 0.9, "style": 0.1},
    "sympathetic": {"stability": 0.5, "style": 0.25},
}
CONTEXTS_PER_SOCKET = 5
"""The vendor's own limit."""
RESERVED_QUERY = frozenset(
    {
        "apply_text_normalization",
        "auto_mode",
        "enable_logging",
        "enable_ssml_parsing",
        "inactivity_timeout",
        "language_code",
        "model_id",
        "output_format",
        "seed",
        "sync_alignment",
    }
)
"""Parameters of the address that have settings of their own, or belong to the session."""
CHUNK_LENGTHS = range(50, 501)
LANGUAGE = re.compile(r"[a-z]{2}")
SOCKETLESS = re.compile(r"eleven_v3")
"""Models that the vendor does not serve on its sockets."""
WITH_LANGUAGE = re.compile(r"eleven_(flash|turbo)_v2_5")
"""Models that take a language; others find it in the text."""


def filled(_settings: object, _attribute: attrs.Attribute[Any], value: Any) -> None:
    """Refuse an empty text or secret."""
    if not value:
        raise ValueError("must not be empty")


def one_segment(_settings: object, _attribute: attrs.Attribute[Any], value: str) -> None:
    """Refuse what would change the address, of which it is a part."""
    if not re.fullmatch(r"[\w.-]+", value):
        raise ValueError(f"must be the id of a voice: letters and digits, not {value!r}")


def socket_url(_settings: object, _attribute: attrs.Attribute[Any], value: str) -> None:
    """Refuse what is not a WebSocket URL."""
    if not value.startswith(("ws://", "wss://")):
        raise ValueError(f"must begin with wss:// or ws://, not {value!r}")


def on_a_socket(_settings: object, _attribute: object, model: str) -> None:
    """Refuse models without a socket."""
    if not model or SOCKETLESS.match(model):
        raise ValueError(f"must be a model with a WebSocket, such as eleven_flash_v2_5: {model!r}")


def language_of(settings: ElevenLabsSettings, _attribute: object, value: str | None) -> None:
    """Refuse a language that the model would refuse at the first reply."""
    if value is None:
        return
    if LANGUAGE.fullmatch(value) is None:
        raise ValueError(f"must be an ISO 639-1 code such as 'en', not {value!r}")
    if WITH_LANGUAGE.match(settings.model) is None:
        raise ValueError(
            f"needs model eleven_flash_v2_5 or eleven_turbo_v2_5, not {settings.model!r}, which finds the "
            "language in the text"
        )


def enforced(tag: str, settings: ElevenLabsSettings) -> str | None:
    """The agent's language, for models that take one."""
    return primary(tag, settings) if WITH_LANGUAGE.match(settings.model) else None


def schedule(settings: ElevenLabsSettings, _attribute: object, value: tuple[int, ...]) -> None:
    """Refuse lengths that the vendor refuses, and a schedule that has no effect."""
    if any(length not in CHUNK_LENGTHS for length in value):
        raise ValueError(f"must hold numbers from 50 to 500, not {value!r}")
    if value and settings.auto_mode:
        raise ValueError("has no effect with auto_mode; set auto_mode = false, or leave it out")


def moods(_settings: object, _attribute: object, value: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what the vendor's voice settings do not have, or not in this range."""
    for mood, controls in value.items():
        for name, number in controls.items():
            if name not in RANGES:
                raise ValueError(f"{mood!r} may hold {', '.join(RANGES)}, not {name!r}")
            low, high = RANGES[name]
            if not isinstance(number, int | float) or not low <= number <= high:
                raise ValueError(f"{mood!r}: {name} must be from {low} to {high}, not {number!r}")


def free_names(_settings: object, _attribute: object, value: Mapping[str, str]) -> None:
    """Refuse parameters that would override what the session relies on."""
    taken = sorted(RESERVED_QUERY & value.keys())
    if taken:
        raise ValueError(
            f"may not hold {', '.join(taken)}: use the setting of its own, if there is one"
        )


def before_the_vendor(settings: ElevenLabsSettings, _attribute: object, value: float) -> None:
    """Refuse a keep-alive that comes too late."""
    if value >= settings.inactivity_timeout:
        raise ValueError(f"must be less than inactivity_timeout, {settings.inactivity_timeout} s")


@attrs.frozen
class ElevenLabsSettings:
    """Settings of the ``elevenlabs`` text-to-speech."""

    api_key: Secret = setting(check=filled, help="API key of an ElevenLabs account")
    voice: str = setting(check=one_segment, help="id of the voice that speaks")
    model: str = setting(
        default="eleven_flash_v2_5", check=on_a_socket, help="model that synthesises; not eleven_v3"
    )
    language: str | None = setting(
        default=None,
        check=language_of,
        spoken=enforced,
        help="ISO 639-1 code of the text's language, for flash and turbo v2.5",
    )
    stability: float | None = setting(
        default=None,
        unit="0..1",
        help="evenness of the voice; unset leaves it to the voice",
        at_least=0,
        at_most=1,
    )
    similarity_boost: float | None = setting(
        default=None,
        unit="0..1",
        help="closeness to the original voice; unset leaves it to the voice",
        at_least=0,
        at_most=1,
    )
    style: float | None = setting(
        default=None,
        unit="0..1",
        help="exaggeration of the voice's style, at the cost of latency",
        at_least=0,
        at_most=1,
    )
    use_speaker_boost: bool | None = setting(
        default=None, help="raise the likeness to the speaker, at the cost of latency"
    )
    speed: float | None = setting(
        default=None, help="pace of speech, 1 being the voice's own", at_least=0.7, at_most=1.2
    )
    moods: Mapping[str, Mapping[str, float]] = setting(
        factory=lambda: dict(MOODS),
        check=moods,
        help="what an agent's moods mean: stability, similarity_boost, style and speed of each",
    )
    auto_mode: bool = setting(
        default=True, help="speak each text at once; segments come whole, so this is the quickest"
    )
    chunk_length_schedule: tuple[int, ...] = setting(
        default=(),
        unit="characters",
        check=schedule,
        help="text gathered before each piece of speech, without auto_mode",
    )
    text_normalization: str = setting(
        default="auto",
        one_of=("auto", "on", "off"),
        help="write numbers and dates out before speaking; on needs an enterprise plan for v2.5",
    )
    ssml: bool = setting(default=False, help="read SSML in the text")
    seed: int | None = setting(
        default=None,
        at_least=0,
        at_most=4294967295,
        help="makes the same text sound the same again, mostly",
    )
    logging: bool = setting(
        default=True, help="let the vendor keep texts and audio; false needs an enterprise plan"
    )
    pronunciation_dictionaries: Mapping[str, str] = setting(
        factory=dict, help="ids of pronunciation dictionaries, with the version of each"
    )
    query: Mapping[str, str] = setting(
        factory=dict, check=free_names, help="more parameters of the socket's address"
    )
    headers: Mapping[str, str] = setting(
        factory=dict, help="headers of the handshake, before those the plugin sets itself"
    )
    url: str = setting(
        default="wss://api.elevenlabs.io",
        check=socket_url,
        help="base URL of the vendor's sockets, such as a region's",
    )
    connect_timeout: float = setting(
        default=10.0, unit="s", above=0, help="limit for connecting a socket"
    )
    first_audio: float = setting(
        default=4.0, unit="s", above=0, help="longest wait for the first or the next audio"
    )
    finish_timeout: float = setting(
        default=2.0,
        unit="s",
        above=0,
        help="silence of the vendor after the last text, once audio came, that counts as its end",
    )
    settle: float = setting(
        default=0.3,
        unit="s",
        above=0,
        help="silence after the last aligned letter that ends a segment while more text may follow",
    )
    inactivity_timeout: int = setting(
        default=60,
        unit="s",
        at_least=5,
        at_most=180,
        help="time without text after which the vendor closes a context",
    )
    keepalive: float = setting(
        default=10.0,
        unit="s",
        above=0,
        check=before_the_vendor,
        help="how often a context that waits for text is kept alive",
    )
    contexts: int = setting(
        default=5,
        at_least=1,
        help="replies synthesised at once by this process with one voice; the plan's limit. "
        "A socket carries five",
    )
    queue: int = setting(default=64, at_least=0, help="replies that may wait for a free context")
    queue_timeout: float = setting(
        default=3.0, unit="s", above=0, help="longest wait for a free context"
    )
    buffer: float = setting(
        default=30.0, unit="s", above=0, help="audio kept for one reply until the line takes it"
    )
