"""Whole calls that AssemblyAI's recogniser hears."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from dialog_core import Call, Secret, Utterance
from dialog_core.observe.observations import Trouble
from dialog_core.testing.calls import InCall, in_call
from dialog_core.testing.line import FakeLine
from dialog_core.testing.vendor import in_memory

from dialog_assemblyai.session import AssemblyAI
from dialog_assemblyai.settings import AssemblyAISettings
from dialog_assemblyai.testing import KEY, FakeAssemblyAI

pytestmark = pytest.mark.anyio
SETTINGS = AssemblyAISettings(api_key=Secret(KEY), language="en")
WORD_BY_WORD = AssemblyAISettings(
    api_key=Secret(KEY), model="universal-streaming-english", format_turns=True
)


class Silent:
    greeting = "Hello."

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        yield "Aha."


def said(call: InCall) -> list[str]:
    return [entry.utterance.text for entry in call.history.entries if entry.utterance is not None]


async def hear(
    fake: FakeAssemblyAI,
    settings: AssemblyAISettings = SETTINGS,
    observed: list[object] | None = None,
) -> InCall:
    """A call in which the caller says three words two seconds after it began."""
    line = FakeLine()
    seen: list[object] = [] if observed is None else observed
    async with in_memory(fake.app, observe=seen.append) as services:
        async with in_call(line, Silent(), stt=AssemblyAI(settings, services)) as call:
            await line.wait(2.0)
            await line.say("three words now")
            await line.listen()
    return call


async def test_it_hears_a_call_and_says_goodbye() -> None:
    fake = FakeAssemblyAI(["is anybody there"])

    call = await hear(fake)

    assert said(call) == ["is anybody there"]
    assert fake.languages() == ["en"]
    assert fake.terminated == 1


async def test_no_word_is_lost_when_a_session_expires() -> None:
    fake = FakeAssemblyAI(["is anybody there"], expires_after=2.6)

    call = await hear(fake)

    assert said(call) == ["is anybody there"]
    assert len(fake.queries) == 2


async def test_punctuation_that_is_asked_for_is_waited_for() -> None:
    fake = FakeAssemblyAI(["is anybody there"])

    call = await hear(fake, WORD_BY_WORD)

    assert said(call) == ["Is anybody there."]


async def test_without_an_answer_the_words_so_far_count() -> None:
    fake = FakeAssemblyAI(["is anybody there"], mute_at_the_end=True)

    call = await hear(fake)

    assert said(call) == ["is anybody there"]


async def test_what_is_new_is_told_once_and_skipped() -> None:
    new: dict[str, object] = {"type": "OfNextYear"}
    old: dict[str, object] = {"type": "Warning", "warning_code": 1, "warning": "parameter is old"}
    fake = FakeAssemblyAI(["is anybody there"], surprises=(new, new, old))
    observed: list[object] = []

    call = await hear(fake, observed=observed)

    assert said(call) == ["is anybody there"]
    assert [each.detail for each in observed if isinstance(each, Trouble)] == [
        "OfNextYear: unknown message",
        "Warning: parameter is old",
    ]


@pytest.mark.parametrize(
    "settings",
    [
        AssemblyAISettings(api_key=Secret("another")),
        AssemblyAISettings(api_key=Secret(KEY), model="universal-9"),
    ],
)
async def test_a_refusal_on_the_open_socket_ends_the_call_with_an_apology(
    settings: AssemblyAISettings,
) -> None:
    fake = FakeAssemblyAI(["is anybody there"])
    line = FakeLine()
    async with in_memory(fake.app) as services:
        async with in_call(line, Silent(), stt=AssemblyAI(settings, services)) as call:
            await call.over.wait()

    assert "Sorry" in call.history.heard()
    assert fake.queries == []
