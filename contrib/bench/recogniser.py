"""A lean Deepgram: live transcription, v1, of callers who all say the same, but for their number."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from contrib.bench.clock import seconds
from contrib.bench.followed import Socket, Vendors, name_of
from contrib.bench.frames import BINARY, CLOSE, Frame, plain

__all__ = ["Recogniser", "quiet"]

FRAME = 160
ID_BITS = 16
LOUD_SHARE = 4
"""A stretch of 20 ms sounds if more than one byte in so many is loud."""
QUIET_MULAW = bytes(code for code in range(256) if (~code >> 4) & 7 <= 2)  # noqa: PLR2004
QUIET_UPPER = bytes((*range(4), *range(252, 256)))
LEVELS = bytes(0 if code == 0xFF else 1 for code in range(256))  # noqa: PLR2004 - mu-law silence
ENDPOINTING = 0.3
INTERIM_EVERY = 0.3
WORD_SECONDS = 0.25


def quiet(caller: int) -> bytes:
    """20 ms of mu-law silence that carries a number: samples of 0 and 8 of 32768, ten bits' worth a bit."""
    bits = [caller >> bit & 1 for bit in range(ID_BITS)]
    return b"".join((b"\xfe" if bit else b"\xff") * (FRAME // ID_BITS) for bit in bits)


def number_of(levels: bytes) -> int:
    """The number in 20 ms of silence, one byte a sample, 0 for the lower level."""
    step = FRAME // ID_BITS
    return sum((levels[bit * step] != 0) << bit for bit in range(ID_BITS))


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
            f"Hello this is caller {name_of(self._caller or 0)} do you still have a room"
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
