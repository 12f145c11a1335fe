from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote

import attrs
import httpx
import msgspec

from dialog_core.carriers.messages import unreadable
from dialog_core.carriers.patience import Patience
from dialog_core.carriers.rest import downloading, fetch, read_answer, refused
from dialog_core.errors import ProviderError, ProviderUnavailable
from dialog_core.factory import Services
from dialog_telnyx.settings import TelnyxSettings

__all__ = ["Problem", "Saved", "TelnyxRest", "read_problem"]

LISTED_MOST = 50

ALREADY_ENDED = "90018"
GONE = frozenset({ALREADY_ENDED, "10005"})

MEANINGS: Mapping[str, str] = {
    "10005": "there is no such thing, or no more",
    "10009": "the credentials are wrong",
    "10010": "the account may not do this",
    "10011": "too many requests at once",
    "10015": "the request cannot be like this",
    "10016": "the number is not in E.164 form",
    ALREADY_ENDED: "the call has ended",
}
"""Telnyx's own sentences may hold numbers of callers; these do not. Source: Telnyx docs, "API error codes"."""

Body = Mapping[str, object]


class ErrorItem(msgspec.Struct, frozen=True):
    """One reason of a refusal."""

    code: str | int = ""


class Errors(msgspec.Struct, frozen=True):
    """Why something was refused."""

    errors: tuple[ErrorItem, ...] = ()


class Placed(msgspec.Struct, frozen=True):
    """A call that was placed."""

    call_control_id: str


class PlacedBody(msgspec.Struct, frozen=True):
    """The answer to a dial."""

    data: Placed


class Urls(msgspec.Struct, frozen=True):
    """Where a recording can be fetched for some minutes, without credentials."""

    wav: str = ""


class Saved(msgspec.Struct, frozen=True):
    """A recording that Telnyx keeps."""

    id: str
    recording_started_at: str = ""
    download_urls: Urls = Urls()


class SavedBody(msgspec.Struct, frozen=True):
    """The answer to a listing."""

    data: tuple[Saved, ...]


_decode_errors = msgspec.json.Decoder(Errors).decode
_decode_placed = msgspec.json.Decoder(PlacedBody).decode
_decode_saved = msgspec.json.Decoder(SavedBody).decode


@attrs.frozen
class Problem:
    """Why Telnyx did not do what it was asked."""

    status: int
    code: str
    request_id: str | None

    def error(self) -> ProviderError:
        """As one of ours, without a word of Telnyx's."""
        if self.code:
            what = f"error {self.code}: {MEANINGS.get(self.code, 'see the API error codes')}"
        else:
            what = "refused without a reason"
        return refused("telnyx", what, status=self.status, request_id=self.request_id)


def read_problem(response: httpx.Response) -> Problem:
    """What an answer that is not a success says; its body may be anything."""
    try:
        errors = _decode_errors(response.content).errors
    except (msgspec.DecodeError, UnicodeError):
        errors = ()
    code = str(errors[0].code) if errors else ""
    return Problem(response.status_code, code, response.headers.get("x-request-id"))


class TelnyxRest:
    """The commands that a live call needs, and the recordings of an account.

    Telnyx ignores a command whose `command_id` it has seen, so a command without an answer is sent again as it was.
    Every method raises: ProviderError.
    Source: Telnyx docs, "Call Control commands", "Command Retries", "Call recordings".
    """

    def __init__(
        self,
        settings: TelnyxSettings,
        services: Services,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._http = services.http
        self._patience = Patience("telnyx", settings.retries, settings.rest_deadline, chance)
        self._base = settings.api_url.rstrip("/")

    async def command(self, call: str, action: str, body: Body | None = None) -> None:
        """Tell a call to do something; that it was done is told by a webhook."""
        response = await self._command(call, action, body or {})
        if not response.is_success:
            raise read_problem(response).error()

    async def hang_up(self, call: str) -> None:
        """End a call. One that is already gone is a success."""
        response = await self._command(call, "hangup", {})
        problem = read_problem(response)
        gone = problem.status == httpx.codes.NOT_FOUND or problem.code in GONE
        if not response.is_success and not gone:
            raise problem.error()

    async def dial(self, body: Body) -> str:
        """Call somebody; returns the call control id. Not tried again when the answer is lost: it might ring twice."""
        content = {"command_id": str(uuid.uuid4()), **body}
        response = await self._request("POST", "/calls", content, twice=False)
        if not response.is_success:
            raise read_problem(response).error()
        lacks = "a call was placed that has no id"
        return read_answer("telnyx", _decode_placed, response, lacks=lacks).data.call_control_id

    async def recordings(self, leg: str) -> tuple[Saved, ...]:
        """The recordings of a call's leg."""
        query = {"filter[call_leg_id]": leg, "page[size]": str(LISTED_MOST)}
        response = await self._request("GET", "/recordings", None, query=query)
        if not response.is_success:
            raise read_problem(response).error()
        lacks = "a list of recordings cannot be read"
        return read_answer("telnyx", _decode_saved, response, lacks=lacks).data

    async def delete_recording(self, recording: str) -> None:
        """Remove a recording. One that is already gone is a success."""
        response = await self._request("DELETE", f"/recordings/{quote(recording, safe='')}", None)
        if not response.is_success and response.status_code != httpx.codes.NOT_FOUND:
            raise read_problem(response).error()

    async def download(self, url: str) -> bytes:
        """A recording from the address that Telnyx gave for it; our key is not shown there."""
        if not url.startswith(("https://", "http://127.0.0.1:")):
            raise unreadable("telnyx", "a recording's address is not https")
        with downloading("telnyx"):
            response = await fetch("telnyx", self._http.stream("GET", url, follow_redirects=True))
        if not response.is_success:
            raise Problem(response.status_code, "", None).error()
        return response.content

    async def _command(self, call: str, action: str, body: Body) -> httpx.Response:
        path = f"/calls/{quote(call, safe='')}/actions/{action}"
        return await self._request("POST", path, {"command_id": str(uuid.uuid4()), **body})

    async def _request(
        self,
        method: str,
        path: str,
        body: Body | None,
        *,
        twice: bool = True,
        query: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """twice: whether sending it two times is harmless. Returns the last answer, whatever it says."""
        request = self._http.build_request(
            method,
            self._base + path,
            json=body,
            params=query,
            headers={"authorization": f"Bearer {self._settings.api_key.reveal()}"},
            timeout=self._settings.rest_timeout,
        )
        return await self._patience.ask(partial(self._once, request), twice=twice)

    async def _once(self, request: httpx.Request) -> httpx.Response:
        if self._http.is_closed:
            raise ProviderUnavailable("telnyx", "the process is stopping", stage="voip")
        return await self._http.send(request)
