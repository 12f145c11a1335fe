"""How far a caller has come with the kind of answer that they were asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.policies.endpointers import Heuristic, HeuristicSettings
from dialog_core.policies.lexicon import LEXICONS, UNKNOWN, lexicon, plain_words
from dialog_core.policies.progress import Progress, count_digits, progress
from dialog_core.turns.expectation import (
    ANYTHING,
    Date,
    Digits,
    Email,
    Expectation,
    PhoneNumber,
    Spelling,
    YesNo,
)
from dialog_core.turns.policy import Pause, Wait

ENGLISH = lexicon("en")
WHOLE, PART, OPEN = Progress.WHOLE, Progress.PART, Progress.UNKNOWN
EXPECTATIONS: list[Expectation] = [
    ANYTHING, YesNo(), Digits(4), PhoneNumber(), Date(), Email(), Spelling(), Spelling(5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expecting", "text", "found"),
    [
        (Digits(4), "four", PART),
        (Digits(4), "four two oh", PART),
        (Digits(4), "4 2 0", PART),
        (Digits(4), "4201", WHOLE),
        (Digits(4), "four, two, double one.", WHOLE),
        (Digits(4), "forty two eleven", WHOLE),
        (Digits(4), "I do not know it", OPEN),
        (PhoneNumber(), "555", PART),
        (PhoneNumber(), "555-0199", OPEN),
        (PhoneNumber(), "+1 212 555 0199", WHOLE),
        (Date(), "next Friday", WHOLE),
        (Date(), "tomorrow", WHOLE),
        (Date(), "in March", PART),
        (Date(), "the third", PART),
        (Date(), "March the third", WHOLE),
        (Date(), "as soon as possible", OPEN),
        (Email(), "john", PART),
        (Email(), "john at example", PART),
        (Email(), "john at example dot", PART),
        (Email(), "john at example dot com", WHOLE),
        (Email(), "john.smith@example.com", WHOLE),
        (Spelling(), "s m i", PART),
        (Spelling(), "S-M-I", PART),
        (Spelling(5), "s m i t h", WHOLE),
        (Spelling(5), "S-M-I-T-H", WHOLE),
        (Spelling(), "that is Smith", OPEN),
        (YesNo(), "yes", WHOLE),
        (YesNo(), "No, thanks.", WHOLE),
        (YesNo(), "yes but only", OPEN),
        (YesNo(), "it depends", OPEN),
        (ANYTHING, "yes", OPEN),
    ],
)  # fmt: skip
@pytest.mark.requirement("D.8")
def test_an_answer_is_whole_or_in_progress(
    expecting: Expectation, text: str, found: Progress
) -> None:
    assert progress(expecting, text, ENGLISH) is found


@given(
    expecting=st.sampled_from(EXPECTATIONS),
    text=st.text(max_size=60),
    language=st.sampled_from([*LEXICONS, "ja"]),
)
def test_any_text_in_any_language_can_be_judged(
    expecting: Expectation, text: str, language: str
) -> None:
    assert isinstance(progress(expecting, text, lexicon(language)), Progress)


@given(digits=st.lists(st.sampled_from(sorted(ENGLISH.digits)), max_size=12))
def test_every_spoken_digit_counts_once(digits: list[str]) -> None:
    assert count_digits(digits, ENGLISH) == len(digits)


@pytest.mark.parametrize(
    ("expecting", "text", "wait"),
    [
        (ANYTHING, "four two", 1.2),
        (Digits(4), "four two", 2.0),
        (Digits(4), "four two one one", 0.35),
        (Digits(4), "I want to", 1.5),
        (YesNo(), "yes", 0.35),
        (ANYTHING, "yes", 0.8),
        (YesNo(), "That depends.", 0.42),
        (Email(), "john at", 2.0),
        (Date(), "on March", 2.0),
        (Date(), "on Friday.", 0.35),
    ],
)
@pytest.mark.requirement("D.8")
def test_the_wait_is_longer_within_what_was_asked_for_and_shorter_after_it(
    expecting: Expectation, text: str, wait: float
) -> None:
    heuristic = Heuristic(HeuristicSettings())
    assert heuristic.judge(Pause(0.0, text, settled=True, expecting=expecting)) == Wait(wait)


@pytest.mark.parametrize(
    ("language", "text", "wait"),
    [
        ("de", "ich möchte einen Tisch und", 1.5),
        ("de", "meine Nummer ist null eins", 1.2),
        ("fr", "je voudrais une table pour", 1.5),
        ("es", "quiero una mesa para", 1.5),
        ("ja", "the", 0.8),
    ],
)
def test_words_trail_off_in_the_agents_language(language: str, text: str, wait: float) -> None:
    heuristic = Heuristic(HeuristicSettings(language=language))
    assert heuristic.judge(Pause(0.0, text, settled=True)) == Wait(wait)


def test_lexicons_hold_plain_words_and_no_objection_is_a_backchannel() -> None:
    for known in (*LEXICONS.values(), UNKNOWN):
        for phrase in known.backchannels | known.unfinished:
            assert " ".join(plain_words(phrase)) == phrase
        assert not known.backchannels & {"no", "nein", "non", "nee", "não", "stop", "wait"}
        assert "mhm" in known.backchannels
