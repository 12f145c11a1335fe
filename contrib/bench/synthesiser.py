"""A lean Cartesia: contexts on a socket."""

from __future__ import annotations

import json
from base64 import b64encode

import attrs

from contrib.bench.clock import seconds
from contrib.bench.followed import CALLER, Socket, Trace, Vendors
from contrib.bench.frames import Frame

__all__ = ["Synthesiser"]

SECONDS_PER_CHARACTER = 0.055
CHUNK_SECONDS = 0.1
TONE = bytes((0x9A, 0x9A, 0x98, 0x1A, 0x1A, 0x18, 0x1A, 0x9A))


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
