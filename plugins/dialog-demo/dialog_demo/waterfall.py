"""Where the time of each answer went, as a table of bars."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from rich.table import Table
from rich.text import Text

from dialog_core.observe.observations import ReplyTimed
from dialog_demo.conversation import AgentTurn, CallerTurn, Conversation

__all__ = ["STAGES", "Stage", "answers", "stages_of", "waterfall"]

STAGES = (
    ("endpointing", "the turn is over", "█", "blue"),
    ("text", "the agent's first text", "▓", "magenta"),
    ("segment", "its first sentence", "▓", "red"),
    ("speech", "the first audio", "▒", "yellow"),
    ("line", "the carrier has it", "░", "white"),
)
"""Name, what ends it, block and colour of each stage, in order."""
SEEN_SECONDS = 0.0005
"""What lasted so long is drawn, however small."""
BAR, SHORT_BAR = 28, 10
WIDE, NARROW = 116, 98
"""Columns of a terminal from which on there is room for the words, and for the long bar."""


@attrs.frozen
class Stage:
    """One stage of one answer."""

    name: str
    start: float
    """Seconds after the caller's last voiced sample, as the server heard it."""
    end: float


def stages_of(times: ReplyTimed) -> tuple[Stage, ...]:
    """The stages of an answer, end to end; a stage that did not happen is left out."""
    if times.ended is None:
        return ()
    ends = (times.decided, times.first_text, times.first_segment, times.first_audio, times.audible)
    stages, before = [], 0.0
    for (name, *_), end in zip(STAGES, ends, strict=True):
        if end is not None:
            after = max(before, end - times.ended)
            stages.append(Stage(name, before, after))
            before = after
    return tuple(stages)


def answers(talk: Conversation) -> Iterator[tuple[CallerTurn, AgentTurn]]:
    """Each turn of the caller's with its answer."""
    for turn in talk.agent:
        asked = [each for each in talk.caller if each.sound.end < turn.sound.start]
        if turn.waited is not None and asked:
            yield asked[-1], turn


def waterfall(talk: Conversation, width: int) -> Table:
    """A row for each answer. width: columns of the terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    longest = max((stages_of(turn.times)[-1].end for _, turn in answers(talk)), default=1.0)
    table.add_column("turn", justify="right")
    if width >= WIDE:
        table.add_column("the caller said", no_wrap=True, overflow="ellipsis", width=width - 100)
    table.add_column(f"0 to {1000 * longest:.0f} ms", no_wrap=True)
    for name, _, block, colour in STAGES:
        table.add_column(Text.assemble((block, colour), name), justify="right", no_wrap=True)
    table.add_column("server", justify="right")
    table.add_column("heard", justify="right", style="bold green")
    for number, (asked, turn) in enumerate(answers(talk), 1):
        stages = stages_of(turn.times)
        took = {stage.name: stage.end - stage.start for stage in stages}
        cells = [milliseconds(took.get(name)) for name, *_ in STAGES]
        words = [asked.text] if width >= WIDE else []
        total = [milliseconds(stages[-1].end), milliseconds(turn.latency)]
        drawn = bar(stages, longest, BAR if width >= NARROW else SHORT_BAR)
        table.add_row(str(number), *words, drawn, *cells, *total)
    return table


def bar(stages: tuple[Stage, ...], longest: float, width: int) -> Text:
    """An answer's stages to scale."""
    text, drawn = Text(), 0
    for stage, (_, _, block, colour) in zip(stages, styles(stages), strict=True):
        upto = round(stage.end / longest * width)
        if upto <= drawn and stage.end - stage.start >= SEEN_SECONDS and drawn < width:
            upto = drawn + 1
        text.append(block * (upto - drawn), colour)
        drawn = max(drawn, upto)
    return text


def styles(stages: tuple[Stage, ...]) -> Iterator[tuple[str, str, str, str]]:
    known = {style[0]: style for style in STAGES}
    return (known[stage.name] for stage in stages)


def milliseconds(seconds: float | None) -> str:
    """A time for people; event loops count whole milliseconds."""
    return "-" if seconds is None else f"{1000 * seconds:.0f}"
