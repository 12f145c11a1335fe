"""The recogniser of the fake: one connection, its ear, and how it goes wrong.

Source: Together AI's API reference, "Realtime".
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket, WebSocketDisconnect

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.testing.hearing import Ear
from dialog_core.testing.vendor import Drop

__all__ = ["Listening", "SttFault", "unfit"]

TRANSCRIPTION = "conversation.item.input_audio_transcription"
RATES = {f"pcm_s16le_{rate}": rate for rate in (8000, 16000, 24000)}
MODELS = frozenset({"openai/whisper-large-v3", "nvidia/parakeet-tdt-0.6b-v3"})
IDLE_SECONDS = 300.0
MILLISECONDS = 1000
REFUSED = 1008
NO_BINARY = 1003
NO_WORKERS = 4503


@attrs.frozen
class SttFault:
    """What goes wrong on one connection. Seconds are of audio received on it, but for `late`."""

    late: float = 0.0
    """Seconds by which every final text is late."""
    unanswered: bool = False
    """Commits are never answered."""
    nameless: bool = False
    """Messages name no items."""
    misplaced: bool = False
    """Deltas write their text into `transcript`."""
    failing: bool = False
    """Every commit fails, but the session lives."""
    fatal_after: float | None = None
    """The session fails."""
    drop_after: float | None = None
    """The connection is lost without a close frame."""
    gone_after: float | None = None
    """No worker is left: the connection is closed with 4503."""
    mute_after: float | None = None
    """Nothing is sent any more."""
    lying: bool = False
    """Times that cannot be true."""


def unfit(query: QueryParams) -> str | None:
    """What is wrong with the address; the real one tells it inside of the socket."""
    if query.get("model") not in MODELS:
        return f"model {query.get('model')!r} is not available"
    if query.get("input_audio_format") not in RATES:
        return f"unsupported format {query.get('input_audio_format')!r}"
    if query.get("turn_detection", "server_vad") not in {"none", "server_vad"}:
        return "turn_detection must be none or server_vad"
    return None


@attrs.define(eq=False)
class Listening:
    """One connection of the recogniser, for a test to look at."""

    socket: WebSocket
    script: Sequence[str]
    fault: SttFault
    received: list[str] = attrs.field(factory=list)
    """Types of what came, in order."""
    sizes: list[int] = attrs.field(factory=list)
    """Bytes of audio in each append."""
    tasks: TaskGroup = attrs.field(factory=anyio.create_task_group)
    ear: Ear = attrs.field(init=False)
    _item: int = 0
    _guess: str = ""
    _dropped: bool = False

    @ear.default
    def _ear(self) -> Ear:
        rate = RATES.get(self.socket.query_params.get("input_audio_format", ""), 16000)
        return Ear(AudioFormat(Encoding.PCM16, rate), self.script)

    @property
    def is_manual(self) -> bool:
        """True if the client commits."""
        return self.socket.query_params.get("turn_detection", "server_vad") == "none"

    async def serve(self) -> None:
        """Talk until either side ends it. Raises: Drop."""
        async with self.tasks:
            await self._begin()
            self.tasks.cancel_scope.cancel()
        if self._dropped:
            raise Drop

    async def _begin(self) -> None:
        wrong = unfit(self.socket.query_params)
        if wrong is not None:
            code = "model_not_available" if wrong.startswith("model") else "invalid_request"
            await self._fail(wrong, code)
            await self.socket.close(REFUSED)
            return
        await self.send("session.created", session={"id": "s1", "object": "realtime.session"})
        await self._read()

    async def _read(self) -> None:
        while not self.tasks.cancel_scope.cancel_called:
            with anyio.move_on_after(IDLE_SECONDS) as idle:
                try:
                    message = await self.socket.receive()
                except WebSocketDisconnect:
                    return
                if message["type"] == "websocket.disconnect" or await self._take(message):
                    return
            if idle.cancelled_caught:
                await self.send(f"{TRANSCRIPTION}.failed", error={"code": "idle_timeout"})
                await self.socket.close(1000)
                return

    async def _take(self, message: Mapping[str, Any]) -> bool:
        """Take a message; True if the connection is over."""
        if message.get("bytes") is not None:
            await self.socket.close(NO_BINARY, "binary frames are not supported")
            return True
        try:
            event = json.loads(message["text"])
            kind = str(event["type"])
        except (ValueError, TypeError, KeyError):
            await self._complain("a message must be a JSON object with a type")
            return False
        self.received.append(kind)
        match kind:
            case "input_audio_buffer.append":
                return await self._hear(event.get("audio"))
            case "input_audio_buffer.commit":
                await self._commit()
            case "input_audio_buffer.clear":
                self.ear.forget()
                self._guess = ""
            case "transcription_session.updated":
                await self.send(kind, session=event.get("session"))
            case "echo":
                await self.send("echo.response", echo_id=event.get("echo_id"))
            case _:
                await self._complain(f"unknown type {kind}")
        return False

    async def _hear(self, encoded: object) -> bool:
        """Listen to audio; True if the connection is over."""
        try:
            audio = b64decode(str(encoded), validate=True)
        except NotBase64:
            await self._complain("audio must be base64")
            return False
        self.sizes.append(len(audio))
        for _ in self.ear.hear(audio):
            await self._guessing()
            if not self.is_manual and self._guess and self.ear.silent >= self._min_silence:
                await self._complete()
        return await self._spoilt()

    async def _spoilt(self) -> bool:
        fault, heard = self.fault, self.ear.position
        if fault.drop_after is not None and heard >= fault.drop_after:
            self._dropped = True
            self.tasks.cancel_scope.cancel()
            return True
        if fault.fatal_after is not None and heard >= fault.fatal_after:
            await self._fail("internal error", "internal_error")
            await self.socket.close(1011)
            return True
        if fault.gone_after is not None and heard >= fault.gone_after:
            await self._fail("no healthy workers", "no_healthy_workers")
            await self.socket.close(NO_WORKERS)
            return True
        return False

    @property
    def _min_silence(self) -> float:
        query = self.socket.query_params
        return float(query.get("min_silence_duration_ms", 500)) / MILLISECONDS

    async def _guessing(self) -> None:
        """Tell the hypothesis, if it has changed."""
        guess = " ".join(word.text for word in self.ear.words)
        if guess and guess != self._guess:
            self._guess = guess
            key = "transcript" if self.fault.misplaced else "delta"
            await self.send(f"{TRANSCRIPTION}.delta", **self._named(), **{key: guess})

    async def _commit(self) -> None:
        """Settle what was heard; nothing is said of nothing."""
        self.ear.finish_phrase()
        if self.ear.words and not self.fault.unanswered:
            await self._complete()

    async def _complete(self) -> None:
        text = " ".join(word.text for word in self.ear.words)
        self.ear.settle()
        self._guess = ""
        named = self._named()
        self._item += 1
        if self.fault.failing:
            error = {"message": "scripted failure", "type": "server_error", "code": "internal"}
            kind = f"{TRANSCRIPTION}.failed"
            await self.send(kind, **named, event_type="completed", error=error)
            return
        times = {"start": 0.0, "duration": 1.0}
        if self.fault.lying:
            times = {"start": -100.0, "duration": 1e9}
        fields = {**named, "transcript": text, **times}
        if self.fault.late:
            self.tasks.start_soon(self._later, fields)
        else:
            await self.send(f"{TRANSCRIPTION}.completed", **fields)

    async def _later(self, fields: dict[str, Any]) -> None:
        await anyio.sleep(self.fault.late)
        await self.send(f"{TRANSCRIPTION}.completed", **fields)

    def _named(self) -> dict[str, str]:
        return {} if self.fault.nameless else {"item_id": f"item_{self._item}"}

    async def _fail(self, text: str, code: str) -> None:
        error = {"message": text, "type": "server_error", "param": None, "code": code}
        await self.send(f"{TRANSCRIPTION}.failed", error=error)

    async def _complain(self, text: str) -> None:
        error = {"message": text, "type": "client_error", "param": None, "code": "bad_event"}
        await self.send("error", error=error)

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event, unless mute."""
        mute = self.fault.mute_after
        if mute is not None and self.ear.position >= mute:
            return
        try:
            await self.socket.send_text(json.dumps({"type": kind, "event_id": "e1", **fields}))
        except WebSocketDisconnect:
            self.tasks.cancel_scope.cancel()
