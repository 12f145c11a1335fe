from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dialog_core.messages import Transcript
from dialog_core.turns.words import sift

TAKEN = Transcript(2.0, "hello there", final=False, started=1.0)


def text_of(transcript: Transcript | None) -> str | None:
    return None if transcript is None else transcript.text


def heard(
    text: str, at: float = 2.0, started: float | None = 1.0, *, final: bool = True
) -> Transcript:
    return Transcript(at, text, final=final, started=started)


def test_without_taken_words_all_is_new() -> None:
    new = heard("hello")
    assert sift(None, new) == (None, new)


def test_blank_text_is_nothing() -> None:
    assert sift(TAKEN, heard("  ")) == (TAKEN, None)


def test_the_same_words_settled_are_not_new_whatever_their_spelling() -> None:
    assert sift(TAKEN, heard("Hello, THERE!")) == (None, None)


def test_a_part_of_the_taken_words_leaves_the_rest_taken() -> None:
    left, new = sift(TAKEN, heard("Hello."))
    assert (text_of(left), new) == ("there", None)


def test_what_goes_beyond_the_taken_words_is_new_and_starts_where_they_ended() -> None:
    left, new = sift(TAKEN, heard("Hello there, my friend.", at=3.0))
    assert (left, text_of(new)) == (None, "my friend.")
    assert new is not None
    assert new.started == 2.0


def test_another_guess_at_the_same_span_is_not_new() -> None:
    assert sift(TAKEN, heard("yellow bear", at=2.3)) == (None, None)


def test_words_that_begin_after_the_taken_ones_are_new() -> None:
    new = heard("and then", at=3.0, started=2.1)
    assert sift(TAKEN, new) == (None, new)


def test_an_interim_repetition_keeps_the_words_taken() -> None:
    assert sift(TAKEN, heard("hello there", final=False)) == (TAKEN, None)


def test_an_interim_continuation_shows_only_what_is_new_and_keeps_the_words_taken() -> None:
    left, new = sift(TAKEN, heard("hello there my", at=2.4, final=False))
    assert (left, text_of(new)) == (TAKEN, "my")


words = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6).map(" ".join)


@given(known=words, more=words)
def test_no_word_beyond_the_taken_ones_is_lost_or_repeated(known: str, more: str) -> None:
    taken = Transcript(2.0, known, final=False)
    left, new = sift(taken, heard(f"{known} {more}", at=4.0, started=None))
    assert (left, text_of(new)) == (None, more)
