from __future__ import annotations

from typing import TYPE_CHECKING

from dialog_core.line import Ability
from dialog_core.testing.phones.phone import Seal
from dialog_telnyx.testing.account import Account
from dialog_telnyx.testing.carrier import TelnyxCarrier

if TYPE_CHECKING:
    from dialog_core.testing.contracts.voip_kit import VoipKit

__all__ = ["kits"]


def kits() -> tuple[VoipKit, ...]:
    """The plugin's kits for the conformance tests."""
    from dialog_core.testing.contracts.voip_kit import VoipKit  # noqa: PLC0415 - a phone needs no test runner

    account = Account()
    table = {
        "api_key": account.api_key,
        "public_key": account.public_key,
        "connection_id": account.connection_id,
        "dial_from": "+15550002222",
    }
    return (
        VoipKit(
            "telnyx",
            table,
            TelnyxCarrier,
            abilities=frozenset(Ability.ALL),
            seals=frozenset(Seal),
            unsigned={"allow_unsigned": True},
        ),
    )
