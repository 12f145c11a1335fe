from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

import anyio
import httpx
import msgspec

from dialog_core.carriers.patience import Patience, is_busy
from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.factory import Services
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.webhooks import CALL_UUID

__all__ = ["PlivoRest", "StartedRecording", "problem"]

RECORDING_MOST_BYTES = 256 * 1024 * 1024
DOWNLOAD_SECONDS = 120.0


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
    kind = ProviderUnavailable if is_busy(status) else ProviderRejected
    what = MEANINGS.get(status, "refused without a reason")
    return kind("plivo", what, stage="voip", status=status, request_id=request or None)


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
        try:
            placed = _decode_placed(response.content).request_uuid
        except (msgspec.DecodeError, UnicodeError) as error:
            raise _broken("a call that was placed has no request_uuid") from error
        request = placed if isinstance(placed, str) else "".join(placed[:1])
        if not CALL_UUID.fullmatch(request):
            raise _broken("a call that was placed has no request_uuid")
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
        try:
            return _decode_started(response.content)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise _broken("a recording that was started has no recording_id") from error

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
        try:
            return _decode_kept(response.content).recording_url
        except (msgspec.DecodeError, UnicodeError) as error:
            raise _broken("a recording has no recording_url") from error

    async def download(self, url: str) -> bytes:
        """A file. Credentials go to the hosts in the settings and nowhere else."""
        parts = urlsplit(url)
        trusted = parts.netloc in self._trusted
        if not trusted and parts.scheme != "https":
            raise _broken("a recording is at an address that is not https")
        try:
            with anyio.fail_after(DOWNLOAD_SECONDS):
                response = await self._download(url, with_credentials=trusted)
        except TimeoutError as error:
            raise _unavailable(f"a recording did not come in {DOWNLOAD_SECONDS:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unavailable(f"a recording was lost: {type(error).__name__}") from error
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

    async def _download(self, url: str, *, with_credentials: bool) -> httpx.Response:
        auth = self._settings.credentials if with_credentials else None
        async with self._http.stream("GET", url, auth=auth, follow_redirects=True) as response:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > RECORDING_MOST_BYTES:
                    raise _broken(f"a recording is over {RECORDING_MOST_BYTES} bytes")
        return httpx.Response(response.status_code, content=bytes(body))


def _unavailable(message: str) -> ProviderUnavailable:
    return ProviderUnavailable("plivo", message, stage="voip")


def _broken(message: str) -> ProviderProtocolError:
    return ProviderProtocolError("plivo", message, stage="voip")
