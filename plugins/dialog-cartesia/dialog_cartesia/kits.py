"""The conformance kit of Cartesia's voice."""

from __future__ import annotations

from collections.abc import Mapping

from dialog_cartesia.testing import FakeCartesia, Fault, Script
from dialog_core.testing.contracts import Door, TtsAbility, TtsKit, TtsVendor

__all__ = ["kits"]

MANY = 1000
"""Contexts that stand for all."""


def vendor() -> TtsVendor:
    """A fresh fake Cartesia."""
    fake = FakeCartesia()

    def lie(times: int | None) -> None:
        fake.scripts.clear()
        fake.scripts.extend([Script(Fault.SILENT)] * (MANY if times is None else times))

    def languages() -> tuple[str, ...]:
        return tuple(each["language"] for each in fake.requests if "language" in each)

    return TtsVendor(
        Door(fake, lie),
        lambda: fake.transcripts,
        lambda: len(fake.cancels),
        languages,
    )


def at(base_url: str) -> Mapping[str, object]:
    """Settings that reach a fake there."""
    return {"url": base_url.replace("http", "ws", 1)}


def kits() -> tuple[TtsKit, ...]:
    """The one kit."""
    fake = FakeCartesia()
    cartesia = TtsKit(
        "cartesia",
        {"api_key": fake.api_key, "voice": "v1"},
        vendor,
        frozenset(TtsAbility),
        seconds_per_character=fake.seconds_per_character,
        at=at,
    )
    return (cartesia,)
