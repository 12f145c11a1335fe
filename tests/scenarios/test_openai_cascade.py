"""A whole call with one vendor: OpenAI hears, thinks and speaks, in each of its forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
from dialog_openai.testing import (
    KEY,
    FakeOpenAI,
    FakeRealtime,
    FakeSpeech,
    FakeTranscriber,
)
from dialog_twilio.testing import Account, FakeTwilio, Phone, place_call
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_core.app import new_app
from dialog_core.observe.observations import Observation, StepTaken
from dialog_core.settings import load
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import BargeIn, Record, Said, TurnComplete
from tests.scenarios.staging import HOST, VOICE

pytestmark = pytest.mark.anyio

SAID = "What does a room cost?"
ANSWER = "A double room costs ninety euros a night. Breakfast is included, of course."
SETTINGS = """
[server]
public_url = "https://voice.example.com"

[agents.reception]
agent = { use = "chat", greeting = "Hotel Aurora, good evening." }
voip = { use = "twilio", account_sid = "%(sid)s", auth_token = "%(token)s" }
llm = { use = "openai", api_key = "sk-test", api = "%(api)s" }
stt = { api_key = "sk-test", %(stt)s }
tts = { use = "openai", api_key = "sk-test" }
vad = "energy"
%(more)s
"""


@attrs.frozen
class OpenAI:
    """All of the vendor's interfaces at one address."""

    realtime: FakeRealtime = attrs.field(factory=lambda: FakeRealtime((SAID,)))
    transcriber: FakeTranscriber = attrs.field(factory=lambda: FakeTranscriber((SAID,)))
    model: FakeOpenAI = attrs.field(factory=lambda: FakeOpenAI([ANSWER]))
    speech: FakeSpeech = attrs.field(factory=FakeSpeech)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: pass on to whoever answers under this path."""
        match scope["path"].removeprefix("/v1/"):
            case "realtime":
                await self.realtime.app(scope, receive, send)
            case "audio/transcriptions":
                await self.transcriber.app(scope, receive, send)
            case "audio/speech":
                await self.speech.app(scope, receive, send)
            case _:
                await self.model.app(scope, receive, send)


@asynccontextmanager
async def calling(
    folder: Path, vendor: OpenAI, observed: list[Observation], **parts: str
) -> AsyncIterator[Phone]:
    """A telephone that has called an agent made of these parts."""
    twilio = FakeTwilio(Account())
    account = {"sid": twilio.account.sid, "token": twilio.account.token}
    file = folder / "dialog.toml"
    file.write_text(SETTINGS % {"api": "chat", "more": "", **account, **parts}, "utf-8")
    apps: dict[str, ASGIApp] = {"api.openai.com": vendor, "api.twilio.com": twilio}
    async with in_memory(apps) as services:
        server = new_app(load(file, environ={}), services=services, observe=observed.append)
        async with in_memory({**apps, HOST: server}) as outside, server.running():
            url = f"https://{HOST}/reception/twilio/voice"
            async with place_call(outside, url, twilio=twilio) as phone:
                yield phone


def records(observed: list[Observation]) -> list[Record]:
    steps = (seen for seen in observed if isinstance(seen, StepTaken))
    return [effect.record for step in steps for effect in step.effects if isinstance(effect, Keep)]


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(
    ("stt", "more"),
    [
        ('use = "openai"', ""),
        ('use = "openai", turn_detection = "server_vad"', ""),
        (
            'use = "openai", turn_detection = "semantic_vad", eagerness = "high"',
            'endpointer = "provider"',
        ),
        ('use = "openai", model = "gpt-live-transcribe"', ""),
        ('use = "openai:transcribe"', ""),
        ('use = "openai:transcribe", model = "whisper-1"', ""),
    ],
)
async def test_a_question_is_heard_and_answered(
    tmp_path: Path, stt: str, more: str, api: str
) -> None:
    vendor, observed = OpenAI(), list[Observation]()
    async with calling(tmp_path, vendor, observed, stt=stt, api=api, more=more) as phone:
        await phone.heard_speech()
        await phone.heard_silence(1.0)
        await phone.say(VOICE)
        await phone.heard_speech()
        await phone.heard_silence(1.5)
    kept = records(observed)
    assert [each.utterance.text for each in kept if isinstance(each, TurnComplete)] == [SAID]
    assert ANSWER in [each.heard for each in kept if isinstance(each, Said)]
    assert [request.path for request in vendor.model.requests] == [
        "/v1/responses" if api == "responses" else "/v1/chat/completions"
    ]
    assert (vendor.model.active, vendor.speech.active, vendor.transcriber.active) == (0, 0, 0)
    assert all(connection.closed for connection in vendor.realtime.connections)
    assert vendor.realtime.refused + vendor.transcriber.refused + vendor.speech.refused == []
    assert KEY not in repr(observed)


async def test_a_caller_who_interrupts_is_heard_and_the_voice_stops(tmp_path: Path) -> None:
    vendor, observed = OpenAI(FakeRealtime((SAID, "thank you, that is all"))), list[Observation]()
    async with calling(tmp_path, vendor, observed, stt='use = "openai"') as phone:
        await phone.heard_speech()
        await phone.heard_silence(1.0)
        await phone.say(VOICE)
        await phone.heard_speech()
        await phone.say(VOICE)
        await phone.heard_silence(2.0)
    kept = records(observed)
    (barged,) = [each for each in kept if isinstance(each, BargeIn)]
    assert ANSWER.startswith(barged.heard.rstrip(" ."))
    assert len([each for each in kept if isinstance(each, TurnComplete)]) == 2
