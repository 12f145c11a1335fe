from __future__ import annotations

import pytest

from dialog_core.fields import Secret
from dialog_core.net.settings import ServerSettings


@pytest.mark.parametrize(
    "url", ["", "https://voice.example.com", "http://10.0.0.1:8080", "https://example.com/calls/eu"]
)
def test_a_public_address_may_have_a_port_and_a_path(url: str) -> None:
    assert ServerSettings(public_url=url).public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "voice.example.com",
        "wss://voice.example.com",
        "https://",
        "https://voice.example.com/",
        "https://voice.example.com?x=1",
        "https://me:pw@voice.example.com",
        "https://voice.example.com:99999",
    ],
)
def test_another_public_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        ServerSettings(public_url=url)


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValueError, match="both, or neither"):
        ServerSettings(tls_certificate=__file__)


def test_a_certificate_must_exist() -> None:
    with pytest.raises(ValueError, match="must be a file that exists"):
        ServerSettings(tls_certificate="nowhere.pem", tls_key="nowhere.pem")


def test_a_short_key_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="at least 32") as refused:
        ServerSettings(secret=Secret("hunter2"))
    assert "hunter2" not in str(refused.value)
