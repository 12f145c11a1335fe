from __future__ import annotations

import httpx
import pytest

from dialog_core.errors import ProviderRejected, ProviderUnavailable
from dialog_core.resilience.refusal import refusal


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRejected),
        (401, ProviderRejected),
        (404, ProviderRejected),
        (408, ProviderUnavailable),
        (429, ProviderUnavailable),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
def test_what_may_pass_may_be_tried_again(status: int, kind: type) -> None:
    response = httpx.Response(status, headers={"X-Request-Id": "r1"})

    error = refusal(response, provider="acme", stage="tts")

    assert type(error) is kind
    assert str(error) == f"acme tts: refused (status {status},request r1)"
