"""The voice of the fake: one connection, its text buffer, and how it goes wrong.

Source: Together AI's API reference, "Realtime text-to-speech".
"""

from __future__ import annotations

import enum
import json
import re
from base64 import b64encode
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio
import attrs
from anyio.abc import TaskGroup
from starlette.websockets import WebSocket, WebSocketDisconnect

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.speech.words import is_pronounceable
from dialog_core.testing.speech import synthesise
from dialog_core.testing.vendor import Drop
from dialog_core.wav import header

if TYPE_CHECKING:
    from dialog_together.testing import FakeTogether

__all__ = ["AUDIO", "Speaking", "TtsFault", "TtsScript"]

AUDIO = AudioFormat(Encoding.PCM16, 24000)
SENTENCE = re.compile(r"[^.!?]*[.!?]+\s*|[^.!?]+")
INBOX = 256


class TtsFault(enum.Enum):
    """What goes wrong with a committed text, after some chunks of its audio."""

    DROP = "drop"
    """The socket is lost."""
    STALL = "stall"
    """Nothing comes any more."""
    GARBAGE = "garbage"
    """A frame that is not JSON; the text goes on."""
    BAD_AUDIO = "bad audio"
    """A delta that is not base64."""
    BAD_HEADER = "bad header"
    """A RIFF header of something that is not PCM."""
    NEW_KIND = "new kind"
    """A message of an unknown kind; the text goes on."""
    FAIL = "fail"
    """The text fails, with the script's code."""
    COMPLAIN = "complain"
    """An error event instead."""
    SILENT = "silent"
    """No audio, but its end as usual."""
    NO_DONE = "no done"
    """All audio, but never its end."""
    LATE = "late"
    """More audio of the text's last item, long after its end."""


@attrs.frozen
class TtsScript:
    """How one committed text goes."""

    fault: TtsFault | None = None
    after: int = 0
    """Chunks sent before the fault."""
    code: str = "internal_error"


class Over(Exception):
    """Nothing more comes of this text."""


