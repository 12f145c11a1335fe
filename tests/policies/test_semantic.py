"""The semantic endpointer: a model is asked only where words do not tell, and never waited for too long."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.errors import ProviderUnavailable
from dialog_core.factory import Factory
from dialog_core.messages import Utterance
from dialog_core.plugins import Chosen
from dialog_core.policies.semantic import Semantic, SemanticSettings
from dialog_core.protocols import LanguageModel
from dialog_core.testing.calls import in_call, new_policy
from dialog_core.testing.contracts.quiet import QUIET
from dialog_core.testing.fakes import FakeLlm
from dialog_core.testing.line import FakeLine
from dialog_core.turns.expectation import Digits
from dialog_core.turns.policy import Ask, Pause, Wait
from dialog_core.turns.records import TurnComplete

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("D.9")]


def semantic(llm: FakeLlm) -> Semantic:
    factory = Factory[None, LanguageModel]("fake", type(None), lambda _settings, _services: llm)
    chosen: Chosen[LanguageModel] = Chosen(factory, None)
    return Semantic.of(SemanticSettings(chosen), QUIET)


def model(answer: str, *, first: float = 0.2) -> FakeLlm:
    return FakeLlm(lambda _prompt: answer, first=first)


def pause(text: str, *, settled: bool = True) -> Pause:
    return Pause(0.2, text, settled=settled, previous="What can I do for you?")


@pytest.mark.parametrize("text", ["That is all.", "I want to", "my number is 555", ""])
def test_what_words_make_clear_costs_no_request(text: str) -> None:
    assert isinstance(semantic(model("finished")).judge(pause(text)), Wait)


def test_the_model_is_asked_once_words_are_settled_and_do_not_tell() -> None:
    endpointer = semantic(model("finished"))
    assert endpointer.judge(pause("a table on the terrace")) == Ask(0.8)
    assert endpointer.judge(pause("a table on the terrace", settled=False)) == Wait(0.8)
    asked_for = Pause(0.2, "four two", settled=True, expecting=Digits(4))
    assert endpointer.judge(asked_for) == Wait(2.0)


@pytest.mark.parametrize(
    ("llm", "wait"),
    [
        (model("finished"), 0.4),
        (model("Finished."), 0.4),
        (model("unfinished"), 2.0),
        (model("I would say that they may have finished"), 0.8),
        (model("finished", first=0.7), 0.8),
        (FakeLlm(lambda _prompt: "", error=ProviderUnavailable("fake", "away", stage="llm")), 0.8),
    ],
    ids=["finished", "capital", "unfinished", "chatter", "late", "failed"],
)  # fmt: skip
async def test_its_answer_replaces_the_wait_unless_it_is_late_failed_or_unreadable(
    llm: FakeLlm, wait: float
) -> None:
    assert await semantic(llm).ask(pause("a table on the terrace")) == Wait(wait)


async def test_the_model_is_told_what_was_said_and_stopped_as_soon_as_it_told() -> None:
    llm = model("unfinished because they are about to name a time")
    await semantic(llm).ask(pause("a table on the terrace"))
    assert "What can I do for you?" in llm.prompts[0].messages[-1].text
    assert "a table on the terrace" in llm.prompts[0].messages[-1].text
    assert llm.cancelled == 1


class Echo:
    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield turn.text


@pytest.mark.parametrize(
    ("answer", "first", "wait"),
    [("finished", 0.05, 0.4), ("unfinished", 0.1, 2.0), ("finished", 5.0, 0.8)],
)
async def test_in_a_call_every_wait_counts_from_the_last_voiced_sample(
    answer: str, first: float, wait: float
) -> None:
    line = FakeLine()
    policy = new_policy(endpointer=semantic(model(answer, first=first)))
    async with in_call(line, Echo(), policy=policy) as call:
        await line.wait(1.0)
        await line.say("a table on the terrace", seconds=0.9)
        await line.wait(4.0)
    [turn] = [record for record in call.records if isinstance(record, TurnComplete)]
    assert turn.at - line.spoken[0].end == pytest.approx(wait, abs=0.02)


async def test_a_caller_who_goes_on_cancels_the_question() -> None:
    line, llm = FakeLine(), model("finished", first=9.0)
    patient = attrs.evolve(
        semantic(llm), settings=attrs.evolve(semantic(llm).settings, deadline=2.0)
    )
    async with in_call(line, Echo(), policy=new_policy(endpointer=patient)) as call:
        await line.wait(1.0)
        await line.say("a table on the terrace", seconds=0.9)
        await line.wait(0.5)
        await line.say("for two people.", seconds=0.9)
        await line.wait(4.0)
    [turn] = [record for record in call.records if isinstance(record, TurnComplete)]
    assert turn.utterance.text == "a table on the terrace for two people."
    assert llm.cancelled == 1
