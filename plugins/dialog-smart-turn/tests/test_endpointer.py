"""The rules, with a model that answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import anyio
import attrs
import pytest
from dialog_smart_turn import dialog_models, warm
from dialog_smart_turn.endpointer import SmartTurn, wait_of
from dialog_smart_turn.files import SMART_TURN
from dialog_smart_turn.settings import SmartTurnSettings
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.agent.call import Call
from dialog_core.audio import TELEPHONE, Sound
from dialog_core.errors import PluginError, SettingsError
from dialog_core.factory import Services
from dialog_core.messages import Utterance
from dialog_core.observe.observations import Counted, Observation, Trouble
from dialog_core.testing.calls import in_call, new_policy
from dialog_core.testing.line import FakeLine
from dialog_core.turns.expectation import Digits
from dialog_core.turns.policy import Ask, Pause, Wait
from dialog_core.turns.records import TurnComplete

pytestmark = pytest.mark.anyio
SETTINGS = SmartTurnSettings(language="en")


@attrs.define
class Judge:
    """Hears nothing, and answers after a while."""

    answer: float = 0.9
    seconds: float = 0.05
    error: Exception | None = None
    heard: list[Sound] = attrs.field(factory=list)

    async def probability(self, sound: Sound) -> float:
        self.heard.append(sound)
        await anyio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return self.answer


@attrs.define
class Stage:
    """Services with that judge in them."""

    judge: Judge = attrs.field(factory=Judge)
    missing: Exception | None = None
    observed: list[Observation] = attrs.field(factory=list)

    async def get(
        self, _key: Hashable, _open: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> Any:
        if self.missing is not None:
            raise self.missing
        return self.judge

    def endpointer(self, **changes: Any) -> SmartTurn:
        nobody = cast("Any", None)
        services = Services(nobody, nobody, nobody, self, self.observed.append)
        return SmartTurn(attrs.evolve(SETTINGS, **changes), services)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / SMART_TURN.name).mkdir()
    for name in SMART_TURN.files:
        (tmp_path / SMART_TURN.name / name).touch()
    monkeypatch.setenv("DIALOG_MODELS", str(tmp_path))


def pause(text: str, *, since: float = 3.0) -> Pause:
    def audio(tail: float) -> Sound:
        return Sound(since + tail - 8, TELEPHONE.silence(8), TELEPHONE)

    return Pause(0.2, text, settled=True, since=since, audio=audio)


# --- the words


@pytest.mark.parametrize("text", ["I would like to", "um", "It is for Monday and", "so,"])
def test_words_that_show_more_to_come_are_believed_without_listening(text: str) -> None:
    assert Stage().endpointer().judge(Pause(0.2, text, settled=True)) == Wait(SETTINGS.unfinished)


def test_a_number_that_may_go_on_is_waited_for() -> None:
    verdict = Stage().endpointer().judge(Pause(0.2, "My number is five five", settled=True))
    assert verdict == Wait(SETTINGS.number)


@pytest.mark.parametrize("text", ["", "A table, please.", "a table", "Yes"])
def test_everything_else_is_heard_and_the_words_stand_in_meanwhile(text: str) -> None:
    wait = SETTINGS.finished if text.endswith(".") else SETTINGS.unsure
    assert Stage().endpointer().judge(Pause(0.2, text, settled=True)) == Ask(wait)


def test_a_whole_answer_to_what_was_asked_needs_no_listening() -> None:
    pause = Pause(0.2, "four two seven one", settled=True, expecting=Digits(4))
    assert Stage().endpointer().judge(pause) == Wait(SETTINGS.answered)
    assert Stage().endpointer().judge(attrs.evolve(pause, text="four two")) == Wait(
        SETTINGS.dictating
    )


# --- the voice


async def test_a_voice_that_has_finished_ends_the_turn_soon() -> None:
    stage = Stage(Judge(answer=0.5))
    assert await stage.endpointer().ask(pause("A table.")) == Wait(SETTINGS.shortest)


async def test_a_voice_that_goes_on_is_waited_for() -> None:
    stage = Stage(Judge(answer=0.0))
    assert await stage.endpointer().ask(pause("A table.")) == Wait(SETTINGS.longest)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.05, 1))
def test_the_surer_the_sooner_and_never_out_of_bounds(a: float, b: float, at: float) -> None:
    settings = SmartTurnSettings(threshold=at)
    low, high = (wait_of(each, settings) for each in sorted((a, b)))
    assert settings.shortest <= high <= low <= settings.longest


async def test_the_model_hears_the_first_fifth_of_a_second_of_the_silence() -> None:
    stage = Stage()
    await stage.endpointer().ask(pause("A table.", since=12.0))
    (sound,) = stage.judge.heard
    assert sound.at + sound.seconds == pytest.approx(12.2)


async def test_a_pause_is_judged_once_whatever_is_asked_of_it() -> None:
    stage = Stage()
    endpointer = stage.endpointer()
    async with anyio.create_task_group() as tasks:
        for text in ("A", "A table", "A table."):
            tasks.start_soon(endpointer.ask, pause(text))
    assert len(stage.judge.heard) == 1
    await endpointer.ask(pause("A table.", since=5.0))
    assert len(stage.judge.heard) == 2


# --- trouble


async def test_a_late_judgement_leaves_it_to_the_words_and_is_counted() -> None:
    stage = Stage(Judge(seconds=5.0))
    assert await stage.endpointer().ask(pause("A table.")) == Wait(SETTINGS.finished)
    assert stage.observed == [Counted("", "turn judgements too late", 1)]


async def test_without_audio_the_words_decide() -> None:
    stage = Stage()
    assert await stage.endpointer().ask(Pause(0.2, "A table.", settled=True)) == Wait(
        SETTINGS.finished
    )
    assert stage.judge.heard == []


class Echo:
    """Answers everything."""

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield f"You said {turn.text}"


async def turn_after(stage: Stage, text: str) -> float:
    """Seconds from the last voiced sample to the end of the turn, in a whole call."""
    line = FakeLine()
    policy = new_policy(endpointer=stage.endpointer())
    async with in_call(line, Echo(), policy=policy) as call:
        await line.say(text)
        await line.listen()
        (turn,) = [record for record in call.records if isinstance(record, TurnComplete)]
    stage.observed += call.observed
    return turn.at - turn.utterance.ended


@pytest.mark.parametrize(
    ("answer", "wait"), [(0.9, SETTINGS.shortest), (0.25, 1.2), (0.0, SETTINGS.longest)]
)
async def test_in_a_call_the_wait_counts_from_the_last_voiced_sample(
    answer: float, wait: float
) -> None:
    assert await turn_after(Stage(Judge(answer)), "A table, please.") == pytest.approx(
        wait, abs=0.02
    )


@pytest.mark.parametrize(
    "stage",
    [
        Stage(Judge(error=ValueError("broken"))),
        Stage(missing=PluginError("smart-turn", "cannot read model")),
    ],
    ids=["broken", "absent"],
)
async def test_a_model_that_fails_in_a_call_leaves_it_to_the_words(stage: Stage) -> None:
    assert await turn_after(stage, "A table, please.") == pytest.approx(SETTINGS.finished, abs=0.02)
    (trouble,) = [seen for seen in stage.observed if isinstance(seen, Trouble)]
    assert trouble.where == "endpointer"


# --- settings


async def test_a_missing_file_stops_the_start_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIALOG_MODELS", str(tmp_path / "empty"))
    with pytest.raises(SettingsError, match="run: dialogctl models fetch"):
        await warm(SETTINGS, Stage().endpointer().services)


def test_the_longest_wait_is_not_below_the_shortest() -> None:
    with pytest.raises(ValueError, match="must be at least shortest"):
        SmartTurnSettings(shortest=1.0, longest=0.5)


def test_the_file_is_told() -> None:
    assert dialog_models() == (SMART_TURN,)
