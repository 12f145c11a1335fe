"""Calls recorded by the observer `recorder`, and stepped through the turn machine again."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dialog_core.cli.main import new_cli
from dialog_core.messages import Transcript
from dialog_core.observe.observations import StepTaken
from dialog_core.observe.recorder import RecordedStep, Recorder, RecorderSettings, read_recording
from dialog_core.plugins import Plugins
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.simulate import Lived, live
from dialog_core.testing.simulate.replaying import replay
from dialog_core.turns.events import AnswerExpected, Event, ReplyWanted
from dialog_core.turns.expectation import Digits, Spelling, YesNo
from tests.simulate.test_calls import POLITE

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def lived() -> Lived:
    """A call with a turn and an interruption, whose policies are the defaults."""
    return live(POLITE)


def replayed(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(new_cli(Plugins()), ["replay", *arguments])
    return result.exit_code, result.output


@real_loop
@pytest.mark.parametrize("personal", [True, False])
async def test_a_recorded_call_goes_through_the_same_phases_again(
    lived: Lived, tmp_path: Path, personal: bool
) -> None:
    await Recorder(RecorderSettings(str(tmp_path), personal)).observe(lived.observed)

    steps = tuple(read_recording((tmp_path / "simulated.jsonl").read_text("utf-8")))
    assert [step.phase for step in steps] == [step.phase for step in lived.steps]
    assert all(same for *_, same in replay(steps).rows)
    if personal:
        assert [step.event for step in steps] == [step.event for step in lived.steps]


@real_loop
async def test_words_are_masked_unless_the_settings_say_otherwise(
    lived: Lived, tmp_path: Path
) -> None:
    await Recorder(RecorderSettings(str(tmp_path))).observe(lived.observed)
    text = (tmp_path / "simulated.jsonl").read_text("utf-8")
    words = [step.event.text for step in lived.steps if isinstance(step.event, Transcript)]
    assert words
    assert not any(word in text for word in words)
    steps = [step.event for step in read_recording(text)]
    masks = [event.text for event in steps if isinstance(event, Transcript)]
    assert [len(mask) for mask in masks] == [len(word) for word in words]
    assert set("".join(masks)) <= set("x .,?!")


@real_loop
async def test_dialogctl_prints_the_table_of_phases(lived: Lived, tmp_path: Path) -> None:
    await Recorder(RecorderSettings(str(tmp_path))).observe(lived.observed)
    status, output = replayed(str(tmp_path / "simulated.jsonl"))
    assert status == 0
    assert "SpeechStarted" in output
    assert "BARGEIN" in output
    assert " * " not in output


@real_loop
async def test_dialogctl_marks_what_other_settings_would_change_and_prints_a_test(
    lived: Lived, tmp_path: Path
) -> None:
    await Recorder(RecorderSettings(str(tmp_path), personal=True)).observe(lived.observed)
    file = tmp_path / "simulated.jsonl"
    settings = tmp_path / "dialog.toml"
    settings.write_text(
        '[agents.a]\nagent = "chat"\nbarge_in = "disabled"\nvoip = "x"\nstt = "x"\ntts = "x"\n'
    )
    assert replayed(str(file), "--settings", str(settings))[0] == 2
    status, output = replayed(str(file), "--events")
    assert status == 0
    assert "ReplyWanted(at=" in output.splitlines()[0]


def test_what_is_no_recording_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "call.jsonl"
    file.write_text('{"event": "SpeechStarted", "at": 1.0}\n{"event": "Nonsense"}\n')
    status, output = replayed(str(file))
    assert status == 2
    assert "line 2 is no recorded event" in output


@pytest.mark.parametrize(
    "event",
    [
        ReplyWanted(0.0, 1),
        ReplyWanted(0.5, 2, expecting=Digits(4)),
        AnswerExpected(1.0, YesNo(), 3),
        AnswerExpected(1.5, Spelling(5)),
    ],
)
@real_loop
async def test_what_is_expected_of_the_caller_is_recorded(event: Event, tmp_path: Path) -> None:
    taken = StepTaken("c1", event.at, "thinking", event, ())
    await Recorder(RecorderSettings(str(tmp_path))).observe([taken])
    assert list(read_recording((tmp_path / "c1.jsonl").read_text("utf-8"))) == [
        RecordedStep(event, "thinking")
    ]
