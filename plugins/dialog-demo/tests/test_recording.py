"""Both sides of the recording on one clock: a click, and the server's click in answer, on virtual time."""

from __future__ import annotations

import datetime as dt
import io
import wave
from pathlib import Path

import numpy as np
import pytest
from dialog_demo.artefacts import FILES, leave
from dialog_demo.conversation import Conversation
from dialog_demo.take import Take
from dialog_twilio.testing import open_stage
from numpy.typing import NDArray

from dialog_core.audio import AudioFrame
from dialog_core.protocols import Line

pytestmark = pytest.mark.anyio

I16 = NDArray[np.int16]
CLICK = b"\x80" * 8
FRAME = 0.02
MOST = 0.005


async def echo(line: Line) -> None:
    """Click as soon as a click is heard."""
    async for event in line.events():
        if isinstance(event, AudioFrame) and CLICK in event.data:
            await line.play(CLICK + b"\xff" * 152)


async def test_clicks_are_where_they_sounded_on_both_sides(tmp_path: Path) -> None:
    clicks = [0.5, 1.3, 2.22]
    async with open_stage(echo) as stage, stage.call() as phone:
        for at in clicks:
            await phone.say(CLICK, at=at)
        await phone.silent(0.5)
        caller, agent = phone.stereo()
    take = Take(dt.datetime(2026, 11, 21, tzinfo=dt.UTC), caller, agent, (), ())
    left, right = recorded(tmp_path, take)
    assert onsets(left) == pytest.approx(clicks, abs=1 / 8000)
    assert onsets(right) == pytest.approx([at + FRAME for at in clicks], abs=MOST)


def recorded(folder: Path, take: Take) -> tuple[I16, I16]:
    """Both channels of the recording that is left behind."""
    leave(folder, take, Conversation(()), ())
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    with wave.open(io.BytesIO((folder / "recording.wav").read_bytes())) as reader:
        shape = reader.getnchannels(), reader.getsampwidth(), reader.getframerate()
        samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2").reshape(-1, 2)
    assert shape == (2, 2, 8000)
    return samples[:, 0], samples[:, 1]


def onsets(samples: I16) -> list[float]:
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 1000)
    return [int(at) / 8000 for at in loud[np.flatnonzero(np.diff(loud, prepend=-100) > 50)]]
