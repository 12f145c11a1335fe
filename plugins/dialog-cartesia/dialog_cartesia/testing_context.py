"""One context of the fake: it buffers text, speaks it, and goes wrong as scripted."""

from __future__ import annotations

import enum
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.websockets import WebSocketDisconnect

from dialog_cartesia.testing_rules import ENCODINGS
from dialog_core.audio import AudioFormat
from dialog_core.speech.words import is_pronounceable
from dialog_core.testing.speech import synthesise

if TYPE_CHECKING:
    from dialog_cartesia.testing import Connection

__all__ = ["Context", "Fault", "Flushes", "Script"]

INBOX = 256
DEFAULT_DELAY_MS = 3000


class Flushes(enum.Enum):
    """How `flush_done` is sent."""

    ASKED = "asked"
    """Once for each flush."""
    EVERY = "every"
    """After every submission, and once more for each flush."""
    NEVER = "never"


class Fault(enum.Enum):
    """What goes wrong with a context, after some chunks of its audio."""

    DROP = "drop"
    """The socket is lost."""
    STALL = "stall"
    """Nothing comes any more."""
    GARBAGE = "garbage"
    """A frame that is not JSON; the context goes on."""
    BAD_AUDIO = "bad audio"
    """A chunk that is not base64."""
    WRONG_CONTEXT = "wrong context"
    """A chunk of a context that nobody began; the context goes on."""
    NEW_KIND = "new kind"
    """A message of an unknown kind; the context goes on."""
    FAIL = "fail"
    """An error with the script's status."""
    NAMELESS = "nameless"
    """The same, without the context's id."""
    SILENT = "silent"
    """No audio at all, but flush_done and done as usual."""
    EARLY_DONE = "early done"
    """The context ends although more text may follow."""
    NO_DONE = "no done"
    """All audio, but never `done`."""


@attrs.frozen
class Script:
    """How one context goes."""

    fault: Fault | None = None
    after: int = 0
    """Chunks sent before the fault."""
    status: int = 400


class Over(Exception):
    """The context has ended."""


