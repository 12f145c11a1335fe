from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from dialog_demo.command import EXAMPLE
from dialog_demo.script import read_script, with_date
from dialog_demo.sound import Span

from dialog_core import wav
from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.errors import SettingsError

LINE = '[[lines]]\nfile = "a.wav"\nquiet = 0.6\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.wav").write_bytes(wav.write(wav.Wav(TELEPHONE, b"\x80" * 800)))
    wide = AudioFormat(Encoding.PCM16, 16000)
    (tmp_path / "wide.wav").write_bytes(wav.write(wav.Wav(wide, b"\0\0" * 800)))
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "caller.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_example_has_one_interruption_and_one_pause_and_a_goal() -> None:
    script = read_script(EXAMPLE / "caller.toml")
    assert [line.text for line in script.lines if line.into is not None] == [
        "At half past ten, please."
    ]
    (halting,) = [line for line in script.lines if line.pause is not None]
    assert halting.text.startswith("I would like to come on Tuesday")
    assert script.goal == {"appointment": "Tuesday 11:00 Daniel Carter"}


def test_a_line_knows_where_it_sounds(folder: Path) -> None:
    (line,) = read_script(write(folder, LINE)).lines
    assert line.voiced == Span(0.0, 0.1)
    assert line.pause is None


def test_an_optional_line_is_left_out(folder: Path) -> None:
    assert len(read_script(write(folder, f"{LINE}{LINE}optional = true\n")).lines) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the caller says nothing"),
        ("lines = 3", "the caller says nothing"),
        ("[[lines", "is not TOML"),
        ('[[lines]]\nfile = "a.wav"\n', "needs 'file', and either 'quiet' or 'into'"),
        (f"{LINE}into = 2\n", "either 'quiet' or 'into'"),
        (f"{LINE}loud = 2\n", "unknown key 'loud'"),
        (f"{LINE}[goal]\nprice = 3\n", "goal must hold texts"),
        ('[[lines]]\nfile = "none.wav"\nquiet = 1\n', "none.wav: cannot be read"),
        ('[[lines]]\nfile = "caller.toml"\nquiet = 1\n', "not a WAV file"),
        ('[[lines]]\nfile = "wide.wav"\nquiet = 1\n', "must be mu-law at 8 kHz"),
    ],
)
def test_a_script_that_cannot_be_followed_is_refused(folder: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        read_script(write(folder, text))


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"caller\.toml: cannot be read"):
        read_script(tmp_path / "caller.toml")


@pytest.mark.parametrize(
    ("day", "date"), [(21, "2026-11-24"), (24, "2026-12-01"), (23, "2026-11-24")]
)
def test_a_weekday_is_the_coming_one(day: int, date: str) -> None:
    assert with_date("Tuesday 11:00", dt.date(2026, 11, day)) == f"{date} 11:00"
