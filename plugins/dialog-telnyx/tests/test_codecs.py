"""Lines in codecs that the pretended telephones do not speak, at the socket itself."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import MutableMapping
from typing import Any

import attrs
import pytest
from dialog_telnyx.calls import KnownCall
from dialog_telnyx.line import Carrier, TelnyxLine
from dialog_telnyx.protocol import Envelopes
from dialog_telnyx.rest import TelnyxRest
from dialog_telnyx.settings import Codec
from dialog_telnyx.testing import Account, FakeTelnyx

from dialog_core.audio import AudioFrame
from dialog_core.factory import Services
from dialog_core.line import CallInfo, LineStopped
from dialog_core.net.media_stream import MediaStream
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

Raw = MutableMapping[str, Any]
SAMPLES = bytes(range(256)) * 3
FRAME = 640
"""20 ms of 16-bit samples at 16 kHz."""


@attrs.define(eq=False)
class Socket:
    """An ASGI media socket that says what it is told to, and keeps what is sent."""

    says: list[dict[str, object]]
    sent: list[dict[str, Any]] = attrs.field(factory=list)

    async def receive(self) -> Raw:
        return {"type": "websocket.receive", "text": json.dumps(self.says.pop(0))}

    async def send(self, message: Raw) -> None:
        if "text" in message:
            self.sent.append(json.loads(message["text"]))


def media(chunk: int, audio: bytes) -> dict[str, object]:
    payload = b64encode(audio).decode()
    body = {"track": "inbound_track", "chunk": str(chunk), "timestamp": str(20 * chunk)}
    return {"event": "media", "media": {**body, "payload": payload}}


def line_on(socket: Socket, services: Services, **settings: object) -> TelnyxLine:
    taken = Account().settings(**settings)
    carrier = Carrier(taken, TelnyxRest(taken, services), services)
    call = KnownCall("v3:x", "leg", "session", "", "", "inbound", {}, {})
    stream = MediaStream(socket.receive, socket.send, Envelopes())
    return TelnyxLine(CallInfo("v3:x", "reception", "telnyx"), call, carrier, stream)


@pytest.mark.requirement("A.25")
@pytest.mark.parametrize("big_endian", [False, True])
async def test_samples_go_both_ways_in_the_byte_order_that_is_set(*, big_endian: bool) -> None:
    wire = (SAMPLES * 2)[:FRAME]
    other = b"".join(wire[at : at + 2][::-1] for at in range(0, FRAME, 2))
    ours = other if big_endian else wire
    socket = Socket([media(1, wire), media(2, wire), {"event": "stop"}])
    async with in_memory(FakeTelnyx()) as services:
        line = line_on(socket, services, codec=Codec.L16, big_endian=big_endian)
        await line.play(ours)
        await line.play(ours[:10])
        await line.mark("end")
        events = [event async for event in line.events()]
    assert events == [AudioFrame(0.0, ours), AudioFrame(0.02, ours), LineStopped("hangup")]
    first, rest, mark = socket.sent
    assert b64decode(first["media"]["payload"]) == wire
    assert b64decode(rest["media"]["payload"]) == wire[:10] + bytes(FRAME - 10)
    assert mark["mark"]["name"] == "g0:end"


async def test_what_is_left_of_a_law_is_the_silence_of_that_law() -> None:
    socket = Socket([])
    async with in_memory(FakeTelnyx()) as services:
        line = line_on(socket, services, codec=Codec.PCMA)
        await line.play(b"\x01" * 100)
        await line.mark("end")
    assert b64decode(socket.sent[0]["media"]["payload"]) == b"\x01" * 100 + b"\xd5" * 60


async def test_early_frames_are_not_lost_when_the_stream_stops() -> None:
    frames = [bytes([number]) * 160 for number in range(4)]
    says = [media(number, frames[number]) for number in (1, 3)]
    socket = Socket([*says, {"event": "stop"}])
    async with in_memory(FakeTelnyx()) as services:
        line = line_on(socket, services)
        events = [event async for event in line.events()]
    assert events == [
        AudioFrame(0.0, frames[1]),
        AudioFrame(0.04, frames[3]),
        LineStopped("hangup"),
    ]
