from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
from starlette.requests import HTTPConnection, Request

from dialog_core.carriers.desk import Fields, Pairs, read_pairs
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.protocols import FrontDoor
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.signature import (
    MAIN_SIGNATURE_HEADER,
    NONCE_HEADER,
    SIGNATURE_HEADER,
    is_signed,
    upgrade_addresses,
)

__all__ = ["Gate"]


@attrs.frozen
class Gate:
    """Lets in what Plivo signed with our token, and nothing else. What it refuses is answered with 403."""

    settings: PlivoSettings
    door: FrontDoor
    observe: Callable[[Observation], None]

    async def read(self, request: Request, path: str) -> Fields | None:
        """The fields of a webhook, those of its address among them; None if it must be refused.

        path: of the route, as `FrontDoor.url` wants it. Of a repeated field the last value stands.
        """
        body = await request.body()
        query = request.scope["query_string"].decode("latin-1")
        url = self.door.url(request, path) + (f"?{query}" if query else "")
        method = "POST" if request.method == "POST" else "GET"
        asked, posted = read_pairs(query), read_pairs(body.decode("ascii", "replace"))
        if asked is None or posted is None:
            self._refuse("a webhook has too many fields", path)
            return None
        if not self._is_from_plivo(request, method, (url,), posted if method == "POST" else ()):
            return None
        return {**dict(asked), **dict(posted)} if method == "POST" else dict(asked)

    def admits(self, upgrade: HTTPConnection, path: str) -> bool:
        """Whether a WebSocket upgrade is Plivo's."""
        if not self.settings.check_media:
            return True
        query = upgrade.scope["query_string"].decode("latin-1")
        url = self.door.url(upgrade, path, websocket=True) + (f"?{query}" if query else "")
        try:
            addresses = upgrade_addresses(url)
        except ValueError:
            addresses = ()
        return self._is_from_plivo(upgrade, "GET", addresses, ())

    def _is_from_plivo(
        self, request: HTTPConnection, method: str, urls: Sequence[str], pairs: Pairs
    ) -> bool:
        if self.settings.allow_unsigned:
            return True
        headers = request.headers
        nonce = headers.get(NONCE_HEADER, "")
        given = [
            headers[name] for name in (SIGNATURE_HEADER, MAIN_SIGNATURE_HEADER) if name in headers
        ]
        fits = False
        if nonce:
            signatures = ",".join(given)
            for token in self._tokens():
                for url in urls:
                    fits |= is_signed(token, method, url, nonce, signatures, pairs)
        if not fits:
            what = (
                "a request with a wrong signature was refused"
                if given
                else "an unsigned request was refused"
            )
            self._refuse(what, "")
        return fits

    def _tokens(self) -> list[str]:
        settings = self.settings
        return [
            each.reveal() for each in (settings.auth_token, settings.main_auth_token) if bool(each)
        ]

    def _refuse(self, what: str, detail: str) -> None:
        """Note a refusal. The detail never holds an address: tickets are in those."""
        where = "/" + detail.split("/")[1] if detail else ""
        self.observe(Trouble("", "plivo.webhook", what, where))
