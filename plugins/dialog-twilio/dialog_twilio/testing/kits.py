from __future__ import annotations

from typing import TYPE_CHECKING

from dialog_core.line import Ability
from dialog_core.testing.phones.phone import Seal
from dialog_twilio.testing.account import Account
from dialog_twilio.testing.carrier import TwilioCarrier

if TYPE_CHECKING:
    from dialog_core.testing.contracts.voip_kit import VoipKit

__all__ = ["kits"]


def kits() -> tuple[VoipKit, ...]:
    """The plugin's kits for the conformance tests."""
    from dialog_core.testing.contracts.voip_kit import VoipKit  # noqa: PLC0415 - a phone needs no test runner

    account = Account()
    table = {
        "account_sid": account.sid,
        "auth_token": account.token,
        "dial_from": "+15550002222",
    }
    return (
        VoipKit(
            "twilio",
            table,
            TwilioCarrier,
            abilities=frozenset(Ability.ALL),
            seals=frozenset({Seal.GOOD, Seal.MISSING, Seal.WRONG, Seal.ALTERED}),
            unsigned={"allow_unsigned": True},
        ),
    )
