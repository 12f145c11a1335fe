"""What the lean vendors share: set delays, the calls that are followed through them, their side of a socket."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import attrs

from contrib.bench.frames import CLOSE, PING, PONG, Frame, Frames, plain
from contrib.bench.loop import Connection, Loop

__all__ = ["CALLER", "Pace", "Socket", "Trace", "Vendors", "name_of"]

CALLER = re.compile(r"caller ([a-j]{5})\b")
LETTERS = "abcdefghij"


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


@attrs.define(eq=False)
class Vendors:
    """All three, for all calls of a run."""

    loop: Loop
    pace: Pace = attrs.field(factory=Pace)
    traces: dict[int, Trace] = attrs.field(factory=dict)
    """By caller; who is not in it is not followed."""
    problems: list[str] = attrs.field(factory=list)

    def trace(self, text: str) -> Trace:
        """The trace of the last caller that a text names."""
        named = CALLER.findall(text)
        return self.traces.setdefault(number_of(named[-1]) if named else -1, Trace())


def name_of(caller: int) -> str:
    """A number as a word, a letter for each digit: what is written in digits is spoken in words."""
    return "".join(LETTERS[int(digit)] for digit in f"{caller:05}")


def number_of(name: str) -> int:
    """The number that a word stands for."""
    return int("".join(str(LETTERS.index(letter)) for letter in name))


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
