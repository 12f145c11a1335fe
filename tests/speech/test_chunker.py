from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.speech.chunker import LONGEST, Chunker

PIECES = [
    "Dr. ",
    "No. ",
    "Yes! ",
    "3.5 ",
    "well, ",
    "word ",
    "e.g. ",
    "\n",
    "  ",
    "。",
    "。。",
    "”",
    "... ",
    "x" * 90,
    ")",
]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(
    alphabet="aB. ,!?\n。…\"')", max_size=300
)


def cut(*deltas: str) -> list[str]:
    chunker = Chunker()
    return [*(piece for delta in deltas for piece in chunker.push(delta)), *chunker.flush()]


@given(text=texts)
def test_segments_put_together_are_the_text(text: str) -> None:
    assert "".join(cut(text)).rstrip() == text.rstrip()


@given(text=texts, at=st.lists(st.integers(0, 300), max_size=8))
def test_how_the_text_was_split_into_tokens_does_not_matter(text: str, at: list[int]) -> None:
    edges = [0, *sorted(at), len(text)]
    deltas = [text[start:end] for start, end in pairwise(edges)]
    assert cut(*deltas) == cut(text) == cut(*text)


@given(text=texts)
def test_no_segment_is_blank_or_longer_than_the_longest(text: str) -> None:
    segments = cut(text)
    assert all(segment.strip() for segment in segments)
    assert all(len(segment.strip()) <= LONGEST for segment in segments)


@pytest.mark.requirement("B.28")
def test_each_sentence_leaves_as_soon_as_it_is_complete_and_the_rest_at_the_end() -> None:
    chunker = Chunker()
    assert chunker.push("We are open. We") == ("We are open. ",)
    assert chunker.push(" close at six! And") == ("We close at six! ",)
    assert chunker.push(" so on") == ()
    assert chunker.flush() == ("And so on",)


def test_the_first_segment_leaves_at_the_first_clause_and_later_ones_do_not() -> None:
    text = "Of course, sir, I can do that, at once. For you, my friend, always. "
    assert cut(text) == [
        "Of course, sir, ", "I can do that, at once. ", "For you, my friend, always. ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith is here.", "It costs 3.50 euros.", "Ask e.g. J. Bach on Oct. third.",
        "See No. 5 on St. James St. today.",
    ],
)  # fmt: skip
def test_a_full_stop_inside_a_number_or_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert cut(text) == [text]


@pytest.mark.parametrize("answer", ["No.", "Yes.", "OK.", "I."])
def test_a_short_answer_is_a_segment(answer: str) -> None:
    assert cut(f"{answer} ")[0].strip() == answer


def test_no_alone_is_said_before_what_follows_it() -> None:
    assert cut("No. We are closed.") == ["No. ", "We are closed."]


def test_a_sentence_without_end_is_cut_between_words() -> None:
    segments = cut("word " * 100)
    assert len(segments) == 3
    assert all(set(segment.split()) == {"word"} for segment in segments)


def test_full_width_marks_end_sentences_without_a_blank() -> None:
    assert cut("こんにちは。ありがとう。") == ["こんにちは。", "ありがとう。"]


def test_blanks_alone_are_no_segment_even_before_a_very_long_word() -> None:
    assert cut(f"  {'x' * 300}")[0].strip()
