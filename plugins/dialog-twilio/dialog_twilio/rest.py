from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import attrs
import httpx
import msgspec

from dialog_core.carriers.patience import Patience
from dialog_core.carriers.rest import downloading, fetch, read_answer, refused
from dialog_core.errors import ProviderError
from dialog_core.factory import Services
from dialog_twilio.settings import TwilioSettings

__all__ = ["Problem", "TwilioRest", "read_problem"]

GONE = frozenset({20404, 21220})
"""The call does not exist any more, or is not in progress: what hanging up wants."""

MEANINGS: Mapping[int, str] = {
    20003: "the credentials are wrong",
    20404: "there is no such thing, or no more",
    20429: "too many requests at once",
    21200: "the call cannot be made like this",
    21210: "the caller id is not verified",
    21211: "the number to be called is not valid",
    21220: "the call is not in progress",
    13224: "the number cannot be called",
    32650: "the transcription engine is not known",
}
"""Twilio's own sentences may hold numbers of callers; these do not. Source: Twilio docs, error dictionary."""

Form = Mapping[str, str | Sequence[str]]


class ErrorBody(msgspec.Struct, frozen=True):
    """Both shapes of an error: the classic one and RFC 9457's."""

    code: int | None = None
    status: int | None = None


class Created(msgspec.Struct, frozen=True):
    """What we need of a thing that Twilio made."""

    sid: str


_decode_error = msgspec.json.Decoder(ErrorBody).decode
_decode_created = msgspec.json.Decoder(Created).decode


@attrs.frozen
class Problem:
    """Why Twilio did not do what it was asked."""

    status: int
    code: int | None
    request_id: str | None

    def error(self) -> ProviderError:
        """As one of ours, without a word of Twilio's."""
        if self.code is None:
            what = "refused without a reason"
        else:
            what = f"error {self.code}: {MEANINGS.get(self.code, 'see the error dictionary')}"
        return refused("twilio", what, status=self.status, request_id=self.request_id)


def read_problem(response: httpx.Response) -> Problem:
    """What an answer that is not a success says; its body may be anything."""
    try:
        code = _decode_error(response.content).code
    except (msgspec.DecodeError, UnicodeError):
        code = None
    return Problem(response.status_code, code, response.headers.get("twilio-request-id"))


class TwilioRest:
    """The part of Twilio's REST interface that a live call needs.

    Refusals with 429 were not processed and are tried again; so are server errors and lost answers, unless doing the
    thing twice would be worse. Every method raises: ProviderError.
    Source: Twilio docs, "Call resource", "Recordings resource", "Real-Time Transcription resource".
    """

    def __init__(
        self,
        settings: TwilioSettings,
        services: Services,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._http = services.http
        self._patience = Patience("twilio", settings.retries, settings.rest_deadline, chance)
        self._account = f"{settings.rest_url}/2010-04-01/Accounts/{settings.account_sid}"

    async def complete_call(self, call: str) -> None:
        """Hang up. A call that is already gone is a success."""
        response = await self._request("POST", f"/Calls/{call}.json", {"Status": "completed"})
        problem = read_problem(response)
        gone = problem.status == httpx.codes.NOT_FOUND or problem.code in GONE
        if not response.is_success and not gone:
            raise problem.error()

    async def update_call(self, call: str, twiml: str, *, twice: bool = True) -> None:
        """Replace what the call is doing by other TwiML. twice: whether beginning it two times is harmless."""
        await self._accepted("POST", f"/Calls/{call}.json", {"Twiml": twiml}, twice=twice)

    async def place_call(self, form: Form) -> str:
        """Call somebody. Returns the call's sid. Never tried again when the answer is lost: it would ring twice."""
        return await self._create("/Calls.json", form)

    async def start_recording(self, call: str, callback: str) -> str:
        """Record both sides on two channels, untrimmed. Returns the recording's sid."""
        form = {
            "RecordingChannels": "dual",
            "RecordingTrack": "both",
            "Trim": "do-not-trim",
            "RecordingStatusCallback": callback,
            "RecordingStatusCallbackMethod": "POST",
            "RecordingStatusCallbackEvent": ["in-progress", "completed", "absent"],
        }
        return await self._create(f"/Calls/{call}/Recordings.json", form)

    async def stop_recording(self, call: str, recording: str) -> None:
        """End a recording; its callback follows."""
        path = f"/Calls/{call}/Recordings/{recording}.json"
        await self._accepted("POST", path, {"Status": "stopped"})

    async def delete_recording(self, recording: str) -> None:
        """Remove a recording. One that is already gone is a success."""
        response = await self._request("DELETE", f"/Recordings/{recording}.json")
        if not response.is_success and response.status_code != httpx.codes.NOT_FOUND:
            raise read_problem(response).error()

    async def download_recording(self, recording: str) -> bytes:
        """A completed recording as a WAV file: two channels, or one where there are not two."""
        with downloading("twilio"):
            response = await self._download(recording, channels=2)
            if response.status_code == httpx.codes.BAD_REQUEST:
                response = await self._download(recording, channels=1)
        if not response.is_success:
            raise read_problem(response).error()
        return response.content

    async def start_transcription(self, call: str, callback: str) -> str:
        """Transcribe both sides. Returns the transcription's sid."""
        settings = self._settings
        form = {
            "Track": "both_tracks",
            "StatusCallbackUrl": callback,
            "StatusCallbackMethod": "POST",
            "InboundTrackLabel": "caller",
            "OutboundTrackLabel": "agent",
            "PartialResults": "true",
            "LanguageCode": settings.transcription_language,
            "TranscriptionEngine": settings.transcription_engine,
        }
        if settings.transcription_model:
            form["SpeechModel"] = settings.transcription_model
        return await self._create(f"/Calls/{call}/Transcriptions.json", form)

    async def stop_transcription(self, call: str, transcription: str) -> None:
        """End a transcription; its last callbacks follow."""
        path = f"/Calls/{call}/Transcriptions/{transcription}.json"
        await self._accepted("POST", path, {"Status": "stopped"})

    async def _create(self, path: str, form: Form) -> str:
        response = await self._accepted("POST", path, form, twice=False)
        created = read_answer("twilio", _decode_created, response, lacks="what was made has no sid")
        return created.sid

    async def _accepted(
        self, method: str, path: str, form: Form | None = None, *, twice: bool = True
    ) -> httpx.Response:
        response = await self._request(method, path, form, twice=twice)
        if not response.is_success:
            raise read_problem(response).error()
        return response

    async def _request(
        self, method: str, path: str, form: Form | None = None, *, twice: bool = True
    ) -> httpx.Response:
        """twice: whether doing it two times is harmless. Returns the last answer, whatever it says."""
        once = partial(self._once, method, path, form)
        return await self._patience.ask(once, twice=twice)

    async def _once(self, method: str, path: str, form: Form | None) -> httpx.Response:
        return await self._http.request(
            method,
            self._account + path,
            data=dict(form) if form else None,
            auth=self._settings.credentials,
            timeout=self._settings.rest_timeout,
        )

    async def _download(self, recording: str, *, channels: int) -> httpx.Response:
        """The address is made from the sid, so that credentials go to Twilio and nowhere else."""
        streamed = self._http.stream(
            "GET",
            f"{self._account}/Recordings/{recording}.wav",
            params={"RequestedChannels": str(channels)},
            auth=self._settings.credentials,
            follow_redirects=True,
        )
        return await fetch("twilio", streamed)
