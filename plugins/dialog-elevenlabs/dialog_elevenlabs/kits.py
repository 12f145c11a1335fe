"""The conformance kit of the text-to-speech."""

from __future__ import annotations

from collections.abc import Mapping

from dialog_core.testing.contracts import Door, TtsAbility, TtsKit, TtsVendor
from dialog_elevenlabs.testing import FakeElevenLabs, Fault, Script

__all__ = ["kits"]

SECONDS_PER_CHARACTER = 0.06
MANY = 1000
"""Contexts that stand for all."""


def vendor() -> TtsVendor:
    """A fresh fake ElevenLabs."""
    fake = FakeElevenLabs(seconds_per_character=SECONDS_PER_CHARACTER)

    def lie(times: int | None) -> None:
        fake.scripts.extend([Script(Fault.SILENT)] * (MANY if times is None else times))

    def languages() -> list[str]:
        return [
            language
            for socket in fake.handshakes
            if (language := socket.query_params.get("language_code"))
        ]

    return TtsVendor(Door(fake, lie), lambda: fake.texts, lambda: fake.left, languages)


def at(base_url: str) -> Mapping[str, object]:
    """Settings that reach a fake there."""
    return {"url": base_url.replace("http", "ws", 1)}


def kits() -> tuple[TtsKit, ...]:
    """One kit: the multi-context socket."""
    return (
        TtsKit(
            "elevenlabs",
            {"api_key": FakeElevenLabs().api_key, "voice": "v1"},
            vendor,
            frozenset(TtsAbility),
            seconds_per_character=SECONDS_PER_CHARACTER,
            at=at,
        ),
    )
