"""Lean vendors: Deepgram, OpenAI and Cartesia as far as a load of well-behaved calls needs them, on one port.

They speak the same messages as the plugins' fakes, which check and fail as well and therefore cost too much for some
hundred calls; `tests/test_vendors.py` holds both to the same dialogue. A caller is followed through the stages by a
number: it is in the samples of their silence (:func:`quiet`), then in the words that they are heard to say, and so in
the question to the model and in the text that is to be spoken.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qs, urlsplit

import attrs

from contrib.bench.clock import seconds
from contrib.bench.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    Frame,
    Frames,
    accept_key,
    plain,
)
from contrib.bench.loop import Connection, Loop

__all__ = ["Pace", "Trace", "Vendors", "quiet"]

FRAME = 160
ID_BITS = 16
LOUD_SHARE = 4
"""A stretch of 20 ms sounds if more than one byte in so many is loud."""
QUIET_MULAW = bytes(code for code in range(256) if (~code >> 4) & 7 <= 2)  # noqa: PLR2004
QUIET_UPPER = bytes((*range(4), *range(252, 256)))
ENDPOINTING = 0.3
INTERIM_EVERY = 0.3
WORD_SECONDS = 0.25
CALLER = re.compile(r"caller (\d+)")
SECONDS_PER_CHARACTER = 0.055
CHUNK_SECONDS = 0.1
TONE = bytes((0x9A, 0x9A, 0x98, 0x1A, 0x1A, 0x18, 0x1A, 0x9A))


@attrs.frozen
class Pace:
    """The vendors' set delays, in seconds."""

    settle: float = 0.05
    """From the end of the recogniser's 300 ms of silence, or from Finalize, to settled words."""
    token: float = 0.2
    """From the question to the model's first words, which are a whole sentence."""
    between: float = 0.02
    """Between further tokens."""
    speech: float = 0.1
    """From a text to its first audio."""
    speed: float = 5.0
    """Times faster than it sounds that audio comes."""


@attrs.define
class Trace:
    """When a caller's latest turn passed the vendors; seconds on the load's clock."""

    onset: int = 0
    """Frames that the recogniser got before the latest utterance."""
    asked: float = 0.0
    answered: float = 0.0
    texted: float = 0.0
    voiced: float = 0.0


