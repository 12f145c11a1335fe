"""The lean telephones count what is heard, and nothing else."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from contrib.bench.followed import Trace
from contrib.bench.frames import plain
from contrib.bench.loop import Loop
from contrib.bench.phones import Heard, Phone
from contrib.bench.speech import utterance

AUDIO = {"event": "media", "media": {"payload": b64encode(bytes(800)).decode()}}


class Wire:
    """A connection whose other end is this test."""

    on_data: Callable[[bytes], None]
    on_close: Callable[[], None]

    def send(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def test_who_has_hung_up_hears_nothing() -> None:
    loop, heard, wire = Loop(), Heard(open=True), Wire()
    connection: Any = wire
    phone = Phone(loop, connection, 1, ("AC1", "CA1"), utterance(), 0.5, Trace(), heard)
    phone.start()
    audio = plain(json.dumps(AUDIO).encode())
    wire.on_data(audio)
    assert heard.agent_seconds == 0.1
    phone.hang_up()
    wire.on_data(audio)
    assert heard.agent_seconds == 0.1
    loop.close()
