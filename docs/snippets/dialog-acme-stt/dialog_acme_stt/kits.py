"""What Acme's recogniser is tested with."""

from __future__ import annotations

from dialog_acme_stt.testing import FakeAcme
from dialog_core.testing.contracts import Door, SttAbility, SttKit, SttVendor

__all__ = ["kits"]


def vendor() -> SttVendor:
    """A fresh fake behind a door, which counts who comes and can fail in all the ways that vendors do."""
    fake = FakeAcme()

    def will_hear(*phrases: str) -> None:
        fake.script = phrases

    return SttVendor(Door(fake.app), will_hear, lambda: fake.languages)


def at(base_url: str) -> dict[str, str]:
    """Settings that point the component at a fake on a real socket."""
    return {"url": f"{base_url.replace('http', 'ws', 1)}/v1/hear"}


def kits() -> tuple[SttKit, ...]:
    """One kit for each component; the settings are those of a settings file."""
    claimed = frozenset({SttAbility.PARTIALS, SttAbility.RECONNECTS, SttAbility.LANGUAGE})
    return (SttKit("acme-stt", {"api_key": "acme-test"}, vendor, claimed, at=at),)
