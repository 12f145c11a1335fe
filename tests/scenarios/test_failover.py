"""Each provider of a whole deployment fails in each way, and the caller gets what they called for.

The first recogniser, model or voice of a chain is dead, mute, slow or lying, from the start or from the middle of a
word on; the next one stands by at another address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import pytest
from dialog_cartesia.testing import FakeCartesia, Script
from dialog_cartesia.testing import Fault as Speechless
from dialog_deepgram.testing import KEY as DEEPGRAM_KEY
from dialog_deepgram.testing import FakeDeepgram
from dialog_deepgram.testing import Fault as Deaf
from dialog_openai.testing import KEY as OPENAI_KEY
from dialog_openai.testing import FakeOpenAI, Reply
from dialog_twilio.testing import Phone

from dialog_core.resilience.failover_llm import CONTINUE
from dialog_core.testing.contracts import Door, Failure
from dialog_core.testing.hearing import spoken
from dialog_core.turns.records import Said, TurnComplete
from tests.scenarios.staging import Vendors, World, open_world

pytestmark = pytest.mark.anyio

ROOM, SEA = "what does a double room cost", "can one see the sea"
ANSWERS = {
    ROOM: "A double room costs ninety euros a night. Breakfast is included, of course.",
    SEA: "From every window. Some guests even complain about the gulls.",
}
VOCABULARY = sorted({word for phrase in ANSWERS for word in phrase.split()})
GREETING = "Hello, this is the front desk. How can I help you?"
EXTRA = 2.0
"""Seconds of silence that a failure may add to what is normal."""
NORMAL = 1.6
"""Seconds from the end of the caller's words to the first of the answer when all is well; checked below."""


def answer(messages: Sequence[Mapping[str, Any]]) -> Reply:
    """What either model says: the answer to the latest question, or what is left of it."""
    question = next(m["content"] for m in reversed(messages) if m["role"] == "user")
    text = ANSWERS[question.strip()]
    if messages[-1]["content"] == CONTINUE:
        text = text.removeprefix(messages[-2]["content"])
    return Reply(text, between=0.03)


def new_cartesia() -> FakeCartesia:
    return FakeCartesia(speed=1.5)


@attrs.frozen
class Cast(Vendors):
    """Every provider twice; the first of each behind a door at which it may fail."""

    deepgram: FakeDeepgram = attrs.field(factory=lambda: FakeDeepgram(vocabulary=VOCABULARY))
    openai: FakeOpenAI = attrs.field(factory=lambda: FakeOpenAI(answer))
    cartesia: FakeCartesia = attrs.field(factory=new_cartesia)
    next_deepgram: FakeDeepgram = attrs.field(factory=lambda: FakeDeepgram(vocabulary=VOCABULARY))
    next_openai: FakeOpenAI = attrs.field(factory=lambda: FakeOpenAI(answer))
    next_cartesia: FakeCartesia = attrs.field(factory=new_cartesia)
    doors: dict[str, Door] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.doors["stt"] = Door(self.deepgram.app, self.lie_about_times)
        self.doors["llm"] = Door(self.openai.app)
        self.doors["tts"] = Door(self.cartesia, self.end_without_audio)

    def lie_about_times(self, _times: int | None) -> None:
        self.deepgram.faults = [Deaf(lying=True)] * MANY

    def end_without_audio(self, _times: int | None) -> None:
        self.cartesia.scripts.extend([Script(Speechless.SILENT)] * MANY)

    def spoil(self, stage: str, how: Failure) -> None:
        """From now on the first provider of a stage fails."""
        if (stage, how) == ("stt", Failure.SLOW):
            self.deepgram.faults = [Deaf(late=LATE)] * MANY
        else:
            self.doors[stage].fail(how, times=None, seconds=LATE)

    def spoil_in_a_word(self, stage: str, how: Failure) -> None:
        """The same, and what is under way fails where it is."""
        match stage, how:
            case "stt", Failure.LYING:
                self.lie_about_times(None)
                self.doors["stt"].fail(Failure.DROP)
            case "tts", Failure.LYING:
                self.cartesia.scripts.extend([Script(Speechless.BAD_AUDIO, after=4)] * MANY)
            case "llm", _:
                self.doors["llm"].fail(how, times=None, seconds=LATE, after=8)
            case _:
                self.doors[stage].fail(how, times=None, seconds=LATE)

    @property
    def apps(self) -> dict[str, Any]:
        return {
            "api.twilio.com": self.twilio,
            "api.deepgram.com": self.doors["stt"],
            "api.openai.com": self.doors["llm"],
            "api.cartesia.ai": self.doors["tts"],
            "stt.example.com": self.next_deepgram.app,
            "llm.example.com": self.next_openai.app,
            "tts.example.com": self.next_cartesia,
        }

    @property
    def helped(self) -> dict[str, int]:
        """How often each second provider was asked."""
        return {
            "stt": len(self.next_deepgram.connections),
            "llm": len(self.next_openai.requests),
            "tts": len(self.next_cartesia.requests),
        }

    @property
    def touched(self) -> dict[str, int]:
        """How often each first provider was asked for anything."""
        return {
            "stt": self.doors["stt"].opened,
            "llm": self.doors["llm"].opened,
            "tts": self.doors["tts"].opened + len(self.cartesia.requests),
        }


