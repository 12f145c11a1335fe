from __future__ import annotations

import io

import pytest
from dialog_demo.conversation import Conversation
from dialog_demo.waterfall import SHORT_BAR, bar, stages_of, waterfall
from rich.console import Console


def printed(talk: Conversation, width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width).print(waterfall(talk, width))
    return file.getvalue().splitlines()


def test_stages_follow_each_other_without_gaps(talk: Conversation) -> None:
    greeting, *answers = [stages_of(turn.times) for turn in talk.agent]
    assert greeting == ()
    for stages in answers:
        assert stages[0].start == 0.0
        assert [stage.start for stage in stages[1:]] == [stage.end for stage in stages[:-1]]


def test_each_answer_is_a_row_with_milliseconds(talk: Conversation) -> None:
    head, *rows = printed(talk, 130)
    assert len(rows) == 3
    assert "the caller said" in head
    assert rows[0].split()[-7:] == ["500", "4", "1", "74", "1", "580", "600"]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_number_is_cut_off_in_any_terminal(talk: Conversation, width: int) -> None:
    head, *rows = printed(talk, width)
    assert max(map(len, [head, *rows])) <= width
    assert all(name in head for name in ("endpointing", "segment", "speech", "server", "heard"))
    assert all(row.split()[-2:] == ["580", "600"] for row in rows)


def test_a_bar_is_to_scale_and_hides_no_stage_that_took_time(talk: Conversation) -> None:
    stages = stages_of(talk.agent[1].times)
    drawn = bar(stages, stages[-1].end, 100).plain
    assert len(drawn) == 100
    assert drawn.count("█") == round(100 * 0.5 / 0.58)
    assert all(block in bar(stages, stages[-1].end, SHORT_BAR).plain for block in "█▓")
