"""Settings of the local recogniser, the local voice and the booking agent."""

from __future__ import annotations

import zoneinfo
from typing import Any

import attrs

from dialog_core.fields import setting
from dialog_core.language import primary

__all__ = ["BookingSettings", "SttSettings", "TtsSettings"]

ENGLISH = ("en",)
"""The models' languages."""
VOICES = ("heart", "emma", "fenrir", "fable", "kore")


def known_zone(_instance: Any, _attribute: attrs.Attribute[Any], value: str) -> None:
    """Refuse a time zone that the system does not know."""
    if value not in zoneinfo.available_timezones():
        raise ValueError(f"must be a time zone such as 'Europe/Paris', not {value!r}")


@attrs.frozen
class SttSettings:
    """The local recogniser (Moonshine tiny, English). It needs the agent's voice detector (`vad`)."""

    folder: str = setting(
        default="",
        help="folder with the model's three files; empty for what `dialogctl models fetch` put there",
    )
    language: str | None = setting(
        default=None,
        spoken=primary,
        one_of=ENGLISH,
        help="language; there is a model for English only",
    )
    threads: int = setting(default=1, at_least=1, at_most=16, help="threads for one recognition")
    pre_roll: float = setting(
        default=0.4,
        unit="s",
        at_least=0,
        at_most=1,
        help="audio heard before the detected start of speech",
    )
    hang_over: float = setting(
        default=0.3,
        unit="s",
        at_least=0,
        at_most=1,
        help="audio heard after the detected end of speech",
    )
    interim: float = setting(
        default=0.5,
        unit="s",
        at_least=0,
        at_most=5,
        help="how often the phrase so far is recognised while it is spoken; 0 for never",
    )
    longest: float = setting(
        default=12.0, unit="s", at_least=4, at_most=15, help="longer speech is cut at a quiet point"
    )
    floor: float = setting(
        default=-0.6,
        at_least=-5,
        at_most=0,
        help="a phrase whose mean log-probability per token is lower is taken for noise",
    )


@attrs.frozen
class TtsSettings:
    """The local voice (Hibari, English)."""

    voice: str = setting(
        default="heart", one_of=VOICES, help="voice; 'heart' is installed, any other needs `file`"
    )
    file: str = setting(
        default="", help="ONNX file of another Hibari voice; empty for the installed one"
    )
    language: str | None = setting(
        default=None,
        spoken=primary,
        one_of=ENGLISH,
        help="language; there is a model for English only",
    )
    speed: float = setting(
        default=1.0, at_least=0.5, at_most=2, help="1 is normal, 2 twice as fast"
    )
    seed: int | None = setting(
        default=None, help="a number makes the same text sound exactly the same"
    )
    gain: float = setting(
        default=4.0, unit="dB", at_least=-20, at_most=20, help="louder or softer; peaks never clip"
    )
    pause: float = setting(
        default=0.2, unit="s", at_least=0, at_most=2, help="silence between two sentences"
    )
    threads: int = setting(default=1, at_least=1, at_most=16, help="threads for one sentence")


@attrs.frozen
class BookingSettings:
    """The scripted booking agent."""

    business: str = setting(default="Riverside Dental", help="who the caller has reached")
    address: str = setting(
        default="twelve Mill Lane, next to the town library",
        help="where it is, as it should be said",
    )
    price: str = setting(
        default="forty five dollars", help="what a check-up costs, as it should be said"
    )
    opens: int = setting(
        default=9, unit="h", at_least=0, at_most=23, help="first hour of appointments"
    )
    closes: int = setting(
        default=17, unit="h", at_least=1, at_most=24, help="hour by which all are over"
    )
    timezone: str = setting(
        default="UTC", check=known_zone, help="time zone in which 'tomorrow' is meant"
    )
