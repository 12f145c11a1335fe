"""A vendor's HTTP refusal, as its error."""

from __future__ import annotations

import httpx

from dialog_core.errors import ProviderError, ProviderRejected, ProviderUnavailable

__all__ = ["refusal"]

COME_BACK_LATER = frozenset({408, 425, 429})
REQUEST_IDS = ("x-request-id", "request-id")


def refusal(response: httpx.Response, *, provider: str, stage: str) -> ProviderError:
    """ProviderRejected for what trying again cannot mend, ProviderUnavailable for what may pass.

    provider: the plugin's name. stage: ``stt``, ``llm``, ``tts`` or ``voip``. The body is not read.
    """
    status = response.status_code
    final = response.is_client_error and status not in COME_BACK_LATER
    kind = ProviderRejected if final else ProviderUnavailable
    request = next((response.headers[key] for key in REQUEST_IDS if key in response.headers), None)
    return kind(provider, "refused", stage=stage, status=status, request_id=request)
