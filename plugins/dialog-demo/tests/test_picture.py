from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Protocol

import attrs
import pytest
from dialog_demo.conversation import AgentTurn, Conversation
from dialog_demo.goal import Check
from dialog_demo.picture import AGENT, ALARM, CALLER, WAIT, Drawing, draw, save
from dialog_demo.sound import Span
from dialog_demo.staves import ROW_SECONDS, staves
from dialog_demo.take import Take
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.image import imread


class Judge(Protocol):
    def checks(self, take: Take) -> tuple[Check, ...]: ...


def longwinded(talk: Conversation) -> Conversation:
    """The same call with far more words than there is room for."""
    turns = tuple(attrs.evolve(turn, text=f"{turn.text} " * 3) for turn in talk.turns)
    return attrs.evolve(talk, turns=turns)


def legible(drawing: Drawing) -> None:
    """No two texts overlap, and none leaves the picture."""
    drawing.figure.canvas.draw()
    whole = drawing.figure.bbox
    boxes = [text.get_window_extent() for text in drawing.words]
    for text, box in zip(drawing.words, boxes, strict=True):
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1, text.get_text()
        assert whole.y0 <= box.y0 < box.y1 <= whole.y1, text.get_text()
    for (one, a), (other, b) in combinations(zip(drawing.words, boxes, strict=True), 2):
        assert not a.overlaps(b), (one.get_text(), other.get_text())


def test_all_words_stand_in_the_picture_and_none_over_another(
    take: Take, talk: Conversation, judge: Judge
) -> None:
    drawing = draw(take, talk, judge.checks(take))
    legible(drawing)
    shown = " ".join(text.get_text().replace("\n", " ") for text in drawing.words)
    for turn in talk.turns:
        assert turn.text in shown
    assert shown.count("600 ms") == 3
    assert "barge-in, cut in 300 ms" in shown
    assert "pause 0.8 s" in shown


def test_many_words_are_made_smaller_until_they_fit(
    take: Take, talk: Conversation, judge: Judge
) -> None:
    legible(draw(take, longwinded(talk), judge.checks(take)))


def test_the_picture_shows_both_sides_waits_and_the_barge_in(
    take: Take, talk: Conversation, judge: Judge, tmp_path: Path
) -> None:
    png, svg = tmp_path / "timeline.png", tmp_path / "timeline.svg"
    save(draw(take, talk, judge.checks(take)), png, svg)
    pixels = imread(png)[:, :, :3]
    assert 1600 <= pixels.shape[1] <= 2000
    for colour in (CALLER, AGENT, WAIT, ALARM):
        near = abs(pixels - to_rgb(colour)).max(axis=2) < 0.02
        assert near.sum() > 100, colour
    assert "goal reached" in svg.read_text("utf-8")


def test_a_call_without_a_word_can_be_drawn(take: Take) -> None:
    legible(draw(attrs.evolve(take, lines=()), Conversation(()), ()))


def test_a_failed_call_says_so(take: Take, talk: Conversation) -> None:
    drawing = draw(take, talk, (Check("it works", "it does not"), Check("it is quick")))
    titles = [text.get_text() for text in drawing.figure.texts]
    assert any("1 of 2 checks failed" in title for title in titles)


@given(
    turns=st.lists(st.tuples(st.floats(0.5, 12.0), st.floats(0.2, 3.0)), min_size=1, max_size=20)
)
def test_rows_cover_the_call_and_never_begin_within_a_turn(
    turns: list[tuple[float, float]],
) -> None:
    busy, at = [], 0.0
    for sound, silence in turns:
        busy.append(Span(at, at + sound))
        at += sound + silence
    rows = staves(at, busy)
    assert rows[0].start == 0.0
    assert rows[-1].end == at
    assert [row.end for row in rows[:-1]] == [row.start for row in rows[1:]]
    for row in rows[1:]:
        assert not any(span.start < row.start < span.end for span in busy)


def test_a_call_of_a_minute_and_a_quarter_has_three_rows() -> None:
    busy = [Span(float(at), at + 2.5) for at in range(0, 77, 3)]
    rows = staves(77.0, busy)
    assert len(rows) == 3
    assert max(row.seconds for row in rows) <= ROW_SECONDS


def test_interrupted_replies_are_marked(take: Take, talk: Conversation) -> None:
    cut = [turn for turn in talk.turns if isinstance(turn, AgentTurn) and turn.interrupted]
    words = [text.get_text() for text in draw(take, talk, ()).words]
    assert sum("cut off" in each for each in words) == len(cut) == 1


@pytest.mark.parametrize("text", ["It costs $45 or $50.", "100 % _sure_ ^now^"])
def test_words_are_never_taken_for_formulas(take: Take, talk: Conversation, text: str) -> None:
    turns = tuple(attrs.evolve(turn, text=text) for turn in talk.turns)
    drawing = draw(take, attrs.evolve(talk, turns=turns), ())
    drawing.figure.canvas.draw()
    assert any(each.get_text().replace("\n", " ") == text for each in drawing.words)
