"""What goes wrong in the field: the caller hears a sentence or the call ends cleanly, and nothing survives."""

from __future__ import annotations

import anyio
import httpx
import pytest
from dialog_cartesia.testing import FakeCartesia, Script
from dialog_cartesia.testing import Fault as Speechless
from dialog_deepgram.testing import FakeDeepgram
from dialog_deepgram.testing import Fault as Deaf
from dialog_openai.testing import FakeOpenAI, Refuse, Reply
from dialog_openai.testing import Fault as Mindless
from dialog_twilio.testing import Phone

from dialog_core.turns.records import BrokenOff, Said, TurnComplete
from tests.scenarios.staging import VOICE, Vendors, World, open_world

pytestmark = pytest.mark.anyio

ANSWER = "A double room costs ninety euros a night. Breakfast is included, of course."


async def one_turn(phone: Phone, *, quiet: float = 1.5) -> None:
    """Hear the greeting, say something, hear what comes."""
    await phone.heard_speech()
    await phone.heard_silence(1.0)
    await phone.say(VOICE)
    await phone.heard_speech()
    await phone.heard_silence(quiet)


def sounds_after(phone: Phone, moment: float) -> float:
    """Seconds of the agent's sound that the caller heard after a moment."""
    return sum(len(audio) / 8000 for start, audio in phone.played if start >= moment)


def words_heard(world: World) -> list[str]:
    return [record.heard for record in world.records if isinstance(record, Said)]


def assert_clean(world: World, phone: Phone) -> None:
    assert phone.warnings == []
    assert len(world.endings) == 1
    assert world.server.room.calls == 0
    assert not world.vendors.cartesia.live
    assert world.vendors.openai.active == 0
    assert all(connection.closed for connection in world.vendors.deepgram.connections)


async def test_a_lost_recogniser_is_opened_again_and_hears_the_same_words() -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?"], faults=[Deaf(drop_after=4.6)]),
        openai=FakeOpenAI(script=[ANSWER]),
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await one_turn(phone)
    assert_clean(world, phone)
    assert len(vendors.deepgram.connections) == 2
    assert ANSWER in words_heard(world)


async def test_a_recogniser_that_never_comes_back_ends_the_call_with_an_apology() -> None:
    vendors = Vendors(deepgram=FakeDeepgram(faults=[Deaf(refuse=401)] * 20))
    async with open_world(vendors) as world:
        async with world.call() as phone:
            with anyio.fail_after(60):
                status = await phone.over()
    assert_clean(world, phone)
    assert status == "completed"
    assert world.endings == ["listener failed"]
    assert "Sorry, I am having trouble. Please hold on a moment." in words_heard(world)
    assert any("401" in trouble.detail for trouble in world.troubles)


async def test_a_voice_lost_in_a_word_goes_on_with_what_was_not_heard() -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?"]), openai=FakeOpenAI(script=[ANSWER])
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await phone.heard_speech()
            await phone.heard_silence(1.0)
            vendors.cartesia.scripts.append(Script(Speechless.DROP, after=3))
            await phone.say(VOICE)
            await phone.heard_speech()
            await phone.heard_silence(1.5)
    assert_clean(world, phone)
    assert ANSWER in words_heard(world)


@pytest.mark.parametrize(
    "script",
    [
        Script(Speechless.SILENT),
        Script(Speechless.STALL),
        Script(Speechless.STALL, after=3),
        Script(Speechless.FAIL, status=400),
        Script(Speechless.BAD_AUDIO),
    ],
    ids=lambda script: f"{script.fault.value} after {script.after}",
)
async def test_a_voice_that_fails_leaves_the_caller_with_the_apology(script: Script) -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?"]), openai=FakeOpenAI(script=[ANSWER])
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await phone.heard_speech()
            await phone.heard_silence(1.0)
            vendors.cartesia.scripts.extend([script] * 3)
            await phone.say(VOICE)
            asked = phone.now
            await phone.heard_speech()
            await phone.heard_silence(7.0)
    assert_clean(world, phone)
    assert "Sorry, I am having trouble. Please hold on a moment." in words_heard(world)
    assert sounds_after(phone, asked) > 2.0
    assert [record for record in world.records if isinstance(record, BrokenOff)]
    assert [trouble for trouble in world.troubles if "cartesia" in trouble.detail]