VOICE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"
LATE = 6.0
"""Seconds by which a slow provider is late."""
MANY = 1000
"""Connections or contexts that stand for all."""
CHAINS = [
    ("agents.reception.holding", []),
    ("agents.reception.failover.circuit", {"cool_down": 600.0, "longest": 600.0}),
    (
        "agents.reception.stt",
        [
            {"use": "deepgram", "api_key": DEEPGRAM_KEY},
            {"use": "deepgram", "api_key": DEEPGRAM_KEY, "url": "wss://stt.example.com"},
        ],
    ),
    (
        "agents.reception.llm",
        [
            {"use": "openai", "api_key": OPENAI_KEY},
            {"use": "openai", "api_key": OPENAI_KEY, "url": "https://llm.example.com/v1"},
        ],
    ),
    (
        "agents.reception.tts",
        [
            {"use": "cartesia", "api_key": "sk_car_test", "voice": VOICE},
            {
                "use": "cartesia",
                "api_key": "sk_car_test",
                "voice": VOICE,
                "url": "wss://tts.example.com",
            },
        ],
    ),
]


def sound(phrase: str) -> bytes:
    return b"".join(frame.data for frame in spoken(phrase, VOCABULARY))


@attrs.define
class Listener:
    """Measures the silences that a caller hears after their words."""

    phone: Phone
    silences: list[float] = attrs.field(factory=list)
    """Seconds, the longest of each answer."""

    async def ask(self, phrase: str, spoil: Any = None, *, midway: bool = False) -> None:
        """Say something, hear the answer to its end. spoil: called in the middle of a word or of the answer."""
        phone, audio = self.phone, sound(phrase)
        half = len(audio) // 2
        await phone.say(audio[:half])
        if spoil is not None and not midway:
            spoil()
        await phone.say(audio[half:])
        asked = phone.now
        await phone.heard_speech()
        if spoil is not None and midway:
            spoil()
        await phone.heard_silence(NORMAL + EXTRA)
        self.silences.append(self.longest_since(asked))

    def longest_since(self, moment: float) -> float:
        """The longest silence before and within what was heard from then on."""
        end, longest = moment, 0.0
        for start, audio in self.phone.played:
            if start + len(audio) / 8000 > moment:
                longest = max(longest, start - end)
                end = max(end, start + len(audio) / 8000)
        return longest


def texts(world: World) -> tuple[list[str], list[str]]:
    """What was understood, and what was heard."""
    turns = [r.utterance.text for r in world.records if isinstance(r, TurnComplete)]
    said = [r.heard for r in world.records if isinstance(r, Said)]
    return turns, said


async def hold(phone: Phone, spoil: Any = None, *, midway: bool = False) -> list[float]:
    """A whole conversation; returns the longest silence of each answer."""
    listener = Listener(phone)
    await phone.heard_speech()
    await phone.heard_silence(1.0)
    await listener.ask(ROOM, spoil, midway=midway)
    await listener.ask(SEA)
    return listener.silences


async def test_when_all_is_well_the_next_provider_is_not_asked() -> None:
    cast = Cast()
    async with open_world(cast, overrides=CHAINS) as world:
        async with world.call() as phone:
            silences = await hold(phone)
    assert texts(world) == ([ROOM, SEA], [GREETING, *ANSWERS.values()])
    assert max(silences) <= NORMAL
    assert not any(cast.helped.values())


HOW = {
    "dead": Failure.DOWN,
    "mute": Failure.MUTE,
    "slow": Failure.SLOW,
    "lying": Failure.LYING,
}
BORNE = {("stt", "lying")}
"""What a provider's own session sees through, so that nobody need take over."""


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("stage", ["stt", "llm", "tts"])
async def test_a_provider_that_fails_from_the_start(stage: str, how: str) -> None:
    cast = Cast()
    cast.spoil(stage, HOW[how])
    async with open_world(cast, overrides=CHAINS) as world:
        async with world.call() as phone:
            silences = await hold(phone)
        assert texts(world) == ([ROOM, SEA], [GREETING, *ANSWERS.values()])
        assert max(silences) <= NORMAL + EXTRA
        before = cast.touched[stage]
        async with world.call() as phone:
            again = await hold(phone)
    assert max(again) <= NORMAL
    assert cast.touched[stage] == before or (stage, how) in BORNE
    assert bool(cast.helped[stage]) != ((stage, how) in BORNE)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("stage", ["stt", "llm", "tts"])
async def test_a_provider_that_fails_in_the_middle_of_a_word(stage: str, how: str) -> None:
    cast = Cast()
    async with open_world(cast, overrides=CHAINS) as world:
        async with world.call() as phone:
            spoil = partial(cast.spoil_in_a_word, stage, HOW[how])
            silences = await hold(phone, spoil, midway=stage == "tts" and how != "lying")
    turns, said = texts(world)
    assert turns == [ROOM, SEA]
    assert said == [GREETING, *ANSWERS.values()]
    assert max(silences) <= NORMAL + EXTRA
    assert bool(cast.helped[stage]) != ((stage, how) in BORNE)
