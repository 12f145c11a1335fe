from __future__ import annotations

import pytest
from dialog_plivo import xml
from dialog_plivo.testing import PhoneFault, open_stage, place_call
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dialog_core.protocols import Line
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

ANSWER = "https://voice.example.com/answer"
STREAM = xml.document(xml.stream("wss://voice.example.com/media", status_callback=""))
LONG = "AAAA" * 4097


def server(
    document: str, *said: str | bytes, status: int = 200, kind: str = "application/xml"
) -> Starlette:
    """A server that answers with this XML, and says these things on the media socket."""

    async def answer(_request: Request) -> Response:
        return Response(document, status, media_type=kind)

    async def media(socket: WebSocket) -> None:
        await socket.accept()
        stream = (await socket.receive_json())["start"]["streamId"]
        for each in said:
            if isinstance(each, bytes):
                await socket.send_bytes(each)
            else:
                await socket.send_text(each.replace("SID", stream))
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            return

    routes = [Route("/answer", answer, methods=["POST"]), WebSocketRoute("/media", media)]
    return Starlette(routes=routes)


def play(payload: str, kind: str = "audio/x-mulaw", rate: int | str = 8000) -> str:
    quoted = f'"{rate}"' if isinstance(rate, str) else rate
    body = f'{{"contentType":"{kind}","sampleRate":{quoted},"payload":"{payload}"}}'
    return f'{{"event":"playAudio","media":{body}}}'


@pytest.mark.parametrize(
    ("said", "warning"),
    [
        (b"\x00", "binary"),
        ("hello", "cannot be read"),
        ("x" * 65_537, "64 KB"),
        ('{"event":"media","streamId":"SID","media":{"payload":"/w=="}}', "cannot be read"),
        (play("/w==", kind="audio/x-mulaw;rate=8000"), "contentType"),
        (play("/w==", rate=16000), "contentType"),
        (play("/w==", rate="8000"), "cannot be read"),
        (play("UklGRg=="), "file header"),
        (play(LONG), "16 KB"),
        ('{"event":"checkpoint","name":"x"}', "cannot be read"),
        ('{"event":"checkpoint","streamId":"other","name":"x"}', "streamId"),
        ('{"event":"sendDTMF","dtmf":"1w"}', "keys"),
        ('{"event":"clearAudio","name":"x"}', "cannot be read"),
    ],
)
async def test_the_phone_warns_of_what_plivo_would_not_understand(
    said: str | bytes, warning: str
) -> None:
    async with in_memory(server(STREAM, said)) as services:
        async with place_call(services, ANSWER) as phone:
            await phone.silent(0.1)
    assert [warning in each for each in phone.warnings] == [True]
    assert phone.played == []


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        (server(STREAM, kind="text/plain"), "8011"),
        (server(STREAM, status=500), "7011"),
        (server("<Response><Sing/></Response>"), "8011"),
    ],
)
async def test_the_phone_puts_up_with_no_more_than_plivo(answer: Starlette, number: str) -> None:
    with pytest.raises(PhoneFault, match=number):
        async with in_memory(answer) as services, place_call(services, ANSWER) as phone:
            await phone.over()


async def test_a_socket_that_is_refused_is_tried_three_times_and_then_the_document_goes_on() -> (
    None
):
    document = STREAM.replace("/media", "/nowhere").replace(
        "</Response>", "<Speak>Sorry</Speak></Response>"
    )
    async with in_memory(server(document)) as services:
        async with place_call(services, ANSWER) as phone:
            await phone.over()
    assert len(phone.warnings) == 3
    assert phone.exchange.spoken == ["Sorry"]


async def test_plivo_holds_a_minute_of_audio_and_no_more() -> None:
    async def babble(line: Line) -> None:
        for _ in range(62):
            await line.play(bytes(8000))
        async for _ in line.events():
            pass

    async with open_stage(babble) as stage, stage.call() as phone:
        await phone.silent(0.1)
    assert set(phone.warnings) == {"more audio came than can wait"}
    assert len(phone.warnings) == 2
