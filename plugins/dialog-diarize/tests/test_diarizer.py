"""The diarizer in whole calls, with a network that knows two pretended voices."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import attrs
import numpy as np
import pytest
from dialog_diarize import dialog_diarizer, dialog_models, warm
from dialog_diarize.diarizer import VoiceDiarizer
from dialog_diarize.files import CAMPPLUS
from dialog_diarize.settings import DiarizeSettings
from dialog_diarize.voiceprint import Voice

from dialog_core.agent.call import Call
from dialog_core.audio import Sound
from dialog_core.errors import SettingsError
from dialog_core.factory import Services
from dialog_core.messages import Utterance
from dialog_core.observe.observations import SpeakerLabelled, Trouble
from dialog_core.speech.speakers import speaker_of
from dialog_core.testing.calls import InCall, in_call
from dialog_core.testing.line import FakeLine

pytestmark = pytest.mark.anyio
SETTINGS = DiarizeSettings()


@attrs.define
class Prints:
    """Hears the voices it is told to, one after the other."""

    angles: list[float]
    breaks: bool = False
    heard: list[Sound] = attrs.field(factory=list)

    async def hear(self, sound: Sound, *, shortest: float) -> Voice | None:
        self.heard.append(sound)
        await anyio.lowlevel.checkpoint()
        if self.breaks:
            raise ValueError("no network")
        angle = self.angles.pop(0)
        found = np.array([np.cos(angle), np.sin(angle)], np.float32)
        return Voice(found, 3.0) if sound.seconds >= shortest else None

    async def get(
        self, _key: Hashable, _open: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> Any:
        return self

    def diarizer(self, **changes: Any) -> VoiceDiarizer:
        nobody = cast("Any", None)
        services = Services(nobody, nobody, nobody, self, nobody)
        return VoiceDiarizer(attrs.evolve(SETTINGS, **changes), services)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / CAMPPLUS.name).mkdir()
    for name in CAMPPLUS.files:
        (tmp_path / CAMPPLUS.name / name).touch()
    monkeypatch.setenv("DIALOG_MODELS", str(tmp_path))


class Echo:
    """Answers everything."""

    async def reply(self, turn: Utterance, _call: Call) -> AsyncIterator[str]:
        yield f"You said {turn.text}"


async def talk(prints: Prints, *texts: str, **changes: Any) -> InCall:
    line = FakeLine()
    async with in_call(line, Echo(), diarizer=prints.diarizer(**changes)) as call:
        for text in texts:
            await line.say(text)
            await line.listen()
    return call


def speakers(call: InCall) -> list[int | None]:
    turns = [entry.utterance for entry in call.history.entries if entry.utterance is not None]
    return [speaker_of(each) for turn in turns for each in turn.transcripts]


@pytest.mark.requirement("D.13")
async def test_two_people_at_one_telephone_are_told_apart() -> None:
    prints = Prints([0.0, 2.0, 0.1])
    call = await talk(prints, "It is for us two.", "No, for three, please.", "For three then.")
    assert speakers(call) == [0, 1, 0]
    told = [seen.speaker for seen in call.observed if isinstance(seen, SpeakerLabelled)]
    assert told == [0, 1, 0]


async def test_a_voice_in_doubt_stays_without_a_label() -> None:
    call = await talk(Prints([0.0, 1.05]), "It is for us two.", "For the two of us.")
    assert speakers(call) == [0, None]


async def test_too_short_a_stretch_stays_without_a_label() -> None:
    assert speakers(await talk(Prints([0.0]), "Yes.")) == [None]


async def test_no_more_than_the_end_of_a_long_stretch_is_heard() -> None:
    prints = Prints([0.0])
    await talk(prints, "I would like to book a table for two people.", longest=1.0)
    assert [sound.seconds for sound in prints.heard] == [pytest.approx(1.0, abs=0.02)]


async def test_a_network_that_fails_costs_only_labels() -> None:
    call = await talk(Prints([], breaks=True), "A table.", "For two.")
    assert speakers(call) == [None, None]
    assert call.history.heard() == "You said A table.\nYou said For two."
    troubles = [seen.where for seen in call.observed if isinstance(seen, Trouble)]
    assert troubles == ["diarizer", "diarizer"]


async def test_missing_weights_stop_the_start_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIALOG_MODELS", str(tmp_path / "empty"))
    with pytest.raises(SettingsError, match="run: dialogctl models fetch"):
        await warm(SETTINGS, Prints([]).diarizer().services)


def test_the_plugin_tells_its_component_and_its_weights() -> None:
    (factory,) = dialog_diarizer()
    assert factory.name == "diarize"
    assert dialog_models() == (CAMPPLUS,)
