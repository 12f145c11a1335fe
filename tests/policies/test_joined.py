"""Several policies together: a stack of endpointers and a vote of barge-in policies."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, Sound
from dialog_core.policies.barge_in import (
    Backchannel,
    BackchannelSettings,
    HardCut,
    HardCutSettings,
    MinWords,
    MinWordsSettings,
    SoftFade,
    SoftFadeSettings,
)
from dialog_core.policies.endpointers import (
    Adaptive,
    AdaptiveSettings,
    Heuristic,
    HeuristicSettings,
    Provider,
    ProviderSettings,
)
from dialog_core.policies.stack import Stack
from dialog_core.policies.vote import Vote
from dialog_core.turns.expectation import YesNo
from dialog_core.turns.policy import (
    Abstain,
    Ask,
    Continue,
    Cut,
    Decision,
    Done,
    Doubt,
    Duck,
    Hold,
    Ignore,
    Overlap,
    Pause,
    Verdict,
    Wait,
)
from dialog_core.turns.rhythm import Rhythm

WORDS = Heuristic(HeuristicSettings())
PROVIDER = Provider(ProviderSettings(fallback=2.0))
ADAPTIVE = Adaptive(AdaptiveSettings())
SLOW = Rhythm(5, 0.7, 0.1)


@attrs.frozen
class Says:
    """Answers as told."""

    verdict: Verdict
    thought: Wait | Done | Abstain = attrs.field(factory=lambda: Wait(0.1))
    wants_audio: float = 0.0

    def judge(self, _pause: Pause) -> Verdict:
        return self.verdict

    async def ask(self, _pause: Pause) -> Wait | Done | Abstain:
        return self.thought


def pause(text: str, *, end_of_turn: bool | None = None, rhythm: Rhythm | None = None) -> Pause:
    return Pause(0.2, text, settled=True, end_of_turn=end_of_turn, rhythm=rhythm or Rhythm())


# --- stacks


def test_a_sure_recogniser_is_believed_and_else_the_words_decide() -> None:
    stack = Stack.of([PROVIDER, WORDS])
    assert stack.judge(pause("I want to", end_of_turn=True)) == Done()
    assert stack.judge(pause("I want to")) == Wait(1.5)
    assert stack.judge(pause("That is all.")) == Wait(0.42)


def test_a_caller_who_pauses_long_is_waited_for_longer() -> None:
    stack = Stack.of([ADAPTIVE, WORDS])
    assert stack.judge(pause("That is all.")) == Wait(0.42)
    slow = stack.judge(pause("That is all.", rhythm=SLOW))
    assert isinstance(slow, Wait)
    assert slow.seconds == pytest.approx(1.1)
    assert stack.judge(pause("I want to", rhythm=SLOW)) == Wait(1.5)


@given(rhythm=st.builds(Rhythm, st.integers(0, 99), st.floats(0, 3), st.floats(0, 3)))
def test_their_pauses_lengthen_a_wait_within_a_bound_and_never_shorten_it(rhythm: Rhythm) -> None:
    for text in ("That is all.", "well", "I want to", "my number is 555"):
        alone = WORDS.judge(pause(text)).seconds
        bent = Stack.of([ADAPTIVE, WORDS]).judge(pause(text, rhythm=rhythm))
        assert isinstance(bent, Wait)
        assert alone <= bent.seconds <= max(alone, 1.5)


def test_if_all_abstain_the_tightest_bound_is_the_wait() -> None:
    stack = Stack.of([Says(Abstain(3.0)), PROVIDER, Says(Abstain(4.0, at_least=0.5))])
    assert stack.judge(pause("well")) == Abstain(2.0, at_least=0.5)


def test_bounds_hold_for_who_comes_after_and_also_for_the_sure() -> None:
    stack = Stack.of([Says(Abstain(at_most=1.0, at_least=0.6)), Says(Done())])
    assert stack.judge(pause("well")) == Wait(0.6)
    stack = Stack.of([Says(Abstain(at_most=1.0)), Says(Wait(3.0))])
    assert stack.judge(pause("well")) == Wait(1.0)


@pytest.mark.anyio
async def test_who_thinks_and_then_abstains_leaves_it_to_the_next() -> None:
    undecided = Says(Ask(1.4), Abstain(at_most=2.0, at_least=0.7))
    stack = Stack.of([undecided, WORDS])
    assert stack.judge(pause("That is all.")) == Ask(1.4)
    assert await stack.ask(pause("That is all.")) == Wait(0.7)
    assert await Stack.of([Says(Ask(1.4), Done()), WORDS]).ask(pause("well")) == Done()


def test_a_stack_hears_if_one_of_its_members_does() -> None:
    assert Stack.of([WORDS, Says(Wait(1.0), wants_audio=8.0)]).wants_audio == 8.0
    assert Stack.of([WORDS]).wants_audio == 0.0
    assert Sound(0.0, b"", TELEPHONE).seconds == 0.0


# --- single policies that look at words


@pytest.mark.requirement("D.10")
@pytest.mark.parametrize(
    ("text", "decision"),
    [("", Continue()), ("no", Continue()), ("no wait", Cut()), ("No, wait a second", Cut())],
)
def test_min_words_counts_words_and_not_seconds(text: str, decision: Decision) -> None:
    policy = MinWords(MinWordsSettings(words=2))
    assert policy.judge(Overlap(30.0, sounding=True, text=text)) == decision


MHM = Backchannel(BackchannelSettings(longest=0.9, phrases=("carry on",)))


@pytest.mark.parametrize(
    ("overlap", "decision"),
    [
        (Overlap(0.2, sounding=True), Doubt(0.9)),
        (Overlap(0.2, sounding=True, text="mm-hmm"), Doubt(0.9)),
        (Overlap(0.3, sounding=False, text="Mm-hmm."), Ignore()),
        (Overlap(0.5, sounding=False, text="yeah, okay"), Ignore()),
        (Overlap(0.5, sounding=False, text="Carry on!"), Ignore()),
        (Overlap(2.0, sounding=True, text="yeah yeah yeah"), Ignore()),
        (Overlap(0.3, sounding=True, text="stop"), Cut()),
        (Overlap(0.3, sounding=True, text="no"), Cut()),
        (Overlap(0.6, sounding=True, text="yeah but"), Cut()),
        (Overlap(0.9, sounding=True), Cut()),
        (Overlap(0.3, sounding=False, text="yes", heard="Do you want a table?"), Cut()),
        (Overlap(0.3, sounding=False, text="yes", heard="We have tables."), Ignore()),
        (Overlap(0.3, sounding=False, text="yes", expecting=YesNo()), Cut()),
    ],
)
def test_a_backchannel_is_no_turn_unless_it_answers_a_question(
    overlap: Overlap, decision: Decision
) -> None:
    assert MHM.judge(overlap) == decision


def test_backchannels_are_those_of_the_agents_language() -> None:
    german = Backchannel(BackchannelSettings(language="de"))
    assert german.judge(Overlap(0.3, sounding=False, text="Genau.")) == Ignore()
    assert MHM.judge(Overlap(0.3, sounding=False, text="Genau.")) == Cut()


# --- votes

HARD, SOFT = HardCut(HardCutSettings(0.3)), SoftFade(SoftFadeSettings())


@pytest.mark.parametrize(
    ("overlap", "decision"),
    [
        (Overlap(0.1, sounding=True), Continue(0.3)),
        (Overlap(0.3, sounding=True), Duck(0.9, 0.2)),
        (Overlap(0.4, sounding=True, text="mhm"), Duck(0.9, 0.2)),
        (Overlap(0.4, sounding=False, text="mhm"), Ignore()),
        (Overlap(0.4, sounding=True, text="stop"), Cut()),
        (Overlap(0.4, sounding=False), Continue()),
        (Overlap(0.9, sounding=True), Cut()),
    ],
)
def test_a_quick_cut_and_a_phrase_list_fade_until_it_is_clear(
    overlap: Overlap, decision: Decision
) -> None:
    assert Vote.of([HARD, MHM]).judge(overlap) == decision


def test_an_interruption_needs_everybodys_consent() -> None:
    vote = Vote.of([HARD, MinWords(MinWordsSettings(2))])
    assert vote.judge(Overlap(5.0, sounding=True, text="no")) == Continue()
    assert vote.judge(Overlap(0.2, sounding=True, text="no wait")) == Continue(0.3)
    assert vote.judge(Overlap(0.3, sounding=True, text="no wait")) == Cut()


def test_the_first_that_fades_says_how() -> None:
    vote = Vote.of([SOFT, HARD])
    assert vote.judge(Overlap(0.5, sounding=True)) == Duck(2.0, 0.2)


@attrs.frozen
class Votes:
    """Votes as told."""

    decision: Decision

    def judge(self, _overlap: Overlap) -> Decision:
        return self.decision


CAUTION: list[Decision] = [Ignore(), Continue(), Doubt(9.0), Duck(9.0), Hold(9.0), Cut()]


@given(
    decisions=st.lists(st.sampled_from(CAUTION), min_size=1, max_size=5),
    sounding=st.booleans(),
    voiced=st.floats(0, 5),
)
def test_the_most_careful_answer_counts_in_any_order(
    *, decisions: list[Decision], sounding: bool, voiced: float
) -> None:
    overlap = Overlap(voiced, sounding)
    vote = Vote.of([Votes(decision) for decision in decisions]).judge(overlap)
    backwards = Vote.of([Votes(decision) for decision in reversed(decisions)]).judge(overlap)
    assert isinstance(backwards, Duck | Hold) or type(vote) is type(backwards)
    assert isinstance(vote, Cut) == all(decision == Cut() for decision in decisions)
    assert isinstance(vote, Ignore) == (Ignore() in decisions)
    if not sounding:
        assert not isinstance(vote, Duck | Hold)


@pytest.mark.parametrize("hum", ["Mama.", "Mom.", "Huh?", "Uh-uh.", "Ham"])
def test_a_hum_is_a_backchannel_whatever_the_recogniser_makes_of_it(hum: str) -> None:
    assert MHM.judge(Overlap(0.4, sounding=False, text=hum)) == Ignore()


@pytest.mark.parametrize("words", ["Hello.", "I'm sorry.", "Excuse me."])
def test_an_opening_is_waited_behind_for_the_matter(words: str) -> None:
    assert WORDS.judge(pause(words)) == Wait(0.8)
