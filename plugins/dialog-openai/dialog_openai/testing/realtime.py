"""A fake of Realtime transcription sessions: strict, scripted by what it hears, and faulty on demand.

::

    fake = FakeRealtime(script=("hello there",), faults=(Fault(drop_after=1.0),))
    async with in_memory(fake.app) as services: ...

What it hears: :mod:`dialog_core.testing.hearing`. What it refuses: :mod:`dialog_openai.testing.realtime_checks`.

Source: OpenAI's guide "Realtime transcription"; API reference, "Realtime client events" and "Realtime server events".
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from dialog_core.testing.hearing import Ear
from dialog_core.testing.vendor import Drop
from dialog_openai.testing.http import KEY, BadRequest
from dialog_openai.testing.realtime_checks import Configuration, read_configuration
from dialog_openai.testing.realtime_recogniser import Recogniser, Said

__all__ = ["Connection", "FakeRealtime", "RealtimeFault"]

NEVER = 1e9
SESSION_LIMIT = "Your session hit the maximum duration of 60 minutes."
DEFAULT_SESSION = {
    "type": "transcription",
    "object": "realtime.transcription_session",
    "id": "sess_fake",
    "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}},
}


@attrs.frozen
class RealtimeFault:
    """What goes wrong on one connection. Seconds are of audio received on it."""

    refuse: int | None = None
    """HTTP status instead of an upgrade."""
    code: str = ""
    """Code in the body of that refusal."""
    unready: bool = False
    """Never confirm a configuration."""
    drop_after: float = NEVER
    """Lose the connection without a close frame."""
    expire_after: float = NEVER
    """Say that the session has expired, and close with 1001."""
    mute_after: float = NEVER
    """Send nothing more, but go on reading."""
    garbage_after: float = NEVER
    """Send something that is not JSON, once."""
    complain_after: float = NEVER
    """Send an error that changes nothing, and a message of a kind that nobody knows, once."""
    failing: frozenset[int] = frozenset()
    """Numbers of utterances, from 0, that cannot be transcribed."""
    stuck: frozenset[int] = frozenset()
    """Those that are never completed, though their deltas come."""
    slow: frozenset[int] = frozenset()
    """Those that take two seconds longer, so that later ones overtake them."""
    lying: bool = False
    """Send times that cannot be true."""


@attrs.define(eq=False)
class Connection:
    """What a client did on one connection, for a test to look at."""

    headers: dict[str, str]
    query: dict[str, str]
    kinds: list[str] = attrs.field(factory=list)
    """Types of its messages."""
    sessions: list[dict[str, Any]] = attrs.field(factory=list)
    """Configurations that were accepted."""
    seconds: float = 0.0
    """Audio received."""
    items: int = 0
    """Utterances cut."""
    closed: bool = False


@attrs.define(eq=False)
class FakeRealtime:
    """OpenAI's Realtime API for transcription; one serves any number of calls."""

    script: Sequence[str] = ()
    """Phrases said by each connection's stretches of voice, in order."""
    vocabulary: Sequence[str] = ()
    """Words that audio made by :func:`dialog_core.testing.hearing.spoken` carries; then `script` is not used."""
    faults: Sequence[RealtimeFault] = ()
    """Of the first connections, in order; later ones are well."""
    latency: float = 0.1
    """Seconds from a cut to its first words, and for all words together."""
    key: str = KEY
    connections: list[Connection] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)
    """Messages of the errors that clients were told."""

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[WebSocketRoute("/v1/realtime", self._serve)])

    async def _serve(self, websocket: WebSocket) -> None:
        number = len(self.connections)
        fault = self.faults[number] if number < len(self.faults) else RealtimeFault()
        headers, query = dict(websocket.headers), dict(websocket.query_params)
        connection = Connection(headers, query)
        self.connections.append(connection)
        status = 401 if headers.get("authorization") != f"Bearer {self.key}" else fault.refuse
        try:
            if status is not None:
                await websocket.send_denial_response(denial(status, fault.code))
                return
            await websocket.accept(headers=[(b"x-request-id", b"req_fake")])
            await Talk(self, websocket, connection, fault).run()
        finally:
            connection.closed = True


def denial(status: int, code: str) -> Response:
    """An HTTP response in OpenAI's form."""
    error = {"message": "scripted refusal", "type": "invalid_request_error", "code": code or None}
    return JSONResponse({"error": error}, status, headers={"x-request-id": "req_fake"})


@attrs.frozen
class Ending(Exception):
    """How a connection ends; without a code, the client has gone already."""

    code: int | None = None
    reason: str = ""
    lost: bool = False


