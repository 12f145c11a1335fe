from __future__ import annotations

import pytest
from dialog_plivo import dialog_voip
from dialog_plivo.session import PlivoVoIP
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.testing import Account

from dialog_core.fields import Secret
from dialog_core.line import Ability
from dialog_core.testing.vendor import in_memory


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth_id": "MA1"},
        {"auth_token": Secret("")},
        {"api_url": "api.plivo.com"},
        {"media_url": "ftp://media.plivo.com"},
        {"callback_wait": -1.0},
        {"noise_cancellation": 30},
        {"dial_from": "5550001111"},
        {"machine_detection": "maybe"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"auth_id": Account().auth_id, "auth_token": Secret("t")}
    with pytest.raises(ValueError, match="must"):
        PlivoSettings(**{**right, **wrong})  # type: ignore[arg-type]


def test_credentials_never_show() -> None:
    settings = Account().settings()
    assert settings.credentials == (Account().auth_id, Account().token)
    assert Account().token not in repr(settings)


def test_signatures_are_checked_unless_somebody_says_otherwise_aloud() -> None:
    settings = Account().settings()
    assert (settings.allow_unsigned, settings.check_media) == (False, True)


def test_the_plugin_offers_one_way_in() -> None:
    (factory,) = dialog_voip()
    assert (factory.name, factory.settings) == ("plivo", PlivoSettings)
    assert Ability.TRANSCRIBE not in factory.abilities


@pytest.mark.anyio
async def test_calls_are_placed_only_with_a_number_to_show() -> None:
    async with in_memory({}) as services:
        mute = PlivoVoIP(Account().settings(), services)
        able = PlivoVoIP(Account().settings(dial_from="+15550002222"), services)
    assert Ability.OUTBOUND not in mute.abilities
    assert able.abilities == mute.abilities | {Ability.OUTBOUND}


@pytest.mark.anyio
async def test_the_operator_is_told_which_addresses_to_enter() -> None:
    async with in_memory({}) as services:
        steps = PlivoVoIP(Account().settings(), services).next_steps("http://h/a/plivo")
        loud = PlivoVoIP(Account().settings(allow_unsigned=True), services).next_steps("https://h")
    assert "TLS" in steps[0]
    assert "http://h/a/plivo/answer" in steps[1]
    assert "http://h/a/plivo/status" in steps[1]
    assert loud[0].startswith("DANGER")
