"""The call as a picture: rows of time, the caller above, the agent below, what is between them in the middle.

::

    | I would like to come on. Tuesday       |   the caller's words
    | ~~~~~~~~~~~~        ~~~~~~~~           |   the caller's sound
    |             pause           <520 ms>   |   what is between
    |                                  ~~~~~~|   the agent's sound
    |                                  Tues- |   the agent's words
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dialog_demo.conversation import AgentTurn, CallerTurn, Conversation
from dialog_demo.goal import Check, pauses
from dialog_demo.sound import RATE, Span, envelope
from dialog_demo.staves import staves
from dialog_demo.take import Take

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = ["Drawing", "draw", "save"]

DPI = 108
WIDTH = 18.0
"""Inches."""
HEAD, ROW = 1.0, 3.2
"""Inches of the title, and of a row."""
LEFT, RIGHT = 0.055, 0.99
INK, FAINT = "#22272e", "#8a929c"
CALLER, AGENT = "#1f6fb5", "#c9651b"
WAIT, ALARM = "#1d8348", "#c62828"
TOP = 2.8
"""Height of a row from its middle to its edge; the sounds are at 0.9 from the middle."""
LANE, LOUD = 0.9, 0.5
WORDS = LANE + LOUD + 0.1
SIZE = 11.0
"""Points of the words; smaller where they need it."""
COLUMNS_PER_SECOND = 60
FONTS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "svg.fonttype": "none",
    "svg.hashsalt": "dialog",
}


@attrs.frozen
class Drawing:
    """A figure, and its texts, for who wants to know whether one can read them."""

    figure: Figure
    words: tuple[Text, ...]


def draw(take: Take, talk: Conversation, checks: tuple[Check, ...]) -> Drawing:
    """Draw a call."""
    length = len(take.caller) / RATE
    waits = [turn.waited for turn in talk.agent if turn.waited is not None]
    rows = staves(length, [*waits, *(turn.sound for turn in talk.turns)])
    height = HEAD + ROW * len(rows)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    title(figure, take, talk, checks)
    widest = max(row.seconds for row in rows)
    words: list[Text] = []
    for number, row in enumerate(rows):
        bottom = 1 - (HEAD + ROW * (number + 1) - 0.32) / height
        axes = figure.add_axes((LEFT, bottom, RIGHT - LEFT, (ROW - 0.34) / height))
        frame(axes, row, widest)
        for turn in talk.turns:
            if row.start <= turn.sound.start < row.end:
                shade(axes, turn)
                words.append(write(axes, turn, room_for(turn, talk, row)))
        sound(axes, take.caller, row, LANE, CALLER)
        sound(axes, take.agent, row, -LANE, AGENT)
        words += between(axes, take, talk, row)
    return Drawing(figure, tuple(words))


def save(drawing: Drawing, *files: Path) -> None:
    """Write the picture in the format of each file's name."""
    with rc_context(FONTS):
        for file in files:
            drawing.figure.savefig(file, dpi=DPI, metadata={})


def title(figure: Figure, take: Take, talk: Conversation, checks: tuple[Check, ...]) -> None:
    """What was called, how it went, and what the signs mean."""
    height = figure.get_figheight()
    missing = [check for check in checks if check.missing]
    goal = f"{len(missing)} of {len(checks)} checks failed" if missing else "goal reached"
    noted = "; ".join(f"{key}: {value}" for key, value in talk.noted.items())
    figure.text(
        LEFT, 1 - 0.34 / height, f"Call of {take.began:%Y-%m-%d %H:%M} UTC: {goal}",
        size=17, weight="bold", color=ALARM if missing else INK,
    )  # fmt: skip
    facts = [
        f"{len(take.caller) / RATE:.1f} s",
        f"{len(talk.caller)} turns",
        *([noted] if noted else []),
    ]
    if talk.typical_latency is not None:
        slowest = 1000 * max(talk.latencies)
        facts.insert(
            2,
            f"answers after {1000 * talk.typical_latency:.0f} ms (median), {slowest:.0f} ms (slowest)",
        )
    figure.text(LEFT, 1 - 0.62 / height, "   |   ".join(facts), size=11.5, color=INK)
    legend = (
        ("caller", CALLER), ("agent, as heard", AGENT),
        ("ms: from the caller's last sound to the answer's first", WAIT),
        ("barge-in: the caller interrupts, the agent is cut off", ALARM), ("pause inside a sentence", FAINT),
    )  # fmt: skip
    at = LEFT
    for name, colour in legend:
        corner = (at, 1 - 0.88 / height)
        figure.add_artist(
            Rectangle(
                corner, 0.008, 0.11 / height, color=colour, lw=0, transform=figure.transFigure
            )
        )
        text = figure.text(at + 0.011, 1 - 0.885 / height, name, size=10, color=INK)
        at += 0.026 + text.get_window_extent().width / (WIDTH * DPI)


def frame(axes: Axes, row: Span, widest: float) -> None:
    """An empty row: one scale for all rows, whole seconds below."""
    axes.set_xlim(row.start, row.start + widest)
    axes.set_ylim(-TOP, TOP)
    axes.set_yticks([LANE, -LANE], ["caller", "agent"])
    axes.tick_params(axis="y", length=0, labelsize=11)
    for label, colour in zip(axes.get_yticklabels(), (CALLER, AGENT), strict=True):
        label.set(color=colour, weight="bold")
    seconds = np.arange(np.ceil(row.start), row.end + 1e-9)
    axes.set_xticks([at for at in seconds if at % 2 == 0])
    axes.set_xticks([at for at in seconds if at % 2], minor=True)
    axes.xaxis.set_major_formatter("{x:.0f} s")
    axes.tick_params(axis="x", which="both", colors=FAINT, labelsize=9)
    axes.grid(visible=True, axis="x", color="#e8ebee", lw=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color="#c5cbd2", bounds=(row.start, row.end))
    for lane in (LANE, -LANE):
        axes.hlines(lane, row.start, row.end, color="#d5dae0", lw=0.8, zorder=1)