@attrs.define(eq=False)
class Talk:
    """One accepted connection."""

    fake: FakeRealtime
    websocket: WebSocket
    connection: Connection
    fault: RealtimeFault
    recogniser: Recogniser = attrs.field(init=False)
    _events: int = 0
    _sending: anyio.Lock = attrs.field(factory=anyio.Lock)

    def __attrs_post_init__(self) -> None:
        self.recogniser = self._new_recogniser(Configuration())

    def _new_recogniser(self, configuration: Configuration) -> Recogniser:
        fake = self.fake
        ear = Ear(configuration.fmt, fake.script, fake.vocabulary)
        return Recogniser(configuration, ear, self.fault.lying)

    async def run(self) -> None:
        """Serve until either side ends it. Raises: Drop."""
        ending = Ending()
        try:
            if "openai-beta" in self.connection.headers:
                await self._refuse("beta_api_shape_disabled", "The beta API shape is disabled.")
                ending = Ending(4000, "beta_api_shape_disabled")
            else:
                await self._say("session.created", session=DEFAULT_SESSION)
                async with anyio.create_task_group() as tasks:
                    ending = await self._listen(tasks)
                    tasks.cancel_scope.cancel()
        except WebSocketDisconnect:
            return
        if ending.lost:
            raise Drop
        here = self.websocket.application_state is WebSocketState.CONNECTED
        if ending.code is not None and here:
            await self.websocket.close(ending.code, ending.reason)

    async def _listen(self, tasks: TaskGroup) -> Ending:
        """Take messages until one of them, or a fault, ends the connection."""
        while True:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                return Ending()
            try:
                command = dict(json.loads(message.get("text") or ""))
                await self._obey(command, tasks)
            except Ending as ending:
                return ending
            except (ValueError, TypeError):
                await self._refuse("invalid_json", "We could not parse the JSON of your message.")
            except BadRequest as bad:
                await self._refuse(bad.param or "invalid_value", bad.message, command)

    async def _obey(self, command: dict[str, Any], tasks: TaskGroup) -> None:
        kind = str(command.get("type"))
        self.connection.kinds.append(kind)
        match kind:
            case "session.update":
                await self._configure(command)
            case "input_audio_buffer.append":
                await self._hear(command, tasks)
            case "input_audio_buffer.commit":
                if self.recogniser.uncommitted < 0.1:  # noqa: PLR2004 - the vendor's limit, in seconds
                    raise BadRequest("buffer too small", "input_audio_buffer_commit_empty")
                await self._tell(self.recogniser.commit(), tasks)
            case "input_audio_buffer.clear":
                self.recogniser.clear()
                await self._say("input_audio_buffer.cleared")
            case _:
                raise BadRequest(f"Invalid value: '{kind}'.")

    async def _configure(self, command: dict[str, Any]) -> None:
        is_conversation = (
            self.connection.query.get("intent") != "transcription"
            or "model" in self.connection.query
        )
        if is_conversation:
            raise BadRequest("this session is no transcription session", "invalid_model")
        configuration = read_configuration(command.get("session"))
        if self.connection.seconds == 0:
            self.recogniser = self._new_recogniser(configuration)
        self.connection.sessions.append(command["session"])
        if not self.fault.unready:
            await self._say("session.updated", session=DEFAULT_SESSION | command["session"])

    async def _hear(self, command: dict[str, Any], tasks: TaskGroup) -> None:
        try:
            audio = b64decode(str(command.get("audio")), validate=True)
        except NotBase64:
            raise BadRequest("Invalid 'audio': expected base64.") from None
        before = self.connection.seconds
        self.connection.seconds += self.recogniser.configuration.fmt.seconds(len(audio))
        await self._tell(self.recogniser.hear(audio), tasks)
        await self._go_wrong(before)

    async def _go_wrong(self, before: float) -> None:
        """What the fault wants at this point of the audio. Raises: Ending."""
        fault, now = self.fault, self.connection.seconds
        if now >= fault.drop_after:
            raise Ending(lost=True)
        if now >= fault.expire_after:
            await self._refuse("session_expired", SESSION_LIMIT)
            raise Ending(1001, SESSION_LIMIT)
        if before < fault.garbage_after <= now:
            await self._send("{not json")
        if before < fault.complain_after <= now:
            await self._refuse("conversation_already_has_active_response", "never mind")
            await self._refuse("rate_limited", "slow down", kind="server_error")
            await self._say("rate_limits.updated", rate_limits=[])

    async def _tell(self, said: Sequence[Said], tasks: TaskGroup) -> None:
        """Send what the recogniser says; transcriptions come later."""
        for each in said:
            if each.transcript is None:
                await self._say(each.kind, **each.fields)
            else:
                tasks.start_soon(self._transcribe, self.connection.items, each)
                self.connection.items += 1

    async def _transcribe(self, number: int, said: Said) -> None:
        """What becomes of an utterance that was cut."""
        fault, item = self.fault, {"item_id": said.fields["item_id"], "content_index": 0}
        await anyio.sleep(self.fake.latency + (2.0 if number in fault.slow else 0.0))
        result = "conversation.item.input_audio_transcription"
        if number in fault.failing:
            error = {"type": "server_error", "code": "failed", "message": "try again"}
            await self._say(f"{result}.failed", **item, error={**error, "param": None})
            return
        text = said.transcript or ""
        if not said.is_told:
            words = text.split()
            for index, word in enumerate(words):
                await self._say(f"{result}.delta", **item, delta=word if index == 0 else f" {word}")
                await anyio.sleep(self.fake.latency / len(words))
        if number in fault.stuck:
            return
        fields: dict[str, Any] = {"transcript": text, "usage": {"type": "duration", "seconds": 1}}
        if self.recogniser.configuration.logprobs:
            fields["logprobs"] = [{"token": text, "logprob": -0.1, "bytes": []}]
        await self._say(f"{result}.completed", **item, **fields)

    async def _refuse(
        self,
        code: str,
        message: str,
        command: dict[str, Any] | None = None,
        *,
        kind: str = "invalid_request_error",
    ) -> None:
        """Tell of an error; mostly the session goes on."""
        self.fake.refused.append(f"{code}: {message}")
        error = {"type": kind, "code": code, "message": message, "param": None}
        await self._say("error", error={**error, "event_id": (command or {}).get("event_id")})

    async def _say(self, kind: str, **fields: Any) -> None:
        self._events += 1
        await self._send(json.dumps({"type": kind, "event_id": f"event_{self._events}", **fields}))

    async def _send(self, text: str) -> None:
        if self.connection.seconds >= self.fault.mute_after:
            return
        async with self._sending:
            with suppress(WebSocketDisconnect):  # whoever listens will notice
                await self.websocket.send_text(text)
