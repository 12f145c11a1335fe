from __future__ import annotations

import itertools

import pytest
from dialog_twilio import twiml
from dialog_twilio.testing import (
    AgentBuffer,
    PhoneFault,
    open_stage,
    place_call,
    read_twiml,
)
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dialog_core.audio import AudioFrame
from dialog_core.protocols import Line
from dialog_core.testing.vendor import in_memory

VOICE = "https://voice.example.com/voice"
CONNECT = twiml.document(
    twiml.connect("wss://voice.example.com/media", name="n", status_callback="")
)


def server(
    document: str, *said: str | bytes, status: int = 200, kind: str = "text/xml"
) -> Starlette:
    """A server that answers with this TwiML, and says these things on the media socket."""

    async def voice(_request: Request) -> Response:
        return Response(document, status, media_type=kind)

    async def media(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive_text()
        sid = (await socket.receive_json())["streamSid"]
        for each in said:
            if isinstance(each, bytes):
                await socket.send_bytes(each)
            else:
                await socket.send_text(each.replace("SID", sid))
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            return

    routes = [Route("/voice", voice, methods=["POST"]), WebSocketRoute("/media", media)]
    return Starlette(routes=routes)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("said", "number"),
    [
        (b"\x00", "31950"),
        ("hello", "31951"),
        (
            '{"event":"media","streamSid":"SID","media":{"payload":"/w==","track":"outbound"}}',
            "31951",
        ),
        (
            '{"event":"media","streamSid":"SID","sequenceNumber":"1","media":{"payload":""}}',
            "31951",
        ),
        ('{"event":"media","streamSid":"MZ9","media":{"payload":"/w=="}}', "31951"),
        ('{"event":"media","streamSid":"SID","media":{"payload":"UklGRg=="}}', "31951"),
        ('{"event":"mark","streamSid":"SID","name":"x"}', "31951"),
        ('{"event":"clear"}', "31951"),
    ],
)
async def test_the_phone_warns_of_what_twilio_warns_of(said: str | bytes, number: str) -> None:
    async with in_memory(server(CONNECT, said)) as services, place_call(services, VOICE) as phone:
        await phone.silent(0.1)
    (warning,) = phone.warnings
    assert warning.startswith(number)
    assert phone.played == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "number"),
    [
        (server("<Response"), "12100"),
        (server("<Reply/>"), "12100"),
        (server("<Response><Sing/></Response>"), "12200"),
        (server(CONNECT, kind="text/plain"), "12300"),
        (server(CONNECT, status=500), "11200"),
        (server(CONNECT.replace("wss", "https")), "31922"),
        (server(CONNECT.replace("wss", "ws")), "31922"),
        (server(CONNECT.replace("/media", "/media?x=1")), "31923"),
        (server(CONNECT.replace("<Stream ", '<Stream track="both_tracks" ')), "31941"),
    ],
)
async def test_the_phone_puts_up_with_no_more_than_twilio(answer: Starlette, number: str) -> None:
    with pytest.raises(PhoneFault, match=number):
        async with in_memory(answer) as services, place_call(services, VOICE) as phone:
            await phone.over()


@pytest.mark.anyio
async def test_a_socket_that_is_refused_is_a_warning_and_the_twiml_goes_on() -> None:
    document = CONNECT.replace("/media", "/nowhere").replace(
        "</Response>", "<Say>Sorry</Say></Response>"
    )
    async with in_memory(server(document)) as services, place_call(services, VOICE) as phone:
        await phone.over()
    assert phone.warnings[0].startswith("31920")
    assert phone.exchange.spoken == ["Sorry"]


@pytest.mark.anyio
async def test_the_caller_knows_when_the_agent_speaks_and_when_it_is_silent() -> None:
    async def answer(line: Line) -> None:
        async for event in line.events():
            if isinstance(event, AudioFrame) and event.at == pytest.approx(0.98):
                await line.play(bytes(4000))

    async with open_stage(answer) as stage, stage.call() as phone:
        await phone.heard_speech()
        assert phone.now == pytest.approx(1.0)
        await phone.heard_silence(0.5)
        assert phone.now == pytest.approx(2.0)


@pytest.mark.anyio
async def test_a_phone_that_keeps_no_audio_still_counts_time() -> None:
    async with open_stage() as stage, stage.call(keep_audio=False) as phone:
        await phone.silent(10.0)
        assert phone.now == pytest.approx(10.0)
    assert phone.sent == b""


def test_ten_minutes_wait_and_not_a_second_more() -> None:
    buffer = AgentBuffer()
    assert buffer.push(bytes(600 * 8000), 0)
    assert not buffer.push(b"x", 0)
    assert buffer.push(b"x", 1)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 400), st.sampled_from(["push", "mark", "clear"]), st.integers(1, 300)
        ),
        max_size=30,
    )
)
def test_the_buffer_plays_everything_once_in_order_without_overlap(
    steps: list[tuple[int, str, int]],
) -> None:
    buffer, now, marked, echoed = AgentBuffer(), 0, 0, 0
    pushed = 0
    for wait, what, size in steps:
        now += wait
        echoed += len(buffer.due(now))
        if what == "push":
            pushed += size
            assert buffer.push(bytes(size), now)
        elif what == "mark":
            marked += 1
            buffer.mark(str(marked), now)
        else:
            echoed += len(buffer.clear(now))
            assert buffer.next_mark() is None
            assert buffer.end <= now
    end = max(buffer.end, now)
    echoed += len(buffer.due(end))
    played = buffer.played(end)
    assert echoed == marked
    assert sum(len(audio) for _, audio in played) <= pushed
    assert all(a + len(x) <= b for (a, x), (b, _) in itertools.pairwise(played))
    assert len(buffer.track(end)) == end


def test_twiml_is_read_as_strictly_as_twilio_reads_it() -> None:
    for wrong in (
        "<Response><Connect/></Response>",
        "<Response><Dial>+1555</Dial></Response>",
        '<Response><Hangup now="1"/></Response>',
        '<Response><Connect><Stream url="wss://h/m"><Parameter name="" value="1"/></Stream></Connect></Response>',
    ):
        with pytest.raises(PhoneFault):
            read_twiml(wrong)