class Context:
    """One context: submissions in, audio out, in order."""

    def __init__(
        self, connection: Connection, name: str, first: dict[str, Any], script: Script
    ) -> None:
        output = first["output_format"]
        self.first = first
        self._connection = connection
        self._fake = connection.fake
        self._name = name
        self._script = script
        self._fmt = AudioFormat(ENCODINGS[output["encoding"]], output["sample_rate"])
        self._inbox, self._requests = inbox()
        self._sent = 0
        self._said = 0.0
        self._flushes = 0
        self._late: int | None = None

    def push(self, request: dict[str, Any]) -> None:
        """A submission came; after a cancel nobody reads it."""
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._inbox.send_nowait(request)

    def cancel(self) -> None:
        """Stop after some more chunks, as the vendor does with a request that has begun."""
        self._late = self._fake.late_chunks
        self._inbox.close()

    async def run(self) -> None:
        """Speak until the end, expiry or cancellation."""
        try:
            with self._requests, self._inbox:
                while True:
                    await self._serve(await self._next())
        except (Over, anyio.EndOfStream):
            self._connection.forget(self._name)
        except WebSocketDisconnect:
            self._connection.tasks.cancel_scope.cancel()

    async def _next(self) -> dict[str, Any]:
        """The next submission. Raises: Over when the context expires first."""
        limit = self._fake.expiry if self._sent else None
        with anyio.move_on_after(limit):
            return await self._requests.receive()
        raise Over

    async def _serve(self, request: dict[str, Any]) -> None:
        text = request["transcript"]
        delay = self.first.get("max_buffer_delay_ms", DEFAULT_DELAY_MS) / 1000
        while delay and text and request.get("continue") and not request.get("flush"):
            with anyio.move_on_after(delay) as wait:
                request = await self._requests.receive()
                text += request["transcript"]
            if wait.cancelled_caught:
                break
        if is_pronounceable(text):
            await self._speak(text)
        await self._bounds(flush=request.get("flush", False), text=text)
        if not request.get("continue", False):
            if self._script.fault is Fault.NO_DONE:
                await anyio.sleep_forever()
            await self._message("done", done=True)
            raise Over

    async def _speak(self, text: str) -> None:
        if self._script.fault is Fault.SILENT:
            return
        speech = synthesise(text, self._fmt, self._fake.seconds_per_character)
        offset, self._said = self._said, self._said + self._fmt.seconds(len(speech.data))
        await anyio.sleep(self._fake.latency)
        if not self._fake.late_words:
            await self._times(speech.words, offset)
        size = self._fmt.nbytes(self._fake.chunk)
        for start in range(0, len(speech.data), size):
            if self._script.fault is not None and self._sent == self._script.after:
                await self._go_wrong(self._script.fault)
            await self._chunk(speech.data[start : start + size])
        if self._fake.late_words:
            await self._times(speech.words, offset)

    async def _chunk(self, audio: bytes) -> None:
        if self._late is not None:
            if not self._late:
                raise Over
            self._late -= 1
        data = b64encode(audio).decode("ascii")
        await self._message("chunk", data=data, step_time=1.0, flush_id=self._flushes + 1)
        self._sent += 1
        self._fake.chunks += 1
        self._fake.notify()
        if self._fake.speed:
            await anyio.sleep(self._fmt.seconds(len(audio)) / self._fake.speed)

    async def _times(self, words: tuple[tuple[str, float, float], ...], offset: float) -> None:
        if self.first.get("add_timestamps"):
            times = {
                "words": [word for word, _, _ in words],
                "start": [offset + start for _, start, _ in words],
                "end": [offset + end for _, _, end in words],
            }
            await self._message("timestamps", word_timestamps=times)

    async def _bounds(self, *, flush: bool, text: str) -> None:
        """Tell that a submission is spoken, in the manner of the fake."""
        mode = self._fake.flushes
        count = (mode is not Flushes.NEVER and flush) + (mode is Flushes.EVERY and bool(text))
        for _ in range(count):
            self._flushes += 1
            await self._message("flush_done", flush_done=True, flush_id=self._flushes)

    async def _go_wrong(self, fault: Fault) -> None:
        """Carry the script's fault out. Raises: Over when the context does not go on."""
        match fault:
            case Fault.DROP:
                self._connection.drop()
                await anyio.sleep_forever()
            case Fault.STALL:
                await anyio.sleep_forever()
            case Fault.GARBAGE:
                await self._connection.send_text("{not json")
            case Fault.BAD_AUDIO:
                await self._message("chunk", data="***", step_time=1.0)
            case Fault.WRONG_CONTEXT:
                foreign = {"type": "chunk", "context_id": "foreign", "status_code": 206}
                await self._connection.send({**foreign, "done": False, "data": "/w=="})
            case Fault.NEW_KIND:
                await self._message("visemes", visemes=[])
            case Fault.EARLY_DONE:
                await self._message("done", done=True)
                raise Over
            case Fault.FAIL | Fault.NAMELESS:
                name = None if fault is Fault.NAMELESS else self._name
                await self._connection.refuse(name, self._script.status, "scripted failure")
                raise Over
            case Fault.SILENT | Fault.NO_DONE:
                pass

    async def _message(self, kind: str, *, done: bool = False, **fields: Any) -> None:
        common = {"type": kind, "context_id": self._name, "status_code": 206, "done": done}
        await self._connection.send({**common, **fields})


def inbox() -> tuple[
    MemoryObjectSendStream[dict[str, Any]], MemoryObjectReceiveStream[dict[str, Any]]
]:
    """Submissions that wait to be spoken; a client that sends more at once breaks the test."""
    return anyio.create_memory_object_stream[dict[str, Any]](INBOX)
