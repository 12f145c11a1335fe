from __future__ import annotations

import pytest

from dialog_core.agent.sentiment import with_sentiment
from dialog_core.messages import Prompt, Sentiment, Transcript
from dialog_core.testing.fakes import FakeLlm

pytestmark = pytest.mark.anyio

SAID = (
    Transcript(1.0, "I have waited", final=False),
    Transcript(2.0, "I have waited for an hour!", final=True),
    Transcript(3.0, "", final=True),
    Transcript(4.0, "Oh, that is lovely.", final=True),
)


@pytest.mark.requirement("D.35", "D.36")
async def test_final_words_are_given_the_sentiment_that_a_model_finds() -> None:
    llm = FakeLlm(lambda _prompt: "Here you are: [-0.8, 1.7]")
    judged = await with_sentiment(SAID, llm)
    assert [each.sentiment for each in judged] == [None, Sentiment(-0.8), None, Sentiment(1.0)]
    assert [each.text for each in judged] == [each.text for each in SAID]
    assert llm.prompts[0].messages[-1].text == "I have waited for an hour!\nOh, that is lovely."


@pytest.mark.parametrize(
    "answer", ["", "very cross", "[1]", "[1, 2, 3]", '["a", 1]', "[true, 0]", "] 1, 2 ["]
)
async def test_what_a_model_answers_amiss_changes_nothing(answer: str) -> None:
    assert await with_sentiment(SAID, FakeLlm(lambda _prompt: answer)) == SAID


async def test_what_has_a_sentiment_already_is_not_judged_again() -> None:
    def never(_prompt: Prompt) -> str:
        raise AssertionError

    known = (Transcript(1.0, "Fine.", final=True, sentiment=Sentiment(0.5)),)
    assert await with_sentiment(known, FakeLlm(never)) == known


@pytest.mark.parametrize(
    ("score", "label"), [(-1.0, "negative"), (-0.2, "neutral"), (0.0, "neutral"), (0.4, "positive")]
)
def test_a_score_has_a_label(score: float, label: str) -> None:
    assert Sentiment(score).label == label
