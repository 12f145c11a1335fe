from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.messages import Word
from dialog_core.speech.words import spoken_part

texts = st.lists(st.text("abc", min_size=1, max_size=8), min_size=1, max_size=9).map(" ".join)


@given(text=texts, total=st.floats(0.1, 9), positions=st.lists(st.floats(0, 10), min_size=2))
def test_it_is_a_prefix_of_whole_words_that_grows_with_the_position(
    text: str, total: float, positions: list[float]
) -> None:
    parts = [spoken_part(text, position, total) for position in sorted(positions)]
    for earlier, later in pairwise(parts):
        assert later.startswith(earlier)
    assert all(text.split()[: len(part.split())] == part.split() for part in parts)


@given(text=texts, total=st.floats(0.1, 9))
def test_at_the_end_it_is_all_and_at_the_start_nothing(text: str, total: float) -> None:
    assert spoken_part(text, total, total) == text
    assert spoken_part(text, 0.0, total) == ""


@pytest.mark.parametrize(("position", "part"), [(0.9, ""), (1.0, "ten "), (2.5, "ten euros ")])
def test_word_times_count_words_however_they_are_spelt(position: float, part: str) -> None:
    times = (Word("10", 0, 1), Word("EUR", 1, 2), Word("please", 2, 3))
    assert spoken_part("ten euros please", position, 3.0, times) == part


def test_a_text_still_being_made_is_taken_to_go_on() -> None:
    assert spoken_part("one two three four", 0.6, None).split() == ["one", "two"]