@attrs.define(eq=False)
class Speaking:
    """One connection of the voice, for a test to look at."""

    fake: FakeTogether
    socket: WebSocket
    received: list[str] = attrs.field(factory=list)
    """Types of what came, in order."""
    tasks: TaskGroup = attrs.field(factory=anyio.create_task_group)
    _text: str = ""
    _waiting: deque[str] = attrs.field(factory=deque)
    """Committed texts that are not spoken yet."""
    _came: anyio.Event = attrs.field(factory=anyio.Event)
    _items: int = 0
    _dropped: bool = False
    _turn: anyio.Lock = attrs.field(factory=anyio.Lock)

    async def serve(self) -> None:
        """Talk until either side ends it. Raises: Drop."""
        session = {"id": "s1", "object": "realtime.tts.session", "modalities": ["text", "audio"]}
        async with self.tasks:
            await self.send("session.created", session={**session, **self.socket.query_params})
            self.tasks.start_soon(self._speak_all)
            await self._read()
            self.tasks.cancel_scope.cancel()
        if self._dropped:
            raise Drop

    def drop(self) -> None:
        """Lose the connection without a goodbye."""
        self._dropped = True
        self.tasks.cancel_scope.cancel()

    async def _read(self) -> None:
        while not self.tasks.cancel_scope.cancel_called:
            try:
                raw = await self.socket.receive_text()
            except WebSocketDisconnect:
                return
            try:
                event = json.loads(raw)
                kind = str(event["type"])
            except (ValueError, TypeError, KeyError):
                await self._complain("a message must be a JSON object with a type")
                continue
            self.received.append(kind)
            await self._obey(kind, event)
            self.fake.notify()

    async def _obey(self, kind: str, event: dict[str, Any]) -> None:
        match kind:
            case "input_text_buffer.append" if isinstance(event.get("text"), str):
                self._text += event["text"]
                await self.send("conversation.item.input_text.received", text=event["text"])
            case "input_text_buffer.commit":
                text, self._text = self._text, ""
                self.fake.spoken.append(text)
                self._waiting.append(text)
                self._came.set()
            case "input_text_buffer.clear":
                self.fake.clears += 1
                self._text = ""
                self._waiting.clear()
            case "tts_session.updated":
                await self.send(kind, session=event.get("session"))
            case _:
                await self._complain(f"unknown or malformed: {kind}")

    async def _speak_all(self) -> None:
        while True:
            while not self._waiting:
                self._came = anyio.Event()
                await self._came.wait()
            scripts = self.fake.scripts
            script = scripts.popleft() if scripts else TtsScript()
            try:
                await self._speak(self._waiting.popleft(), script)
            except Over:
                continue

    async def _speak(self, text: str, script: TtsScript) -> None:
        """Speak a text, sentence by sentence."""
        sent = 0
        await anyio.sleep(self.fake.latency)
        for sentence in filter(is_pronounceable, SENTENCE.findall(text)):
            self._items += 1
            item = f"tts_{self._items}"
            audio = synthesise(sentence, AUDIO, self.fake.seconds_per_character).data
            if self.fake.riff:
                audio = header(AUDIO) + audio
            if script.fault is TtsFault.SILENT:
                audio = b""
            size = self.fake.chunk
            for start in range(0, len(audio), size):
                if script.fault is not None and sent == script.after:
                    await self._go_wrong(script, item)
                await self._delta(item, audio[start : start + size])
                sent += 1
                if self.fake.speed:
                    await anyio.sleep(AUDIO.seconds(size) / self.fake.speed)
            if script.fault is TtsFault.NO_DONE:
                raise Over
            await self.send("conversation.item.audio_output.done", item_id=item)
            if script.fault is TtsFault.LATE:
                self.tasks.start_soon(self._late, item)
            await anyio.sleep(self.fake.item_gap)

    async def _late(self, item: str) -> None:
        await anyio.sleep(self.fake.lateness)
        await self._delta(item, AUDIO.silence(0.1))

    async def _delta(self, item: str, audio: bytes) -> None:
        delta = b64encode(audio).decode("ascii")
        await self.send("conversation.item.audio_output.delta", item_id=item, delta=delta)
        self.fake.chunks += 1
        self.fake.notify()

    async def _go_wrong(self, script: TtsScript, item: str) -> None:
        """Carry the script's fault out. Raises: Over when the text does not go on."""
        kind = "conversation.item.audio_output.delta"
        match script.fault:
            case TtsFault.DROP:
                self.drop()
                await anyio.sleep_forever()
            case TtsFault.STALL:
                await anyio.sleep_forever()
            case TtsFault.GARBAGE:
                await self.send_text("{not json")
            case TtsFault.BAD_AUDIO:
                await self.send(kind, item_id=item, delta="***")
            case TtsFault.BAD_HEADER:
                mulaw = header(AudioFormat(Encoding.MULAW, 8000)) + bytes(100)
                await self.send(kind, item_id=item, delta=b64encode(mulaw).decode("ascii"))
            case TtsFault.NEW_KIND:
                await self.send("conversation.item.visemes")
            case TtsFault.FAIL:
                error = {"message": "scripted failure", "type": "server_error", "code": script.code}
                await self.send("conversation.item.tts.failed", error=error)
                raise Over
            case TtsFault.COMPLAIN:
                await self._complain("scripted failure")
                raise Over
            case _:
                pass

    async def _complain(self, text: str) -> None:
        error = {"message": text, "type": "client_error", "param": None, "code": "bad_event"}
        await self.send("error", error=error)

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self.send_text(json.dumps({"type": kind, "event_id": "e1", **fields}))

    async def send_text(self, text: str) -> None:
        """Send a frame; nothing more, if the client has gone."""
        async with self._turn:
            try:
                await self.socket.send_text(text)
            except WebSocketDisconnect:
                self.tasks.cancel_scope.cancel()
