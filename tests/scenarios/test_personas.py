"""The personas example holds whole calls, as its settings file stands, with Together AI and Twilio pretended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from dialog_together.testing import KEY, FakeTogether
from dialog_twilio.testing import Phone

from dialog_core.errors import SettingsError
from dialog_core.settings import load
from dialog_core.turns.records import BargeIn, Said, TurnComplete
from tests.scenarios.staging import EXAMPLES, VOICE, Vendors, World, open_world

PERSONAS = EXAMPLES / "personas" / "dialog.toml"
LONG = "Move it away from the window first, and water it only when the soil is dry."
CHOSEN = {
    "PORT": "9000",
    "STT_MODEL": "nvidia/parakeet-tdt-0.6b-v3",
    "LLM_MODEL": "Qwen/Qwen2.5-7B-Instruct-Turbo",
    "TTS_MODEL": "canopylabs/orpheus-3b-0.1-ft",
    "TTS_VOICE": "tara",
}


def heard(world: World) -> list[str]:
    return [record.heard for record in world.records if isinstance(record, Said | BargeIn)]


def cast(together: FakeTogether, **environment: str) -> Vendors:
    return Vendors(together=together, environment={"TOGETHER_API_KEY": KEY, **environment})


async def greeted(phone: Phone) -> None:
    await phone.heard_speech()
    await phone.heard_silence(1.0)


def instructions(request: Mapping[str, Any]) -> str:
    [text] = [message["content"] for message in request["messages"] if message["role"] == "system"]
    return str(text)


@pytest.mark.anyio
@pytest.mark.requirement("B.1", "B.30", "B.32")
@pytest.mark.parametrize(
    ("persona", "greeting", "who"),
    [
        ("ada", "Hello, this is Ada.", "patient tutor"),
        ("basil", "Good day, Basil speaking", "gardener"),
        ("iris", "Iris here", "cannot sleep"),
    ],
)
async def test_each_persona_greets_in_its_own_words_and_speaks_for_the_ear(
    persona: str, greeting: str, who: str
) -> None:
    together = FakeTogether(script=["My lemon tree is ill."], answers=["I see."])
    vendors = cast(together, PERSONA=persona)
    async with open_world(vendors, file=PERSONAS, agent="persona") as world:
        async with world.call() as phone:
            await greeted(phone)
            await phone.say(VOICE)
            await phone.heard_speech()
            await phone.heard_silence(1.5)
    first, answer = heard(world)
    assert first.startswith(greeting)
    assert answer.strip() == "I see."
    [turn] = [record for record in world.records if isinstance(record, TurnComplete)]
    assert turn.utterance.text == "My lemon tree is ill."
    told = instructions(together.requests[0])
    assert who in told
    for rule in ("heard, not read", "short sentences", "no markdown", "numbers", "do not know"):
        assert rule in told
    assert world.troubles == []
    assert phone.warnings == []


@pytest.mark.anyio
@pytest.mark.requirement("B.19", "B.23")
async def test_an_interruption_stops_the_persona_and_starts_both_sockets_afresh() -> None:
    together = FakeTogether(script=["My lemon tree is ill.", "Thank you."], answers=[LONG, "Bye."])
    vendors = cast(together, PERSONA="basil")
    async with open_world(vendors, file=PERSONAS, agent="persona") as world:
        async with world.call() as phone:
            await greeted(phone)
            await phone.say(VOICE)
            await phone.heard_speech()
            await phone.silent(0.6)
            await phone.say(VOICE)
            await phone.heard_speech()
            await phone.heard_silence(1.5)
    [cut] = [record.heard for record in world.records if isinstance(record, BargeIn)]
    assert LONG.startswith(cut.strip())
    assert cut.strip() != LONG
    assert "input_audio_buffer.clear" in together.listening[0].received
    said = [each for each in together.requests[1]["messages"] if each["role"] == "assistant"]
    assert said[-1]["content"].endswith(" —")
    assert heard(world)[-1].strip() == "Bye."


@pytest.mark.anyio
@pytest.mark.requirement("B.2")
async def test_port_models_and_voice_are_chosen_by_the_environment() -> None:
    together = FakeTogether(script=["Good evening."], answers=["Hello."])
    vendors = cast(together, **CHOSEN)
    assert load(PERSONAS, environ=vendors.environ).server.port == 9000
    async with open_world(vendors, file=PERSONAS, agent="persona") as world:
        async with world.call() as phone:
            await greeted(phone)
            await phone.say(VOICE)
            await phone.heard_speech()
            await phone.heard_silence(1.5)
    assert together.listening[0].socket.query_params["model"] == CHOSEN["STT_MODEL"]
    assert together.requests[0]["model"] == CHOSEN["LLM_MODEL"]
    voice = together.speaking[0].socket.query_params
    assert (voice["model"], voice["voice"]) == (CHOSEN["TTS_MODEL"], CHOSEN["TTS_VOICE"])
    assert heard(world)[-1].strip() == "Hello."


@pytest.mark.requirement("B.1")
def test_a_persona_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    vendors = cast(FakeTogether(), PERSONA="nobody")
    with pytest.raises(SettingsError, match="must be one of ada, basil, iris, not 'nobody'"):
        load(PERSONAS, environ=vendors.environ)
