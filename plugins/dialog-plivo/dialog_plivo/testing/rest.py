from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_core.testing.phones.recording import stereo_wav
from dialog_core.testing.rest import ANSWERING, Answered, Faults, basic_credentials
from dialog_plivo.testing.account import Account, new_uuid
from dialog_plivo.testing.bodies import (
    CREATE,
    DELETE,
    HANG_UP,
    RECORD,
    STOP_RECORD,
    TRANSFER,
    Rules,
    wrong,
)

if TYPE_CHECKING:
    from dialog_plivo.testing.callees import Callees
    from dialog_plivo.testing.phone import Phone

__all__ = ["FakePlivo", "Item", "RestRequest"]

DEFAULT_LIMIT = 60
"""Seconds of a recording that nobody gave a limit."""


@attrs.frozen
class RestRequest:
    """A REST request that was made, in whatever way it was answered."""

    method: str
    path: str
    """Below the account, such as ``/Call/<uuid>/Record/``."""
    body: Mapping[str, object]


@attrs.define(eq=False)
class Item:
    """A recording of a call."""

    id: str
    call: str
    callback: str
    limit: int
    url: str
    began: int
    """Sample at which it began."""
    wav: bytes | None = None

    @property
    def over(self) -> bool:
        """True once it is a file."""
        return self.wav is not None


