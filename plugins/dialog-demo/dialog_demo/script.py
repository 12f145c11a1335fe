"""The caller's part: what is said, when, and what the agent is to have noted in the end.

::

    [goal]
    appointment = "Tuesday 11:00 Daniel Carter"     # a weekday stands for the date of the coming one

    [[lines]]
    file = "caller/4-time.wav"     # mu-law, 8 kHz, one channel
    text = "At half past ten, please."
    into = 2.5                     # begins when the agent has spoken for so long: a barge-in
    # or: quiet = 0.6              # begins when the agent has been silent for so long
    # optional = true              # left out here
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from dialog_core import wav
from dialog_core.audio import TELEPHONE
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_demo.sound import Span, pause_in, sounds

__all__ = ["Line", "Script", "read_script"]

SHORTEST_PAUSE = 0.5
"""A silence within a line from which on it is a test of patience."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
KEYS = frozenset({"file", "text", "quiet", "into", "optional"})


@attrs.frozen
class Line:
    """One sentence of the caller's."""

    text: str
    audio: bytes
    """Mu-law at 8 kHz."""
    quiet: float | None = None
    """It begins when the agent has been silent for so many seconds."""
    into: float | None = None
    """It begins when the agent has been speaking for so many seconds."""
    voiced: Span = attrs.field(init=False)
    """Within the audio."""
    pause: Span | None = attrs.field(init=False)
    """Within the audio: a pause for thought."""

    @voiced.default
    def _voiced(self) -> Span:
        spans = sounds(self.audio)
        return Span(spans[0].start, spans[-1].end) if spans else Span(0.0, 0.0)

    @pause.default
    def _pause(self) -> Span | None:
        return pause_in(self.audio, SHORTEST_PAUSE)


@attrs.frozen
class Script:
    """A caller's part."""

    lines: tuple[Line, ...]
    goal: Mapping[str, str]
    """What the agent is to have noted."""

    def goal_on(self, today: dt.date) -> dict[str, str]:
        """The goal with dates for weekdays: of today's, or of the coming one."""
        return {key: with_date(value, today) for key, value in self.goal.items()}


def with_date(text: str, today: dt.date) -> str:
    """The text with each weekday's name replaced by a date; a day that is named is never today."""
    for number, name in enumerate(WEEKDAYS):
        days = (number - today.weekday() - 1) % 7 + 1
        text = text.replace(name, (today + dt.timedelta(days)).isoformat())
    return text


def read_script(file: Path) -> Script:
    """Read a caller's script and its recordings. Raises: SettingsError."""
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise broken(file, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise broken(file, f"is not TOML: {error}") from error
    tables = document.get("lines")
    goal = document.get("goal", {})
    if not isinstance(tables, list) or not tables:
        raise broken(file, "the caller says nothing: write a table [[lines]] for each sentence")
    if not isinstance(goal, dict) or not all(isinstance(each, str) for each in goal.values()):
        raise broken(file, 'goal must hold texts, such as appointment = "Tuesday 11:00"')
    return Script(tuple(read_lines(file, tables)), goal)


def read_lines(file: Path, tables: list[Mapping[str, Any]]) -> Iterator[Line]:
    for number, table in enumerate(tables, 1):
        where = f"lines[{number}]"
        if strange := sorted(set(table) - KEYS):
            raise broken(
                file, f"{where} has an unknown key '{strange[0]}'; known: {', '.join(sorted(KEYS))}"
            )
        if "file" not in table or ("quiet" in table) == ("into" in table):
            raise broken(file, f"{where} needs 'file', and either 'quiet' or 'into'")
        if not table.get("optional", False):
            audio = read_audio(file.parent / table["file"])
            yield Line(table.get("text", ""), audio, table.get("quiet"), table.get("into"))


def read_audio(file: Path) -> bytes:
    """A recording in the telephone's own format. Raises: SettingsError."""
    try:
        recording = wav.parse(file.read_bytes())
    except OSError as error:
        raise broken(file, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise broken(file, str(error)) from error
    if recording.fmt != TELEPHONE or recording.channels != 1:
        raise broken(file, "must be mu-law at 8 kHz with one channel, as telephones send it")
    return recording.data


def broken(file: Path, what: str) -> SettingsError:
    return SettingsError(SettingsProblem(str(file), what))