def quiet(caller: int) -> bytes:
    """20 ms of mu-law silence that carries a number: samples of 0 and 8 of 32768, ten bits' worth a bit."""
    bits = [caller >> bit & 1 for bit in range(ID_BITS)]
    return b"".join((b"\xfe" if bit else b"\xff") * (FRAME // ID_BITS) for bit in bits)


def number_of(levels: bytes) -> int:
    """The number in 20 ms of silence, one byte a sample, 0 for the lower level."""
    step = FRAME // ID_BITS
    return sum((levels[bit * step] != 0) << bit for bit in range(ID_BITS))


@attrs.define(eq=False)
class Vendors:
    """All three, for all calls of a run."""

    loop: Loop
    pace: Pace = attrs.field(factory=Pace)
    traces: dict[int, Trace] = attrs.field(factory=dict)
    """By caller; who is not in it is not followed."""
    problems: list[str] = attrs.field(factory=list)

    def listen(self) -> int:
        """Serve on a free port; returns it."""
        return self.loop.listen(partial(Door, self))

    def trace(self, text: str) -> Trace:
        """The trace of the last caller that a text names."""
        named = CALLER.findall(text)
        return self.traces.setdefault(int(named[-1]) if named else -1, Trace())


class Door:
    """A new connection, until its first request says what it is."""

    def __init__(self, vendors: Vendors, connection: Connection) -> None:
        self._vendors = vendors
        self._connection = connection
        self._head = b""
        connection.on_data = self._read

    def _read(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return
        target = head.split(b" ", 2)[1].decode()
        if b"upgrade: websocket" not in head.lower():
            model = Model(self._vendors, self._connection)
            self._connection.on_data = model.read
            model.read(self._head)
            return
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
        assert key is not None
        self._connection.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key[1]) + b"\r\n\r\n"
        )
        socket = Socket(self._connection)
        kind = Recogniser if "/listen" in target else Synthesiser
        kind(self._vendors, socket, target)
        if rest:
            socket.read(rest)


class Socket:
    """A WebSocket's server side."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.on_frame: Callable[[Frame], None] = lambda _frame: None
        self._frames = Frames()
        connection.on_data = self.read

    def read(self, data: bytes) -> None:
        """Take bytes."""
        for frame in self._frames.feed(data):
            if frame.opcode == PING:
                self.connection.send(plain(frame.data, PONG))
            elif frame.opcode == CLOSE:
                self.connection.send(plain(frame.data[:2], CLOSE))
                self.connection.close()
                return
            else:
                self.on_frame(frame)

    def send(self, message: object) -> None:
        """Send a JSON message."""
        self.connection.send(plain(json.dumps(message).encode()))


class Recogniser:
    """Deepgram's live transcription, v1: interim results while there is voice, settled words after it."""

    def __init__(self, vendors: Vendors, socket: Socket, target: str) -> None:
        query = parse_qs(urlsplit(target).query)
        self._width = 2 if query["encoding"] == ["linear16"] else 1
        self._vendors = vendors
        self._socket = socket
        self._caller: int | None = None
        self._rest = b""
        self._position = 0.0
        self._began: float | None = None
        self._last = 0.0
        self._start = 0.0
        self._shown = 0.0
        self._settling = False
        socket.on_frame = self._take

    def _take(self, frame: Frame) -> None:
        if frame.opcode != BINARY:
            kind = json.loads(frame.data)["type"]
            if kind == "Finalize":
                self._settle(from_finalize=True)
            elif kind == "CloseStream":
                self._socket.send({"type": "Metadata", "duration": self._position, "channels": 1})
                self._socket.connection.send(plain(b"\x03\xe8", CLOSE))
            return
        data = self._rest + frame.data if self._rest else frame.data
        size = FRAME * self._width
        whole = len(data) - len(data) % size
        for start in range(0, whole, size):
            self._hear(data[start : start + size])
        self._rest = data[whole:]

    def _hear(self, unit: bytes) -> None:
        """Listen to 20 ms."""
        self._position += 0.02
        if self._width == 1:
            loud = len(unit.translate(None, QUIET_MULAW)) * LOUD_SHARE > FRAME
        else:
            loud = len(unit[1::2].translate(None, QUIET_UPPER)) * LOUD_SHARE > FRAME
        if loud:
            if self._began is None:
                self._began = self._position - 0.02
                if (trace := self._vendors.traces.get(self._caller or 0)) is not None:
                    trace.onset = round(self._began / 0.02)
            self._last = self._position
        elif self._began is None:
            if self._caller is None:
                levels = unit.translate(LEVELS) if self._width == 1 else unit[::2]
                self._caller = number_of(levels)
        elif self._position - self._last >= ENDPOINTING:
            self._settle(from_finalize=False)
        if self._position - self._shown >= INTERIM_EVERY:
            self._shown = self._position
            began = self._position if self._began is None else self._began
            self._result(int((self._position - began) / WORD_SECONDS))

    def _settle(self, *, from_finalize: bool) -> None:
        """Settle the words after the set delay."""
        if self._settling:
            return
        self._settling = True
        now = seconds()
        self._vendors.loop.at(
            now + self._vendors.pace.settle, lambda: self._settled(from_finalize=from_finalize)
        )

    def _settled(self, *, from_finalize: bool) -> None:
        self._settling = False
        self._result(None, final=True, from_finalize=from_finalize)
        self._began, self._start = None, self._position

    def _result(
        self, count: int | None, *, final: bool = False, from_finalize: bool = False
    ) -> None:
        """Send a result with the first words; all if `count` is None, none if nothing was said."""
        said = (
            f"Hello this is caller {self._caller} do you still have a room"
            if self._began is not None
            else ""
        )
        spoken = said.split()[:count]
        first = self._start if self._began is None else self._began
        step = (self._last - first) / len(spoken) if spoken else 0.0
        words = [
            {
                "word": word.lower(),
                "start": round(first + step * number, 3),
                "end": round(first + step * (number + 1), 3),
                "confidence": 0.98,
                "punctuated_word": word,
            }
            for number, word in enumerate(spoken)
        ]
        text = " ".join(spoken)
        self._socket.send(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "duration": round(self._position - self._start, 3),
                "start": round(self._start, 3),
                "is_final": final,
                "speech_final": final and not from_finalize,
                "from_finalize": from_finalize,
                "channel": {
                    "alternatives": [{"transcript": text, "confidence": 0.98, "words": words}]
                },
                "metadata": {
                    "request_id": "4c5a0d5e-0000-4000-8000-000000000000",
                    "model_uuid": "9d2e0000",
                    "model_info": {"name": "general-nova-3", "version": "1", "arch": "nova-3"},
                },
            }
        )


LEVELS = bytes(0 if code == 0xFF else 1 for code in range(256))  # noqa: PLR2004 - mu-law silence


