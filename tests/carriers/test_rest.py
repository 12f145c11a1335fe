from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import httpx
import msgspec
import pytest

from dialog_core.carriers.rest import downloading, fetch, read_answer, refused
from dialog_core.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable

GIB = 1024**3


class Endless(httpx.AsyncByteStream):
    """A file that does not end, a mebibyte at a time."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(GIB):
            yield bytes(1024**2)


def serving(response: httpx.Response) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: response))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRejected),
        (404, ProviderRejected),
        (429, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
def test_a_refusal_is_one_that_another_try_might_change_or_not(
    status: int, kind: type[Exception]
) -> None:
    error = refused("acme", "no", status=status, request_id="r1")
    assert isinstance(error, kind)
    assert (error.status, error.request_id) == (status, "r1")


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'"text"'])
def test_an_answer_that_cannot_be_read_is_the_carriers_fault(body: bytes) -> None:
    decode = msgspec.json.Decoder(dict[str, str]).decode
    with pytest.raises(ProviderProtocolError, match="has no sid"):
        read_answer("acme", decode, httpx.Response(200, content=body), lacks="it has no sid")


@pytest.mark.anyio
async def test_a_recording_comes_whole_and_without_the_headers_of_its_encoding() -> None:
    packed = httpx.Response(200, headers={"content-type": "audio/wav"}, content=b"RIFF")
    async with serving(packed) as client:
        with downloading("acme"):
            answer = await fetch("acme", client.stream("GET", "https://acme.example/r.wav"))
    assert (answer.content, answer.headers["content-type"]) == (b"RIFF", "audio/wav")


@pytest.mark.anyio
async def test_a_recording_that_does_not_end_is_given_up() -> None:
    async with serving(httpx.Response(200, stream=Endless())) as client:
        recording = client.stream("GET", "https://acme.example/r.wav")
        with pytest.raises(ProviderProtocolError, match="over 4194304 bytes"):
            await fetch("acme", recording, most=4 * 1024**2)


@pytest.mark.anyio
async def test_a_recording_that_does_not_come_is_the_carriers_fault() -> None:
    with pytest.raises(ProviderUnavailable, match="did not come in 120 s"), downloading("acme"):
        await anyio.sleep_forever()
    with pytest.raises(ProviderUnavailable, match="was lost: ReadError"), downloading("acme"):
        raise httpx.ReadError("gone")