class FakePlivo:
    """Plivo's REST interface, and the store of its recordings, as one ASGI application.

    It checks credentials, remembers every request, acts on the phone that has the CallUUID, and posts the callbacks
    it was asked for, signed. Requests for calls without a phone are answered as for calls that are over.
    """

    def __init__(self, account: Account | None = None) -> None:
        self.account = account or Account()
        self.media_url = "https://media.plivo.com"
        """Where recordings are said to be."""
        self.requests: list[RestRequest] = []
        """What was asked, oldest first; unauthorised requests are not among it."""
        self.recordings: dict[str, Item] = {}
        self.phones: dict[str, Phone] = {}
        self.callees: Callees | None = None
        """Whom the server may call; without them every number is refused."""
        self._faults = faults = Faults()
        self.stall, self.drop, self.lose_answer = faults.stall, faults.drop, faults.lose_answer
        self._app = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application."""
        await self._app(scope, receive, send)

    def connect(self, phone: Phone) -> None:
        """From now on, requests with this phone's CallUUID act on it."""
        self.phones[phone.exchange.call_uuid] = phone

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next requests with an error. body: in place of Plivo's JSON."""
        classic = json.dumps({"api_id": new_uuid(), "error": "scripted"}).encode()
        content = classic if body is None else body
        self._faults.fail(Response(content, status, dict(headers or {})), times=times)

    async def call_ended(self, call: str) -> None:
        """Finish the recordings of a call, and say so."""
        for item in list(self.recordings.values()):
            if item.call == call and not item.over:
                await self._finish(item)

    # routes

    def _routes(self) -> ASGIApp:
        call = "/Call/{call}/"
        stored = "/Recording/{id}/"
        routes = [
            Route("/Call/", self._create, methods=["POST"]),
            Route(call, self._transfer, methods=["POST"]),
            Route(call, self._hang_up, methods=["DELETE"]),
            Route(call + "Record/", self._record, methods=["POST"]),
            Route(call + "Record/", self._stop_recording, methods=["DELETE"]),
            Route("/Recording/{id}.wav", self._download, methods=["GET"]),
            Route(stored, self._find, methods=["GET"]),
            Route(stored, self._delete, methods=["DELETE"]),
        ]
        base = f"/v1/Account/{self.account.auth_id}"
        app = Starlette(routes=[Mount(base, routes=routes)], exception_handlers=ANSWERING)
        return self._faults.on(app)

    async def _body(self, request: Request, rules: Rules | None = None) -> Mapping[str, object]:
        """Check credentials, remember the request, then do what the script says."""
        if basic_credentials(request) != (self.account.auth_id, self.account.token):
            raise refusal(401, "Could not verify your access level for that URL.")
        raw = await request.body()
        try:
            body = json.loads(raw) if raw else {}
        except ValueError as error:
            raise refusal(400, "the body is not JSON") from error
        path = request.url.path.split(self.account.auth_id, 1)[1]
        self.requests.append(RestRequest(request.method, path, body))
        await self._faults.befall(request)
        field = wrong(body, rules or {})
        if field is not None:
            raise refusal(400, f"{field} parameter is missing or invalid")
        return body

    async def _create(self, request: Request) -> Response:
        body = await self._body(request, CREATE)
        if self.callees is None:
            raise refusal(403, "there is nobody to call")
        uuid = self.callees.ring(body).call_id
        return answer({"message": "call fired", "request_uuid": uuid}, 201)

    async def _transfer(self, request: Request) -> Response:
        body = await self._body(request, TRANSFER)
        if not self._living(request).exchange.move(str(body["aleg_url"])):
            raise refusal(404, "call not found")
        return answer({"message": "call transferred"}, 202)

    async def _hang_up(self, request: Request) -> Response:
        await self._body(request, HANG_UP)
        self._living(request).exchange.move(None)
        return Response(status_code=204)

    async def _record(self, request: Request) -> Response:
        body = await self._body(request, RECORD)
        phone = self._living(request)
        uuid = new_uuid()
        item = Item(
            uuid,
            phone.exchange.call_uuid,
            str(body.get("callback_url", "")),
            int(str(body.get("time_limit", DEFAULT_LIMIT))),
            f"{self.media_url}/v1/Account/{self.account.auth_id}/Recording/{uuid}.wav",
            round(phone.now * 8000),
        )
        self.recordings[uuid] = item
        begun = {"message": "call recording started", "recording_id": uuid, "url": item.url}
        return answer(begun, 202)

    async def _stop_recording(self, request: Request) -> Response:
        body = await self._body(request, STOP_RECORD)
        phone = self._living(request)
        for item in list(self.recordings.values()):
            wanted = body.get("URL", item.url) == item.url
            if item.call == phone.exchange.call_uuid and wanted and not item.over:
                await self._finish(item)
        return Response(status_code=204)

    async def _find(self, request: Request) -> Response:
        await self._body(request)
        item = self._stored(request)
        return answer({"recording_id": item.id, "recording_url": item.url}, 200)

    async def _delete(self, request: Request) -> Response:
        await self._body(request, DELETE)
        del self.recordings[self._stored(request).id]
        return Response(status_code=204)

    async def _download(self, request: Request) -> Response:
        await self._body(request)
        return Response(self._stored(request).wav, media_type="audio/x-wav")

    # callbacks

    async def _finish(self, item: Item) -> None:
        phone = self.phones[item.call]
        end = item.began + item.limit * 8000
        caller, agent = (track[item.began : end] for track in phone.stereo())
        item.wav = stereo_wav(caller, agent)
        if item.callback:
            await phone.exchange.post(item.callback, finished(item, len(caller)))

    def _living(self, request: Request) -> Phone:
        phone = self.phones.get(request.path_params["call"])
        if phone is None or not phone.live:
            raise refusal(404, "call not found")
        return phone

    def _stored(self, request: Request) -> Item:
        item = self.recordings.get(request.path_params["id"])
        if item is None or not item.over:
            raise refusal(404, "not found")
        return item


def finished(item: Item, samples: int) -> dict[str, str]:
    """What the callback of a recording says."""
    return {
        "api_id": new_uuid(),
        "call_uuid": item.call,
        "recording_id": item.id,
        "record_url": item.url,
        "recording_duration": str(round(samples / 8000)),
        "recording_duration_ms": str(samples // 8),
        "recording_start_ms": "1705312200000",
        "recording_end_ms": str(1_705_312_200_000 + samples // 8),
    }


def answer(body: Mapping[str, object], status: int) -> Response:
    """Plivo's JSON."""
    return JSONResponse({"api_id": new_uuid(), **body}, status)


def refusal(status: int, error: str) -> Answered:
    """Plivo's error."""
    return Answered(answer({"error": error}, status))
