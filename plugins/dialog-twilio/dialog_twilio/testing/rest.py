from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import attrs
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_core.testing.phones.recording import stereo_wav
from dialog_core.testing.rest import ANSWERING, Answered, Faults, basic_credentials
from dialog_twilio.testing.account import Account, new_sid
from dialog_twilio.testing.forms import (
    CALL,
    RECORDING,
    RECORDING_UPDATE,
    TRANSCRIPTION,
    TRANSCRIPTION_UPDATE,
    UPDATE,
    Rules,
    wrong,
)
from dialog_twilio.testing.verbs import PhoneFault, read_twiml

if TYPE_CHECKING:
    from dialog_twilio.testing.callees import Callees
    from dialog_twilio.testing.phone import Phone

__all__ = ["FakeTwilio", "RestRequest"]

LONGEST_TWIML = 4000


@attrs.frozen
class RestRequest:
    """A REST request that was made, in whatever way it was answered."""

    method: str
    path: str
    """Below the account, such as ``/Calls/CA.../Recordings.json``."""
    form: Mapping[str, str]
    """Of a repeated field, the values joined by a blank."""


@attrs.define(eq=False)
class Item:
    """A recording or a transcription of a call."""

    sid: str
    call: str
    callback: str
    events: str = "completed"
    over: bool = False
    heard: int = 0
    wav: bytes | None = None


