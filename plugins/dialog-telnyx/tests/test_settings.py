from __future__ import annotations

from typing import Any

import pytest
from dialog_telnyx.settings import Codec, TelnyxSettings
from dialog_telnyx.testing import Account

from dialog_core.fields import Secret

ACCOUNT = Account()


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"public_key": ""}, "public_key is missing"),
        ({"public_key": "AAAA"}, "32 bytes in base64"),
        ({"public_key": "no base64!"}, "32 bytes in base64"),
        ({"api_key": Secret("")}, "must not be empty"),
        ({"api_url": "ftp://x"}, "http or https address"),
        ({"dial_from": "+15550001111", "connection_id": ""}, "connection_id"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(others: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ACCOUNT.settings(**others)


def test_without_a_key_only_unsigned_webhooks_are_possible() -> None:
    settings = TelnyxSettings(api_key=Secret("k"), allow_unsigned=True)
    assert settings.public_key == ""


def test_codecs_are_formats_of_ours() -> None:
    formats = {codec.value: (codec.fmt.encoding.value, codec.fmt.rate) for codec in Codec}
    assert formats == {"PCMU": ("mulaw", 8000), "PCMA": ("alaw", 8000), "L16": ("pcm16", 16000)}
