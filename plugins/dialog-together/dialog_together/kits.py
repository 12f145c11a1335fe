"""The conformance kits of the recogniser, as either side cuts utterances, and of the voice."""

from __future__ import annotations

from collections.abc import Mapping

from dialog_core.testing.contracts import (
    FORMATS,
    Door,
    SttAbility,
    SttKit,
    SttVendor,
    TtsAbility,
    TtsKit,
    TtsVendor,
)
from dialog_together.testing import KEY, FakeTogether, SttFault, TtsFault, TtsScript

__all__ = ["kits"]

MANY = 1000
"""Connections or texts that stand for all."""
HEARING = frozenset(
    {SttAbility.PARTIALS, SttAbility.SETTLES, SttAbility.RECONNECTS, SttAbility.LANGUAGE}
)


def recogniser() -> SttVendor:
    """A fresh fake recogniser."""
    fake = FakeTogether()

    def will_hear(*phrases: str) -> None:
        fake.script = phrases

    def lie(times: int | None) -> None:
        well = (SttFault(),) * len(fake.listening)
        fake.faults = (*well, *(SttFault(lying=True),) * (MANY if times is None else times))

    def languages() -> tuple[str, ...]:
        queries = (connection.socket.query_params for connection in fake.listening)
        return tuple(query["language"] for query in queries if "language" in query)

    return SttVendor(Door(fake.app, lie), will_hear, languages)


def voice() -> TtsVendor:
    """A fresh fake voice."""
    fake = FakeTogether()

    def lie(times: int | None) -> None:
        fake.scripts.clear()
        fake.scripts.extend([TtsScript(TtsFault.SILENT)] * (MANY if times is None else times))

    return TtsVendor(Door(fake.app, lie), lambda: fake.spoken, lambda: fake.clears)


def at(base_url: str) -> Mapping[str, object]:
    """Settings that reach a fake there."""
    return {"url": f"{base_url.replace('http', 'ws', 1)}/v1"}


def kits() -> tuple[SttKit, SttKit, TtsKit]:
    """Three kits."""
    ours, theirs = (
        SttKit(
            "together",
            {"api_key": KEY, "turn_detection": detection},
            recogniser,
            HEARING,
            FORMATS,
            at,
            variant=detection,
        )
        for detection in ("none", "server_vad")
    )
    spoken = TtsKit(
        "together",
        {"api_key": KEY},
        voice,
        frozenset({TtsAbility.RESUMES}),
        seconds_per_character=FakeTogether().seconds_per_character,
        at=at,
    )
    return ours, theirs, spoken
