from __future__ import annotations

import json
from collections.abc import Callable

import attrs
from starlette.requests import HTTPConnection, Request

from dialog_core.carriers.desk import Fields, Pairs, read_pairs
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.protocols import FrontDoor
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.signature import (
    SETTINGS_HEADER,
    SIGNATURE_HEADER,
    algorithm_of,
    body_matches,
    is_signed,
)

__all__ = ["Gate"]


@attrs.frozen
class Gate:
    """Lets in what Twilio signed for our account, and nothing else. What it refuses is answered with 403."""

    settings: TwilioSettings
    door: FrontDoor
    observe: Callable[[Observation], None]

    async def read(self, request: Request, path: str) -> Fields | None:
        """The fields of a webhook; None if it must be refused.

        path: of the route, as `FrontDoor.url` wants it. Of a repeated field the last value stands.
        """
        body = await request.body()
        query = request.scope["query_string"].decode("latin-1")
        url = self.door.url(request, path) + (f"?{query}" if query else "")
        if request.headers.get("content-type", "").startswith("application/json"):
            pairs, is_whole = _flat(body), self.settings.allow_unsigned or body_matches(url, body)
            signed: Pairs = ()
        else:
            posted = request.method == "POST"
            form = body.decode("ascii", "replace") if posted else query
            pairs, is_whole = read_pairs(form), True
            signed = pairs if posted and pairs is not None else ()
        if not self._is_from_twilio(request, url, signed):
            return None
        if pairs is None or not is_whole:
            self._refuse("a webhook's body cannot be read, or is not the signed one", path)
            return None
        fields = dict(pairs)
        if fields.get("AccountSid") != self.settings.account_sid:
            self._refuse("a webhook of another account was refused", path)
            return None
        return fields

    def admits(self, upgrade: HTTPConnection, path: str) -> bool:
        """Whether a WebSocket upgrade is Twilio's. Its signature has the wss address and no parameters."""
        return self._is_from_twilio(upgrade, self.door.url(upgrade, path, websocket=True), ())

    def _is_from_twilio(self, request: HTTPConnection, url: str, pairs: Pairs) -> bool:
        if self.settings.allow_unsigned:
            return True
        header = request.headers.get(SETTINGS_HEADER, "")
        key = self.settings.auth_token
        if header and self.settings.webhook_key:
            key = self.settings.webhook_key
        signature = request.headers.get(SIGNATURE_HEADER, "")
        algorithm = algorithm_of(header)
        if signature and is_signed(key.reveal(), url, pairs, signature, algorithm=algorithm):
            return True
        what = (
            "a request with a wrong signature was refused"
            if signature
            else "an unsigned request was refused"
        )
        self._refuse(what, "")
        return False

    def _refuse(self, what: str, detail: str) -> None:
        """Note a refusal. The detail never holds an address: tickets are in those."""
        where = "/" + detail.split("/")[1] if detail else ""
        self.observe(Trouble("", "twilio.webhook", what, where))


def _flat(body: bytes) -> Pairs | None:
    """A JSON object of texts, as pairs; None if it is something else."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    return [(name, str(content)) for name, content in value.items()]
