"""The lean vendors against the plugins' fakes: the same dialogue must bring messages of the same shapes."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import attrs
import httpx
import pytest
from dialog_cartesia.protocol import PATH, build_end, build_text, generation
from dialog_cartesia.settings import CartesiaSettings
from dialog_cartesia.testing import FakeCartesia
from dialog_deepgram.request import listen_url
from dialog_deepgram.settings import DeepgramSettings
from dialog_deepgram.testing import FakeDeepgram
from dialog_openai.testing import FakeOpenAI

from contrib.bench.followed import name_of
from contrib.bench.loop import Loop
from contrib.bench.recogniser import quiet
from contrib.bench.speech import utterance
from contrib.bench.vendors import Vendors, listen
from dialog_core.audio import TELEPHONE
from dialog_core.errors import SocketClosed
from dialog_core.fields import Secret
from dialog_core.net.websocket import open_websocket
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

pytestmark = [pytest.mark.anyio, real_loop]

KEY = "bench"
CALLER = 417
NAME = name_of(CALLER)


@pytest.fixture
def lean() -> Iterator[str]:
    """Host and port of the lean vendors."""
    loop = Loop()
    port = listen(Vendors(loop))
    thread = threading.Thread(target=loop.run)
    thread.start()
    yield f"127.0.0.1:{port}"
    loop.stop()
    thread.join()
    loop.close()


@asynccontextmanager
async def fake(app: Any) -> AsyncIterator[str]:
    """Host and port of a plugin's fake."""
    async with served(app) as url:
        yield url.removeprefix("http://")


def shape(value: object) -> object:
    """What a message is made of: its fields and their types, without the values; a field without a value is none."""
    if isinstance(value, dict):
        given = {name: content for name, content in sorted(value.items()) if content is not None}
        return {name: shape(content) for name, content in given.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__


async def transcribed(host: str) -> list[dict[str, Any]]:
    """What a recogniser says of an utterance, up to its goodbye."""
    settings = DeepgramSettings(api_key=Secret(KEY), url=f"ws://{host}")
    url = listen_url(settings, TELEPHONE)
    audio = quiet(CALLER) * 10 + utterance().audio + b"\xff" * 160 * 30
    async with open_websocket(url, headers={"authorization": f"Token {KEY}"}) as socket:
        for start in range(0, len(audio), 480):
            await socket.send(audio[start : start + 480])
        messages: list[dict[str, Any]] = []
        while not (messages and messages[-1].get("speech_final")):
            messages.append(json.loads(await socket.receive()))
        await socket.send('{"type":"Finalize"}')
        while not messages[-1].get("from_finalize"):
            messages.append(json.loads(await socket.receive()))
        await socket.send('{"type":"CloseStream"}')
        with suppress(SocketClosed):
            while True:
                messages.append(json.loads(await socket.receive()))
    return [each for each in messages if each["type"] in {"Results", "Metadata"}]


async def test_the_recogniser_says_what_the_fake_says(lean: str) -> None:
    vendor = FakeDeepgram(script=["Hello this is a caller"], key=KEY)
    async with fake(vendor.app) as host:
        theirs = await transcribed(host)
    ours = await transcribed(lean)

    def final(messages: list[dict[str, Any]]) -> dict[str, Any]:
        return next(each for each in messages if each.get("speech_final"))

    wanted = final(theirs)
    assert shape(final(ours)) == shape(wanted)
    assert {each["type"] for each in ours} == {each["type"] for each in theirs} - {"UtteranceEnd"}
    (best,) = final(ours)["channel"]["alternatives"]
    assert f"caller {NAME}" in best["transcript"]
    assert " ".join(word["punctuated_word"] for word in best["words"]) == best["transcript"]


async def streamed(host: str) -> list[Any]:
    """The events of a model's answer."""
    body = {
        "model": "gpt-4.1-mini",
        "messages": [{"role": "user", "content": f"I am caller {NAME}"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"http://{host}/v1/chat/completions"
        answer = await client.post(url, json=body, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [event.removeprefix("data: ") for event in answer.text.split("\n\n") if event]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


async def test_the_model_answers_as_the_fake_answers(lean: str) -> None:
    async with fake(FakeOpenAI(["Of course. The room."], key=KEY).app) as host:
        theirs = await streamed(host)
    ours = await streamed(lean)
    kinds = [str(shape(each)) for each in ours]
    assert set(kinds) <= {str(shape(each)) for each in theirs}
    assert kinds[-2:] == [str(shape(each)) for each in theirs[-2:]]
    said = "".join(each["choices"][0]["delta"].get("content", "") for each in ours[:-1])
    assert said.startswith(f"Of course caller {NAME}. The sea view costs")


@attrs.frozen
class Spoken:
    """What came of a context."""

    messages: list[dict[str, Any]]

    @property
    def kinds(self) -> list[str]:
        """Kinds in order, chunks of one submission as one."""
        kinds = [each["type"] for each in self.messages]
        return [kind for before, kind in zip(["", *kinds], kinds, strict=False) if kind != before]


async def spoken(host: str) -> Spoken:
    """Two segments of one reply."""
    settings = CartesiaSettings(api_key=Secret(KEY), voice="v", url=f"ws://{host}")
    fields = generation(settings, TELEPHONE)
    headers = {"authorization": f"Bearer {KEY}", "cartesia-version": settings.version}
    async with open_websocket(f"ws://{host}{PATH}", headers=headers) as socket:
        for text in (f"Of course caller {NAME}. ", "The sea view. "):
            await socket.send(build_text(fields, "one", text))
        await socket.send(build_end(fields, "one"))
        messages: list[dict[str, Any]] = []
        while not (messages and messages[-1]["type"] == "done"):
            messages.append(json.loads(await socket.receive()))
        await socket.close()
    return Spoken(messages)


async def test_the_voice_speaks_as_the_fake_speaks(lean: str) -> None:
    async with fake(FakeCartesia(api_key=KEY)) as host:
        theirs = await spoken(host)
    ours = await spoken(lean)
    assert ours.kinds == theirs.kinds
    wanted = {each["type"]: set(each) for each in theirs.messages}
    for each in ours.messages:
        assert set(each) <= wanted[each["type"]]


async def test_a_cancelled_voice_falls_silent(lean: str) -> None:
    settings = CartesiaSettings(api_key=Secret(KEY), voice="v", url=f"ws://{lean}")
    async with open_websocket(f"ws://{lean}{PATH}") as socket:
        await socket.send(build_text(generation(settings, TELEPHONE), "one", "A long sentence."))
        await socket.receive()
        await socket.send('{"context_id":"one","cancel":true}')
        with anyio.move_on_after(0.5) as silence:
            while True:
                await socket.receive()
        await socket.close()
    assert silence.cancelled_caught
