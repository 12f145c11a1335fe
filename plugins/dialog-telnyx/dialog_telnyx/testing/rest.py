from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_core.testing.rest import ANSWERING, Answered, Faults
from dialog_telnyx.testing.account import Account
from dialog_telnyx.testing.commands import ACTIONS, BEFORE_ANSWER, DIAL, fault_in
from dialog_telnyx.testing.exchange import Tape, TelnyxExchange

if TYPE_CHECKING:
    from dialog_telnyx.testing.callees import Callees

__all__ = ["FakeTelnyx", "RestRequest"]


@attrs.frozen
class RestRequest:
    """A request that was made, in whatever way it was answered."""

    method: str
    path: str
    """Below the version, such as ``/calls/v3:.../actions/answer``."""
    body: Mapping[str, Any]


class FakeTelnyx:
    """The REST interface as an ASGI application, and the server of its recordings.

    Wants the account's key, remembers every request, and commands the calls that it knows.
    """

    def __init__(self, account: Account | None = None) -> None:
        self.account = account or Account()
        self.requests: list[RestRequest] = []
        """What was asked, oldest first; unauthorised requests are not among it."""
        self.calls: dict[str, TelnyxExchange] = {}
        """By call control id."""
        self.tapes: list[Tape] = []
        self.callees: Callees | None = None
        """Whom calls of the server ring; without them no call can be placed."""
        self._faults = faults = Faults()
        self.stall, self.drop, self.lose_answer = faults.stall, faults.drop, faults.lose_answer
        self._done: set[tuple[str, str]] = set()
        self._app = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application."""
        await self._app(scope, receive, send)

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        code: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next requests with an error of Telnyx's."""
        self._faults.fail(refusal(status, code, headers).response, times=times)

    # routes

    def _routes(self) -> ASGIApp:
        routes = [
            Route("/calls", self._dial, methods=["POST"]),
            Route("/calls/{call}/actions/{action}", self._command, methods=["POST"]),
            Route("/recordings", self._list, methods=["GET"]),
            Route("/recordings/{id}", self._delete, methods=["DELETE"]),
        ]
        files = Route("/{id}.wav", self._download, methods=["GET"])
        app = Starlette(routes=[Mount("/v2", routes=routes), files], exception_handlers=ANSWERING)
        return self._faults.on(app)

    async def _read(self, request: Request) -> dict[str, Any]:
        """Check the key, remember the request, then do what the script says."""
        if request.headers.get("authorization") != f"Bearer {self.account.api_key}":
            raise refusal(401, "10009")
        raw = await request.body()
        try:
            body = json.loads(raw) if raw else {}
        except ValueError as error:
            raise refusal(400, "10015") from error
        path = request.url.path.split("/v2", 1)[1]
        self.requests.append(RestRequest(request.method, path, body))
        await self._faults.befall(request)
        return dict(body)

    async def _dial(self, request: Request) -> Response:
        body = await self._read(request)
        wrong = fault_in(body, DIAL, required={"connection_id", "to", "from"})
        if wrong or self.callees is None or body["connection_id"] != self.account.connection_id:
            raise refusal(422, "10015")
        leg = self.callees.ring(body).exchange.leg
        data = {
            "call_control_id": leg.id,
            "call_leg_id": leg.leg,
            "call_session_id": leg.session,
            "is_alive": False,
            "record_type": "call",
        }
        return JSONResponse({"data": data})

    async def _command(self, request: Request) -> Response:
        body = await self._read(request)
        action: str = request.path_params["action"]
        if action not in ACTIONS:
            raise refusal(404, "10005")
        if fault_in(body, ACTIONS[action].fields, required=ACTIONS[action].required):
            raise refusal(422, "10015")
        call = self.calls.get(request.path_params["call"])
        if call is None:
            raise refusal(404, "10005")
        seen = (call.call_id, body.get("command_id", ""))
        if seen[1] and seen in self._done:
            return DONE
        if call.story.over:
            raise refusal(422, "90018")
        if not call.orders.answered and action not in BEFORE_ANSWER:
            raise refusal(422, "90034")
        self._done.add(seen)
        await call.obey(action, body)
        return DONE

    async def _list(self, request: Request) -> Response:
        await self._read(request)
        leg = request.query_params.get("filter[call_leg_id]")
        data = [
            {
                "id": tape.id,
                "call_leg_id": tape.leg,
                "recording_started_at": tape.began,
                "channels": "dual",
                "status": "completed",
                "record_type": "recording",
                "download_urls": {"wav": f"https://files.telnyx.example/{tape.id}.wav"},
            }
            for tape in self.tapes
            if tape.wav is not None and leg in {None, tape.leg}
        ]
        meta = {"page_number": 1, "page_size": 50, "total_pages": 1, "total_results": len(data)}
        return JSONResponse({"data": data, "meta": meta})

    async def _delete(self, request: Request) -> Response:
        await self._read(request)
        tape = self._tape(request)
        self.tapes.remove(tape)
        return JSONResponse({"data": {"id": tape.id, "record_type": "recording"}})

    async def _download(self, request: Request) -> Response:
        """Whoever knows the address may have it; a key shown here would be a key given away."""
        if "authorization" in request.headers:
            raise refusal(400, "10015")
        return Response(self._tape(request).wav, media_type="audio/x-wav")

    def _tape(self, request: Request) -> Tape:
        wanted = request.path_params["id"]
        for tape in self.tapes:
            if tape.id == wanted and tape.wav is not None:
                return tape
        raise refusal(404, "10005")


def refusal(status: int, code: str, headers: Mapping[str, str] | None = None) -> Answered:
    """Telnyx's error."""
    errors = [{"code": code, "title": "refused", "detail": "scripted or deserved"}] if code else []
    return Answered(
        JSONResponse({"errors": errors}, status, {"x-request-id": "r1", **(headers or {})})
    )


DONE = JSONResponse({"data": {"result": "ok"}})
