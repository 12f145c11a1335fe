from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

import httpx
import msgspec

from dialog_core.carriers.messages import unreadable
from dialog_core.carriers.patience import Patience
from dialog_core.carriers.rest import downloading, fetch, read_answer, refused
from dialog_core.errors import ProviderError
from dialog_core.factory import Services
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.webhooks import CALL_UUID

__all__ = ["PlivoRest", "StartedRecording", "problem"]

MEANINGS: Mapping[int, str] = {
    400: "the request lacks something, or has a wrong value",
    401: "the credentials are wrong",
    403: "not allowed: the country, the number, or too many calls at once",
    404: "there is no such thing, or no more",
    409: "it is in another state",
    422: "it cannot be done as asked",
    429: "too many requests at once",
}
"""Plivo's own sentences may hold numbers of callers; these do not. Source: Plivo docs, "API responses"."""

Body = Mapping[str, str | int | bool]


class ErrorBody(msgspec.Struct, frozen=True):
    """What we need of an error."""

    api_id: str = ""


class Placed(msgspec.Struct, frozen=True):
    """What we need of a call that was placed; of one to several numbers Plivo gives a list."""

    request_uuid: str | list[str]


class StartedRecording(msgspec.Struct, frozen=True):
    """A recording that began, and where it will be found."""

    recording_id: str
    url: str = ""


class KeptRecording(msgspec.Struct, frozen=True):
    """Where a recording is found."""

    recording_url: str


_decode_error = msgspec.json.Decoder(ErrorBody).decode
_decode_placed = msgspec.json.Decoder(Placed).decode
_decode_started = msgspec.json.Decoder(StartedRecording).decode
_decode_kept = msgspec.json.Decoder(KeptRecording).decode


def problem(response: httpx.Response) -> ProviderError:
    """Why Plivo did not do what it was asked, without a word of Plivo's; the body may be anything."""
    try:
        request = _decode_error(response.content).api_id
    except (msgspec.DecodeError, UnicodeError):
        request = ""
    status = response.status_code
    what = MEANINGS.get(status, "refused without a reason")
    return refused("plivo", what, status=status, request_id=request or None)


class PlivoRest:
    """The part of Plivo's REST interface that calls need.

    Refusals with 429 were not processed and are tried again; so are server errors and lost answers, unless doing the
    thing twice would be worse. Every method raises: ProviderError.
    Source: Plivo docs, "Make a call", "Hang up a call", "Transfer a call", "Record a call", "Recording".
    """

    def __init__(
        self,
        settings: PlivoSettings,
        services: Services,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._http = services.http
        self._patience = Patience("plivo", settings.retries, settings.rest_deadline, chance)
        self._account = f"{settings.api_url.rstrip('/')}/v1/Account/{settings.auth_id}"
        self._trusted = {
            urlsplit(address).netloc for address in (settings.api_url, settings.media_url)
        }

    async def create_call(self, body: Body) -> str:
        """Place a call. Returns the id of the request, which the call's first webhook names.

        Never asked twice if the answer was lost: somebody's telephone would ring again.
        """
        response = await self._accepted("POST", "/Call/", body, twice=False)
        lacks = "a call that was placed has no request_uuid"
        placed = read_answer("plivo", _decode_placed, response, lacks=lacks).request_uuid
        request = placed if isinstance(placed, str) else "".join(placed[:1])
        if not CALL_UUID.fullmatch(request):
            raise unreadable("plivo", lacks)
        return request

    async def hang_up(self, call: str) -> None:
        """End a call. One that is already gone is a success."""
        await self._gone(f"/Call/{call}/")

    async def transfer(self, call: str, url: str) -> None:
        """Let the call go on with the document at `url`, which Plivo fetches."""
        body = {"legs": "aleg", "aleg_url": url, "aleg_method": "POST"}
        await self._accepted("POST", f"/Call/{call}/", body)

    async def start_recording(self, call: str, callback: str) -> StartedRecording:
        """Record both sides on two channels, as a WAV file."""
        body: Body = {
            "time_limit": self._settings.recording_limit,
            "file_format": "wav",
            "record_channel_type": "stereo",
            "callback_url": callback,
            "callback_method": "POST",
        }
        response = await self._accepted("POST", f"/Call/{call}/Record/", body, twice=False)
        lacks = "a recording that was started has no recording_id"
        return read_answer("plivo", _decode_started, response, lacks=lacks)

    async def stop_recording(self, call: str, url: str) -> None:
        """End a recording, or all of the call if `url` is empty; the callback follows."""
        body = {"URL": url} if url else None
        await self._accepted("DELETE", f"/Call/{call}/Record/", body)

    async def delete_recording(self, recording: str) -> None:
        """Remove a recording. One that is already gone is a success."""
        await self._gone(f"/Recording/{recording}/")

    async def find_recording(self, recording: str) -> str:
        """Where a completed recording is."""
        response = await self._accepted("GET", f"/Recording/{recording}/")
        lacks = "a recording has no recording_url"
        return read_answer("plivo", _decode_kept, response, lacks=lacks).recording_url

    async def download(self, url: str) -> bytes:
        """A file. Credentials go to the hosts in the settings and nowhere else."""
        parts = urlsplit(url)
        trusted = parts.netloc in self._trusted
        if not trusted and parts.scheme != "https":
            raise unreadable("plivo", "a recording is at an address that is not https")
        auth = self._settings.credentials if trusted else None
        with downloading("plivo"):
            streamed = self._http.stream("GET", url, auth=auth, follow_redirects=True)
            response = await fetch("plivo", streamed)
        if not response.is_success:
            raise problem(response)
        return response.content

    async def _gone(self, path: str) -> None:
        response = await self._request("DELETE", path)
        if not response.is_success and response.status_code != httpx.codes.NOT_FOUND:
            raise problem(response)

    async def _accepted(
        self, method: str, path: str, body: Body | None = None, *, twice: bool = True
    ) -> httpx.Response:
        response = await self._request(method, path, body, twice=twice)
        if not response.is_success:
            raise problem(response)
        return response

    async def _request(
        self, method: str, path: str, body: Body | None = None, *, twice: bool = True
    ) -> httpx.Response:
        """twice: whether doing it two times is harmless. Returns the last answer, whatever it says."""
        once = partial(self._once, method, path, body)
        return await self._patience.ask(once, twice=twice)

    async def _once(self, method: str, path: str, body: Body | None) -> httpx.Response:
        return await self._http.request(
            method,
            self._account + path,
            json=dict(body) if body is not None else None,
            auth=self._settings.credentials,
            timeout=self._settings.rest_timeout,
        )
