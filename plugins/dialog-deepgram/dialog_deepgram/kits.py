"""The conformance kits of both interfaces, Nova over v1 and Flux over v2."""

from __future__ import annotations

from collections.abc import Mapping

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.testing.contracts import Door, SttAbility, SttKit, SttVendor
from dialog_deepgram.testing import KEY, FakeDeepgram, Fault

__all__ = ["kits"]

FORMATS = (
    TELEPHONE,
    AudioFormat(Encoding.ALAW, 8000),
    AudioFormat(Encoding.PCM16, 8000),
    AudioFormat(Encoding.PCM16, 16000),
    AudioFormat(Encoding.PCM16, 24000),
)
MANY = 1000
"""Connections that stand for all."""
COMMON = frozenset(
    {
        SttAbility.PARTIALS,
        SttAbility.WORDS,
        SttAbility.CONFIDENCE,
        SttAbility.TURNS,
        SttAbility.RECONNECTS,
    }
)


def vendor() -> SttVendor:
    """A fresh fake Deepgram."""
    fake = FakeDeepgram()

    def will_hear(*phrases: str) -> None:
        fake.script = phrases

    def will_spell(*words: str) -> None:
        fake.vocabulary = words

    def lie(times: int | None) -> None:
        well = (Fault(),) * len(fake.connections)
        fake.faults = (*well, *(Fault(lying=True),) * (MANY if times is None else times))

    def languages() -> tuple[str, ...]:
        queries = (query for each in fake.connections for query in each.query)
        return tuple(value for key, value in queries if key in {"language", "language_hint"})

    return SttVendor(Door(fake.app, lie), will_hear, languages, will_spell)


def at(base_url: str) -> Mapping[str, object]:
    """Settings that reach a fake there."""
    return {"url": base_url.replace("http", "ws", 1)}


def kits() -> tuple[SttKit, ...]:
    """One kit for each interface."""
    nova = SttKit(
        "deepgram",
        {"api_key": KEY},
        vendor,
        COMMON | {SttAbility.SETTLES, SttAbility.LANGUAGE},
        FORMATS,
        at,
        variant="nova",
    )
    flux = SttKit(
        "deepgram",
        {"api_key": KEY, "model": "flux-general-multi"},
        vendor,
        COMMON | {SttAbility.LANGUAGE},
        FORMATS,
        at,
        german={"language_hints": ["de"]},
        variant="flux",
    )
    return nova, flux