async def test_garbage_from_the_voice_is_skipped() -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?"]),
        openai=FakeOpenAI(script=[ANSWER]),
        cartesia=FakeCartesia(),
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await phone.heard_speech()
            await phone.heard_silence(1.0)
            vendors.cartesia.scripts.append(Script(Speechless.WRONG_CONTEXT, after=1))
            await phone.say(VOICE)
            await phone.heard_speech()
            await phone.heard_silence(1.5)
    assert_clean(world, phone)
    assert ANSWER in words_heard(world)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(ANSWER, fault=Mindless.STALL),
        Reply(ANSWER, fault=Mindless.STALL, after=3),
        Reply(ANSWER, fault=Mindless.DROP, after=3),
        Reply(ANSWER, fault=Mindless.END, after=3),
        Reply(ANSWER, fault=Mindless.ERROR, after=3),
        Refuse(500),
        Refuse(429),
        Refuse(401),
    ],
    ids=str,
)
async def test_a_model_that_fails_leaves_the_caller_with_the_apology(
    answer: Reply | Refuse,
) -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?"]),
        openai=FakeOpenAI(script=[answer, answer]),
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await one_turn(phone, quiet=7.0)
    assert_clean(world, phone)
    assert "Sorry, I am having trouble. Please hold on a moment." in words_heard(world)
    assert [trouble for trouble in world.troubles if "openai" in trouble.detail]


async def test_a_model_that_is_busy_once_is_asked_again() -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?"]),
        openai=FakeOpenAI(script=[Refuse(429, headers={"retry-after-ms": "50"}), Reply(ANSWER)]),
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await one_turn(phone)
    assert_clean(world, phone)
    assert ANSWER in words_heard(world)


async def test_garbage_from_the_model_is_skipped() -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?"]),
        openai=FakeOpenAI(script=[Reply(ANSWER, fault=Mindless.GARBAGE, after=2)]),
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await one_turn(phone)
    assert_clean(world, phone)
    assert ANSWER in words_heard(world)


async def test_garbage_from_the_recogniser_costs_no_word() -> None:
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["What does a room cost?"], faults=[Deaf(garbage_after=4.0)]),
        openai=FakeOpenAI(script=[ANSWER]),
    )
    async with open_world(vendors) as world:
        async with world.call() as phone:
            await one_turn(phone)
    assert_clean(world, phone)
    turns = [record for record in world.records if isinstance(record, TurnComplete)]
    assert [turn.utterance.text for turn in turns] == ["What does a room cost?"]


@pytest.mark.requirement("B.40", "A.43")
async def test_a_phone_that_vanishes_leaves_nothing_behind() -> None:
    async with open_world() as world:
        async with world.call() as phone:
            await phone.heard_speech()
            await phone.vanish()
            await phone.over()
        async with world.call() as other:
            await other.heard_speech()
            await other.heard_silence(0.5)
    assert world.endings == ["lost", "hangup"]
    assert phone.warnings == other.warnings == []
    assert world.server.room.calls == 0


async def test_one_call_asked_for_twice_is_one_call() -> None:
    async with open_world() as world:
        sid = "CA" + "1" * 32
        async with world.call(fields={"CallSid": sid}) as phone:
            await phone.heard_speech()
            again = await phone.exchange.post(
                "https://voice.example.com/reception/twilio/voice",
                {
                    "CallSid": sid,
                    "AccountSid": world.vendors.twilio.account.sid,
                    "From": "+1",
                    "To": "+2",
                },
            )
            assert again.status_code == 200
            await phone.heard_silence(0.5)
            assert world.server.room.calls == 1
    assert len(world.endings) == 1


@pytest.mark.requirement("A.15")
@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}])
async def test_who_does_not_sign_is_not_let_in(headers: dict[str, str]) -> None:
    async with open_world() as world:
        answer = await world.outside.http.post(
            "https://voice.example.com/reception/twilio/voice",
            data={"CallSid": "CA1", "AccountSid": world.vendors.twilio.account.sid},
            headers=headers,
        )
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert b"Stream" not in answer.content


@pytest.mark.requirement("A.16")
async def test_a_body_that_is_too_large_is_not_read() -> None:
    async with open_world() as world:
        answer = await world.outside.http.post(
            "https://voice.example.com/reception/twilio/voice", content=b"a" * 1_000_001
        )
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