class FakeTwilio:
    """Twilio's REST interface as an ASGI application, for live calls of :func:`place_call`.

    It checks credentials, remembers every request, acts on the phone that has the CallSid, and posts the callbacks
    it was asked for, signed. Requests for calls without a phone are answered as for calls that are over.
    """

    def __init__(
        self, account: Account | None = None, *, key: tuple[str, str] | None = None
    ) -> None:
        """key: an API key and its secret, which are then accepted beside the account's token."""
        self.account = account or Account()
        self.requests: list[RestRequest] = []
        """What was asked, oldest first; unauthorised requests are not among it."""
        self.recordings: dict[str, Item] = {}
        self.transcriptions: dict[str, Item] = {}
        self.phones: dict[str, Phone] = {}
        self.callees: Callees | None = None
        """Whom calls of the server ring; without them no call can be placed."""
        self._credentials = {(self.account.sid, self.account.token)} | ({key} if key else set())
        self._faults = faults = Faults()
        self.stall, self.drop, self.lose_answer = faults.stall, faults.drop, faults.lose_answer
        self._app = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application."""
        await self._app(scope, receive, send)

    def connect(self, phone: Phone) -> None:
        """From now on, requests with this phone's CallSid act on it."""
        self.phones[phone.call_id] = phone

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        code: int | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next requests with an error. code: Twilio's own. body: in place of Twilio's classic JSON."""
        classic = json.dumps({"code": code, "message": "scripted", "status": status}).encode()
        content = classic if body is None else body
        self._faults.fail(Response(content, status, dict(headers or {})), times=times)

    async def heard(
        self, call: str, text: str, *, track: str = "inbound_track", final: bool = True
    ) -> httpx.Response | None:
        """Let the call's transcription hear something; None if it has none."""
        item = next((each for each in self.transcriptions.values() if each.call == call), None)
        if item is None:
            return None
        data: dict[str, object] = {"transcript": text, **({"confidence": 0.95} if final else {})}
        more = {
            "Track": track,
            "Final": "true" if final else "false",
            "TranscriptionData": json.dumps(data),
            "LanguageCode": "en-US",
        }
        return await self._transcription_event(item, "content", more)

    async def call_ended(self, call: str) -> None:
        """Post what a call still owes: each recording's end, each transcription's end."""
        for recording in self.recordings.values():
            if recording.call == call and not recording.over:
                await self._finish(recording)
        for item in self.transcriptions.values():
            if item.call == call and not item.over:
                item.over = True
                await self._transcription_event(item, "stopped", {})

    # routes

    def _routes(self) -> ASGIApp:
        call = "/Calls/{call}"
        routes = [
            Route("/Calls.json", self._place_call, methods=["POST"]),
            Route(call + ".json", self._update_call, methods=["POST"]),
            Route(call + "/Recordings.json", self._start_recording, methods=["POST"]),
            Route(call + "/Recordings/{sid}.json", self._stop_recording, methods=["POST"]),
            Route(call + "/Recordings/{sid}.json", self._delete_recording, methods=["DELETE"]),
            Route("/Recordings/{sid}.json", self._delete_recording, methods=["DELETE"]),
            Route("/Recordings/{sid}.wav", self._download, methods=["GET"]),
            Route(call + "/Transcriptions.json", self._start_transcription, methods=["POST"]),
            Route(call + "/Transcriptions/{sid}.json", self._stop_transcription, methods=["POST"]),
        ]
        base = f"/2010-04-01/Accounts/{self.account.sid}"
        app = Starlette(routes=[Mount(base, routes=routes)], exception_handlers=ANSWERING)
        return self._faults.on(app)

    async def _form(self, request: Request, rules: Rules | None = None) -> Mapping[str, str]:
        """Check credentials, remember the request, then do what the script says."""
        if basic_credentials(request) not in self._credentials:
            raise refusal(401, 20003)
        form: dict[str, str] = {}
        for name, value in parse_qsl((await request.body()).decode(), keep_blank_values=True):
            form[name] = f"{form[name]} {value}" if name in form else value
        path = request.url.path.split(self.account.sid, 1)[1]
        self.requests.append(RestRequest(request.method, path, form))
        await self._faults.befall(request)
        if wrong(form, rules or {}) is not None:
            raise refusal(400, 20001)
        return form

    async def _place_call(self, request: Request) -> Response:
        form = await self._form(request, CALL)
        if self.callees is None or not {"To", "From", "Url"} <= form.keys():
            raise refusal(400, 21200)
        sid = self.callees.ring(form).call_id
        told = {"sid": sid, "account_sid": self.account.sid, "status": "queued"}
        return JSONResponse({**told, "to": form["To"], "from": form["From"]}, 201)

    async def _update_call(self, request: Request) -> Response:
        form = await self._form(request, UPDATE)
        sid = request.path_params["call"]
        phone = self.phones.get(sid)
        if phone is None:
            raise refusal(404, 20404)
        twiml = form.get("Twiml")
        if twiml is None and form.get("Status") != "completed":
            raise refusal(400, 21200)
        if twiml is not None and len(twiml) > LONGEST_TWIML:
            raise refusal(400, 21200)
        try:
            verbs = None if twiml is None else read_twiml(twiml)
        except PhoneFault as error:
            raise refusal(400, 12100) from error
        if not phone.exchange.update(verbs):
            raise refusal(400, 21220)
        return JSONResponse({"sid": sid, "account_sid": self.account.sid, "status": "in-progress"})

    async def _start_recording(self, request: Request) -> Response:
        form = await self._form(request, RECORDING)
        call = self._living(request)
        item = Item(
            new_sid("RE"),
            call,
            form.get("RecordingStatusCallback", ""),
            form.get("RecordingStatusCallbackEvent", "completed"),
        )
        self.recordings[item.sid] = item
        await self._recording_event(item, "in-progress", {})
        return JSONResponse({"sid": item.sid, "call_sid": call, "status": "in-progress"}, 201)

    async def _stop_recording(self, request: Request) -> Response:
        status = (await self._form(request, RECORDING_UPDATE)).get("Status", "")
        item = _found(self.recordings, request)
        if not status:
            raise refusal(400, 20001)
        if status == "stopped" and not item.over:
            await self._finish(item)
        return JSONResponse({"sid": item.sid, "call_sid": item.call, "status": status})

    async def _delete_recording(self, request: Request) -> Response:
        await self._form(request)
        del self.recordings[_found(self.recordings, request).sid]
        return Response(status_code=204)

    async def _download(self, request: Request) -> Response:
        await self._form(request)
        item = _found(self.recordings, request)
        if item.wav is None:
            raise refusal(404, 20404)
        return Response(item.wav, media_type="audio/x-wav")

    async def _start_transcription(self, request: Request) -> Response:
        form = await self._form(request, TRANSCRIPTION)
        call = self._living(request)
        item = Item(new_sid("GT"), call, form.get("StatusCallbackUrl", ""))
        self.transcriptions[item.sid] = item
        await self._transcription_event(
            item, "started", {"TranscriptionEngine": form.get("TranscriptionEngine", "google")}
        )
        return JSONResponse({"sid": item.sid, "call_sid": call, "status": "in-progress"})

    async def _stop_transcription(self, request: Request) -> Response:
        await self._form(request, TRANSCRIPTION_UPDATE)
        item = _found(self.transcriptions, request)
        if not item.over:
            item.over = True
            await self._transcription_event(item, "stopped", {})
        return JSONResponse({"sid": item.sid, "call_sid": item.call, "status": "stopped"})

    # callbacks

    async def _finish(self, item: Item) -> None:
        item.over = True
        phone = self.phones[item.call]
        caller, agent = phone.stereo()
        item.wav = stereo_wav(caller, agent)
        seconds = str(round(len(caller) / 8000))
        await self._recording_event(item, "completed", {"RecordingDuration": seconds})

    async def _recording_event(self, item: Item, status: str, more: Mapping[str, str]) -> None:
        if status not in item.events.split():
            return
        where = f"/2010-04-01/Accounts/{self.account.sid}/Recordings/{item.sid}"
        fields = {
            "RecordingSid": item.sid,
            "RecordingUrl": f"https://api.twilio.com{where}",
            "RecordingStatus": status,
            "RecordingChannels": "2",
            "RecordingSource": "StartCallRecordingAPI",
            "RecordingTrack": "both",
        }
        await self._post(item, {**fields, **more})

    async def _transcription_event(
        self, item: Item, event: str, more: Mapping[str, str]
    ) -> httpx.Response | None:
        item.heard += 1
        fields = {
            "TranscriptionSid": item.sid,
            "TranscriptionEvent": f"transcription-{event}",
            "SequenceId": str(item.heard),
            "Timestamp": "2026-01-01T00:00:00.000Z",
        }
        return await self._post(item, {**fields, **more})

    async def _post(self, item: Item, fields: Mapping[str, str]) -> httpx.Response | None:
        phone = self.phones.get(item.call)
        if phone is None or not item.callback:
            return None
        ids = {"AccountSid": self.account.sid, "CallSid": item.call}
        return await phone.exchange.post(item.callback, {**ids, **fields})

    def _living(self, request: Request) -> str:
        call: str = request.path_params["call"]
        phone = self.phones.get(call)
        if phone is None:
            raise refusal(404, 20404)
        if not phone.live:
            raise refusal(400, 21220)
        return call


def refusal(status: int, code: int) -> Answered:
    """Twilio's classic error."""
    body = {
        "code": code,
        "message": "refused",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answered(JSONResponse(body, status, {"Twilio-Request-Id": "RQ1"}))


def _found(items: Mapping[str, Item], request: Request) -> Item:
    item = items.get(request.path_params["sid"])
    if item is None:
        raise refusal(404, 20404)
    return item