class Model:
    """OpenAI's Chat Completions: a sentence after the set delay, further tokens at a steady pace."""

    def __init__(self, vendors: Vendors, connection: Connection) -> None:
        self._vendors = vendors
        self._connection = connection
        self._rest = b""

    def read(self, data: bytes) -> None:
        """Take bytes; answer each whole request."""
        self._rest += data
        head, end, body = self._rest.partition(b"\r\n\r\n")
        if not end:
            return
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if len(body) < size:
            return
        self._rest = body[size:]
        self._answer(json.loads(body[:size]))

    def _answer(self, request: dict[str, list[dict[str, str]]]) -> None:
        now, loop, pace = seconds(), self._vendors.loop, self._vendors.pace
        question = json.dumps(request["messages"][-1])
        trace = self._vendors.trace(question)
        trace.asked = now
        named = CALLER.findall(question)
        first = [f"Of course caller {named[-1] if named else 0}.", " The"]
        rest = [
            "",
            "sea",
            "view",
            "costs",
            "ninety",
            "euros",
            "a",
            "night,",
            "and",
            "breakfast",
            "is",
            "included.",
        ][1:]

        def begin() -> None:
            trace.answered = seconds()
            self._connection.send(HEAD + b"".join(part(delta(token)) for token in first))

        loop.at(now + pace.token, begin)
        for number, token in enumerate(rest, 1):
            loop.at(
                now + pace.token + number * pace.between,
                partial(self._connection.send, part(delta(f" {token}"))),
            )
        usage = {"prompt_tokens": 9, "completion_tokens": 13, "total_tokens": 22}
        ending = [
            event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            event({"choices": [], "usage": usage}),
            b"data: [DONE]\n\n",
        ]
        over = part(b"".join(ending)) + b"0\r\n\r\n"
        due = now + pace.token + (len(rest) + 1) * pace.between
        loop.at(due, lambda: self._connection.send(over))


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"x-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n"
)
COMMON = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}


def event(body: dict[str, object]) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps(COMMON | body).encode() + b"\n\n"


def delta(text: str) -> bytes:
    """An event with a token."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return event({"choices": [choice]})


def part(data: bytes) -> bytes:
    """A chunk of an HTTP body."""
    return b"%x\r\n" % len(data) + data + b"\r\n"


@attrs.define(eq=False)
class Context:
    """One reply that is being spoken."""

    fmt: tuple[str, int]
    free: float = 0.0
    """When the audio of what was submitted is out."""
    said: float = 0.0
    """Seconds of audio so far."""
    cancelled: bool = False


class Synthesiser:
    """Cartesia's socket: contexts, their audio faster than it sounds, word times."""

    def __init__(self, vendors: Vendors, socket: Socket, _target: str) -> None:
        self._vendors = vendors
        self._socket = socket
        self._contexts: dict[str, Context] = {}
        socket.on_frame = self._take

    def _take(self, frame: Frame) -> None:
        request = json.loads(frame.data)
        name = request["context_id"]
        if request.get("cancel"):
            context = self._contexts.pop(name, None)
            if context is not None:
                context.cancelled = True
            return
        context = self._contexts.get(name)
        if context is None:
            output = request["output_format"]
            context = Context((output["encoding"], output["sample_rate"]))
            self._contexts[name] = context
        self._speak(name, context, request)

    def _speak(self, name: str, context: Context, request: dict[str, str]) -> None:
        now, pace = seconds(), self._vendors.pace
        text = request["transcript"].strip()
        at = max(now + pace.speech, context.free) if text else max(now, context.free)
        if text:
            trace = self._vendors.trace(text)
            if CALLER.search(text):
                trace.texted = now
            at = self._say(name, context, text, at, trace)
        if request.get("flush"):
            self._send(at, name, context, {"type": "flush_done", "flush_done": True, "flush_id": 1})
        if not request.get("continue", False):
            self._send(at, name, context, {"type": "done", "done": True})
        context.free = at

    def _say(self, name: str, context: Context, text: str, at: float, trace: Trace) -> float:
        """Send the audio of a text from then on; returns when it is out."""
        encoding, rate = context.fmt
        total = len(text) * SECONDS_PER_CHARACTER
        words = text.split()
        step = total / len(words)
        starts = [context.said + step * number for number in range(len(words))]
        times = {"words": words, "start": starts, "end": [start + step for start in starts]}
        self._send(at, name, context, {"type": "timestamps", "word_timestamps": times})
        first = True
        left = total
        while left > 0:
            piece = min(CHUNK_SECONDS, left)
            samples = int(piece * rate)
            audio = (TONE * (samples // 8 + 1))[:samples]
            if encoding == "pcm_s16le":
                audio = (b"\x00\x10\x00\x10\x00\xf0\x00\xf0" * (samples // 4 + 1))[: 2 * samples]
            chunk = {"type": "chunk", "data": b64encode(audio).decode(), "step_time": 1.0}
            self._send(at, name, context, chunk, trace if first else None)
            first = False
            left -= piece
            at += piece / self._vendors.pace.speed
        context.said += total
        return at

    def _send(
        self,
        at: float,
        name: str,
        context: Context,
        message: dict[str, object],
        trace: Trace | None = None,
    ) -> None:
        done = message.get("done", False)
        whole = {"context_id": name, "status_code": 206, "done": done, **message}

        def send() -> None:
            if context.cancelled:
                return
            if trace is not None:
                trace.voiced = seconds()
            if done:
                self._contexts.pop(name, None)
            self._socket.send(whole)

        self._vendors.loop.at(at, send)
