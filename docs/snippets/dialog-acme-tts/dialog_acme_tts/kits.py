"""What Acme's voices are tested with."""

from __future__ import annotations

from dialog_acme_tts.testing import SECONDS_PER_CHARACTER, FakeAcme
from dialog_core import TELEPHONE
from dialog_core.testing.contracts import Door, TtsKit, TtsVendor

__all__ = ["kits"]


def vendor() -> TtsVendor:
    """A fresh fake behind a door, which counts who comes and can fail in all the ways that vendors do."""
    fake = FakeAcme()
    return TtsVendor(Door(fake.app), lambda: fake.spoken, lambda: fake.unfinished)


def at(base_url: str) -> dict[str, str]:
    """Settings that point the component at a fake on a real socket."""
    return {"url": f"{base_url}/v1/speak"}


def kits() -> tuple[TtsKit, ...]:
    """One kit for each component; the settings are those of a settings file."""
    settings = {"api_key": "acme-test", "voice": "tenor"}
    pace = SECONDS_PER_CHARACTER
    acme = TtsKit(
        "acme-tts", settings, vendor, formats=(TELEPHONE,), seconds_per_character=pace, at=at
    )
    return (acme,)