def sound(axes: Axes, track: bytes, row: Span, lane: float, colour: str) -> None:
    """A side's audio, the loudest a lane high."""
    piece = track[round(row.start * RATE) : round(row.end * RATE)]
    peaks = envelope(piece, max(1, round(row.seconds * COLUMNS_PER_SECOND))) * LOUD
    times = np.linspace(row.start, row.end, peaks.size)
    axes.fill_between(times, lane - peaks, lane + peaks, color=colour, lw=0, zorder=3)


def shade(axes: Axes, turn: CallerTurn | AgentTurn) -> None:
    """The extent of a turn."""
    lane, colour = (LANE, CALLER) if isinstance(turn, CallerTurn) else (-LANE, AGENT)
    corner = (turn.sound.start, lane - LOUD)
    axes.add_patch(
        Rectangle(corner, turn.sound.seconds, 2 * LOUD, color=colour, alpha=0.13, lw=0, zorder=2)
    )


def room_for(turn: CallerTurn | AgentTurn, talk: Conversation, row: Span) -> float:
    """Seconds from a turn's start that its words may take: until the same side speaks again."""
    same = [
        each
        for each in talk.turns
        if type(each) is type(turn) and each.sound.start > turn.sound.start
    ]
    until = min([each.sound.start for each in same] + [row.end])
    return until - turn.sound.start - 0.3


def write(axes: Axes, turn: CallerTurn | AgentTurn, room: float) -> Text:
    """A turn's words beside its sound, in lines that fit."""
    above = isinstance(turn, CallerTurn)
    cut = isinstance(turn, AgentTurn) and turn.interrupted
    text = axes.text(
        turn.sound.start, WORDS if above else -WORDS, "", size=SIZE, color=INK, zorder=5,
        va="bottom" if above else "top", linespacing=1.15, parse_math=False,
    )  # fmt: skip
    words = turn.text + (" — cut off" if cut else "")
    bottom, top = axes.transData.transform([(0, WORDS), (0, TOP)])[:, 1]
    for size in (SIZE, SIZE - 1, SIZE - 2, SIZE - 3, SIZE - 4):
        text.set_fontsize(size)
        text.set_text("\n".join(wrapped(axes, text, words, room)))
        if text.get_window_extent().height < top - bottom:
            break
    return text


def wrapped(axes: Axes, text: Text, words: str, room: float) -> list[str]:
    """The words in lines of at most `room` seconds of the row."""
    start, end = axes.transData.transform([(0, 0), (room, 0)])[:, 0]
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        text.set_text(longer)
        if lines and text.get_window_extent().width > end - start:
            lines.append(word)
        else:
            lines[-1:] = [longer]
    return lines


def between(axes: Axes, take: Take, talk: Conversation, row: Span) -> list[Text]:
    """Latencies, interruptions and pauses."""
    labels = []
    for turn in talk.agent:
        if turn.waited is not None and row.start <= turn.waited.start < row.end:
            name = f"{1000 * turn.waited.seconds:.0f} ms"
            labels.append(distance(axes, turn.waited, name, WAIT))
    for _, pause in pauses(take):
        if row.start <= pause.start < row.end:
            labels.append(distance(axes, pause, f"pause {pause.seconds:.1f} s", FAINT))
    for turn in talk.agent:
        caller = next((each for each in talk.caller if each.sound.overlaps(turn.sound)), None)
        if turn.interrupted and caller is not None and row.start <= turn.sound.end < row.end:
            waits = [each.waited.start for each in talk.agent if each.waited is not None]
            nearest = min(waits, key=lambda at: abs(at - caller.sound.start), default=0.0)
            left = nearest > caller.sound.start
            labels.append(barge_in(axes, caller.sound.start, turn.sound.end, left=left))
    return labels


def distance(axes: Axes, span: Span, name: str, colour: str) -> Text:
    """An arrow with a head at either end, its name above."""
    axes.annotate(
        "", (span.end, -0.17), (span.start, -0.17),
        arrowprops={"arrowstyle": "<|-|>", "color": colour, "lw": 1.4, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8},
        zorder=6,
    )  # fmt: skip
    for at in (span.start, span.end):
        axes.vlines(at, -LANE - LOUD, LANE + LOUD, color=colour, lw=0.7, ls=":", zorder=4)
    middle = (span.start + span.end) / 2
    return axes.text(
        middle, 0.0, name, size=10, weight="bold", color=colour, ha="center", va="bottom", zorder=6
    )


def barge_in(axes: Axes, began: float, silent: float, *, left: bool) -> Text:
    """The moment at which the caller interrupts, and how long the agent still sounds.

    left: whether there is more room for the words on the left.
    """
    axes.vlines(began, -WORDS, WORDS, color=ALARM, lw=1.8, zorder=6)
    axes.add_patch(
        Rectangle(
            (began, -LANE - LOUD),
            silent - began,
            2 * (LANE + LOUD),
            color=ALARM,
            alpha=0.16,
            lw=0,
            zorder=2,
        )
    )
    name = f"barge-in,\ncut in {1000 * (silent - began):.0f} ms"
    at, side = (began - 0.08, "right") if left else (began + 0.08, "left")
    return axes.text(
        at, 0.0, name, size=10, weight="bold", color=ALARM, ha=side, va="center", zorder=6
    )
