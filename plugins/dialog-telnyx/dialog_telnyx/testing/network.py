from __future__ import annotations

import json
import uuid
from collections.abc import Mapping

import attrs
import httpx

from dialog_core.factory import Services
from dialog_telnyx.testing.account import Account

__all__ = ["Network", "new_event"]


def new_event(kind: str, payload: Mapping[str, object]) -> dict[str, object]:
    """An event as webhooks carry it."""
    return {
        "record_type": "event",
        "event_type": kind,
        "id": str(uuid.uuid4()),
        "occurred_at": "2026-01-02T03:04:05.678901Z",
        "payload": dict(payload),
    }


@attrs.frozen
class Network:
    """How Telnyx reaches a server."""

    services: Services
    account: Account
    webhook_url: str

    async def post(self, event: Mapping[str, object]) -> httpx.Response:
        """Post a webhook, signed."""
        body = json.dumps({"data": event, "meta": {"attempt": 1}}).encode()
        headers = self.account.sign(body, self.services.clock.wall())
        return await self.send(body, headers)

    async def send(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Post any body at all. A server that is not there is answered for with 503."""
        own = {"content-type": "application/json"}
        http = self.services.http
        try:
            return await http.post(self.webhook_url, content=body, headers={**own, **headers})
        except httpx.TransportError:
            return httpx.Response(503)
