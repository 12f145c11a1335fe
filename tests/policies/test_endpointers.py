from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.policies.endpointers import (
    Acoustic,
    AcousticSettings,
    Heuristic,
    HeuristicSettings,
    Provider,
    ProviderSettings,
)
from dialog_core.turns.policy import Abstain, Done, Pause, Wait

HEURISTIC = Heuristic(HeuristicSettings(finished=0.5, unsure=0.8, unfinished=1.5, number=1.2))


def pause(text: str, *, end_of_turn: bool | None = None) -> Pause:
    return Pause(0.0, text, settled=True, end_of_turn=end_of_turn)


@pytest.mark.requirement("D.7")
@given(text=st.text(max_size=20))
def test_acoustic_waits_for_the_same_silence_whatever_was_said(text: str) -> None:
    assert Acoustic(AcousticSettings(0.7)).judge(pause(text)) == Wait(0.7)


@pytest.mark.requirement("D.8")
@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("I want to book a table.", 0.5),
        ("Is it open?", 0.5),
        ('She said "yes!"', 0.5),
        ("いいえ。", 0.5),
        ("book a table", 0.8),
        ("", 0.8),
        ("hello there", 0.8),
        ("I want to", 1.5),
        ("I want a table for", 1.5),
        ("a table, and", 1.5),
        ("It is the", 1.5),
        ("um", 1.5),
        ("Well.", 1.5),
        ("a table,", 1.5),
        ("so I thought...", 1.5),
        ("so I thought…", 1.5),
        ("no, wait —", 1.5),
        ("my number is 555", 1.2),
        ("five five five oh", 1.2),
        ("double seven.", 1.2),
        ("555-12", 1.2),
        ("It costs 12.", 1.2),
    ],
)
def test_heuristic_waits_by_punctuation_and_the_last_word(text: str, wait: float) -> None:
    assert HEURISTIC.judge(pause(text)) == Wait(wait)


@pytest.mark.requirement("D.8")
def test_after_a_finished_sentence_the_default_is_what_the_corpus_asks_for() -> None:
    assert Heuristic(HeuristicSettings()).judge(pause("That is all.")) == Wait(0.42)


@pytest.mark.parametrize(
    ("verdict", "answer"), [(True, Done()), (False, Abstain(2.0)), (None, Abstain(2.0))]
)
def test_provider_believes_a_sure_verdict_and_else_leaves_it_to_others(
    *, verdict: bool | None, answer: Abstain | Done
) -> None:
    provider = Provider(ProviderSettings(fallback=2.0))
    assert provider.judge(pause("hello", end_of_turn=verdict)) == answer


@pytest.mark.anyio
async def test_none_of_them_asks_for_time_and_each_answers_alike_when_asked() -> None:
    for policy in (Acoustic(AcousticSettings()), HEURISTIC, Provider(ProviderSettings())):
        assert await policy.ask(pause("hello")) == policy.judge(pause("hello"))
