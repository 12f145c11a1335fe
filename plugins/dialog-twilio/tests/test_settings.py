from __future__ import annotations

import pytest
from dialog_twilio import dialog_voip
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.testing import Account

from dialog_core.fields import Secret


@pytest.mark.parametrize(
    ("edge", "region", "url"),
    [
        ("", "", "https://api.twilio.com"),
        ("", "ie1", "https://api.ie1.twilio.com"),
        ("dublin", "", "https://api.dublin.us1.twilio.com"),
        ("dublin", "ie1", "https://api.dublin.ie1.twilio.com"),
    ],
)
def test_edge_and_region_make_the_host(edge: str, region: str, url: str) -> None:
    assert Account().settings(edge=edge, region=region).rest_url == url


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_sid": "AC1"},
        {"auth_token": Secret("")},
        {"api_key": "SK1"},
        {"api_url": "api.twilio.com"},
        {"api_url": "https://proxy.example.com", "region": "ie1"},
        {"callback_wait": -1.0},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"account_sid": Account().sid, "auth_token": Secret("t")}
    with pytest.raises(ValueError, match=r"must|together|choose"):
        TwilioSettings(**{**right, **wrong})  # type: ignore[arg-type]


@pytest.mark.requirement("A.53")
def test_credentials_never_show() -> None:
    settings = Account().settings(api_key="SK1", api_secret=Secret("hidden"))
    assert settings.credentials == ("SK1", "hidden")
    assert "hidden" not in repr(settings)
    assert Account().token not in repr(settings)


def test_signatures_are_checked_unless_somebody_says_otherwise_aloud() -> None:
    assert Account().settings().allow_unsigned is False


def test_the_plugin_offers_one_way_in() -> None:
    (factory,) = dialog_voip()
    assert (factory.name, factory.settings) == ("twilio", TwilioSettings)
