"""One context of the fake: it gathers text, speaks it, and goes wrong as scripted."""

from __future__ import annotations

import enum
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import attrs
from starlette.websockets import WebSocketDisconnect

from dialog_core.audio import AudioFormat
from dialog_core.speech.words import is_pronounceable
from dialog_core.testing.speech import synthesise

if TYPE_CHECKING:
    from dialog_elevenlabs.testing import Connection

__all__ = ["Alignments", "Context", "Fault", "Script"]

SCHEDULE = (120, 160, 250, 290)
MILLISECONDS = 1000


class Alignments(enum.Enum):
    """How the times of characters are sent."""

    EACH = "each"
    """With each chunk those that sound in it."""
    FIRST = "first"
    """All of a piece of text with its first chunk."""
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
    BAD_TIMES = "bad times"
    """A chunk whose alignment has more characters than times."""
    WRONG_CONTEXT = "wrong context"
    """A chunk of a context that nobody began; the context goes on."""
    NEW_KIND = "new kind"
    """A message of an unknown kind; the context goes on."""
    FAIL = "fail"
    """An error of this context, with the script's word."""
    NAMELESS = "nameless"
    """The same without the context's id, and the socket is closed with 1008."""
    SILENT = "silent"
    """No audio at all, but the end as usual."""
    EARLY_FINAL = "early final"
    """The context is closed although more text may follow."""
    NO_FINAL = "no final"
    """All audio, but never its end."""


@attrs.frozen
class Script:
    """How one context goes."""

    fault: Fault | None = None
    after: int = 0
    """Chunks sent before the fault."""
    error: str = "voice_not_found"


class Over(Exception):
    """The context has ended."""


@attrs.define(eq=False)
class Context:
    """One context: text in, audio out, in order."""

    connection: Connection
    name: str | None
    """None on a socket of one context."""
    script: Script
    fmt: AudioFormat
    auto_mode: bool = False
    schedule: tuple[int, ...] = SCHEDULE
    _text: str = ""
    """Not generated yet."""
    _generations: int = 0
    _sent: int = 0
    _sounding: bool = False
    """Audio is being sent."""
    _inbox: list[dict[str, Any]] = attrs.field(factory=list)
    _came: anyio.Event = attrs.field(factory=anyio.Event)

    def push(self, request: dict[str, Any]) -> None:
        """A message of the context came."""
        config = request.get("generation_config") or {}
        self.schedule = tuple(config.get("chunk_length_schedule", self.schedule))
        if request.get("close_context") and self._sounding:
            self.connection.fake.left += 1
        self._inbox.append(request)
        self._came.set()

    async def run(self) -> None:
        """Speak until the context is closed, or nothing came for too long."""
        try:
            with suppress(Over):
                while True:
                    await self._serve(await self._next())
            await self.connection.over(self)
        except WebSocketDisconnect:
            self.connection.tasks.cancel_scope.cancel()

    async def _next(self) -> dict[str, Any]:
        """The next message. Raises: Over when the context idles out first."""
        if not self._inbox:
            self._came = anyio.Event()
            with anyio.move_on_after(self.connection.inactivity):
                await self._came.wait()
        if not self._inbox:
            raise Over
        return self._inbox.pop(0)

    async def _serve(self, request: dict[str, Any]) -> None:
        self._text += request.get("text") or ""
        flush = request.get("flush") or (self.auto_mode and self._text.strip())
        if flush or len(self._text) >= self._threshold:
            await self._speak()
        if request.get("close_context"):
            if self.script.fault is Fault.NO_FINAL:
                await anyio.sleep_forever()
            raise Over

    @property
    def _threshold(self) -> int:
        return self.schedule[min(self._generations, len(self.schedule) - 1)]

    async def _speak(self) -> None:
        text, self._text = self._text, ""
        if not is_pronounceable(text) or self.script.fault is Fault.SILENT:
            return
        fake, fault = self.connection.fake, self.script.fault
        self._generations += 1
        speech = synthesise(text, self.fmt, fake.seconds_per_character).data
        await anyio.sleep(fake.latency)
        size = fake.chunk_bytes or self.fmt.nbytes(fake.chunk)
        letters = list(timed(text, fake.seconds_per_character))
        for start in range(0, len(speech), size):
            if fault is not None and self._sent == self.script.after:
                await self._go_wrong(fault)
            chunk = speech[start : start + size]
            times = self._times(letters, start, start + size, len(speech))
            self._sounding = True
            await self._chunk(chunk, times)
        self._sounding = False
        if fault is Fault.EARLY_FINAL:
            raise Over

    def _times(
        self, letters: list[tuple[str, float, float]], start: int, end: int, total: int
    ) -> dict[str, Any] | None:
        """The alignment that goes with these bytes of a piece of speech."""
        match self.connection.fake.alignments:
            case Alignments.EACH:
                low, high = self.fmt.seconds(start), self.fmt.seconds(end)
                here = [each for each in letters if low <= each[1] < high or end >= total < each[1]]
                return alignment(here, low) if here else None
            case Alignments.FIRST:
                return alignment(letters, 0.0) if start == 0 else None
            case Alignments.NEVER:
                return None

    async def _chunk(self, audio: bytes, times: dict[str, Any] | None) -> None:
        fake = self.connection.fake
        await self._message(
            audio=b64encode(audio).decode("ascii"),
            isFinal=None,
            alignment=times,
            normalizedAlignment=times,
        )
        self._sent += 1
        fake.chunks += 1
        fake.notify()
        if fake.speed:
            await anyio.sleep(self.fmt.seconds(len(audio)) / fake.speed)

    async def _go_wrong(self, fault: Fault) -> None:
        """Carry the script's fault out. Raises: Over when the context does not go on."""
        connection = self.connection
        match fault:
            case Fault.DROP:
                connection.drop()
                await anyio.sleep_forever()
            case Fault.STALL:
                await anyio.sleep_forever()
            case Fault.GARBAGE:
                await connection.send_text("{not json")
            case Fault.BAD_AUDIO:
                await self._message(audio="***")
            case Fault.BAD_TIMES:
                times = {"chars": ["a", "b"], "charStartTimesMs": [0], "charDurationsMs": [1]}
                await self._message(audio="/w==", alignment=times)
            case Fault.WRONG_CONTEXT:
                await connection.send({"audio": "/w==", "contextId": "foreign"})
            case Fault.NEW_KIND:
                await self._message(visemes=[])
            case Fault.FAIL:
                await self._message(error=self.script.error, message="scripted failure", code=1008)
                raise Over
            case Fault.NAMELESS:
                await connection.refuse(self.script.error, "scripted failure")
                await anyio.sleep_forever()
            case Fault.SILENT | Fault.EARLY_FINAL | Fault.NO_FINAL:
                pass

    async def _message(self, **fields: Any) -> None:
        name = {} if self.name is None else {"contextId": self.name}
        await self.connection.send({**fields, **name})


def timed(text: str, unit: float) -> Iterator[tuple[str, float, float]]:
    """The characters of a text as :func:`synthesise` speaks it: when each begins, and how long it is."""
    at = 0.0
    for word in text.split():
        for character in f"{word} ":
            yield character, at, unit
            at += unit


def alignment(letters: list[tuple[str, float, float]], origin: float) -> dict[str, Any]:
    """Characters and their times in milliseconds from `origin`."""
    return {
        "chars": [character for character, _, _ in letters],
        "charStartTimesMs": [round((start - origin) * MILLISECONDS) for _, start, _ in letters],
        "charDurationsMs": [round(length * MILLISECONDS) for _, _, length in letters],
    }
