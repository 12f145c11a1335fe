"""Scenarios played with audio, through real speech models of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.errors import SettingsError
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.simulate.aloud import from_wav, play_aloud
from dialog_core.testing.simulate.scenario import load_scenario
from dialog_core.wav import Wav, write

pytestmark = pytest.mark.anyio

BAKERY = Path(__file__).parents[2] / "docs" / "snippets" / "bakery"
SETTINGS = """
[agents.bakery]
agent = "bakery:Bakery"
stt = "local"
tts = { use = "local", voice = "heart" }
voip = { use = "twilio", account_sid = "AC00000000000000000000000000000000", auth_token = "key" }
"""
SCENARIO = """
agent = "bakery"
settings = "dialog.toml"

[[caller]]
says = "When do you open?"
expect = { words = ["open at seven"], within = 6.0 }

[[caller]]
says = "And what do you bake?"
into = 1.8
expect = { words = ["I only know when we are open"], interrupted = true, without = ["Sundays"] }
"""


def written(folder: Path, text: str) -> Path:
    (folder / "bakery.py").write_text((BAKERY / "bakery.py").read_text(), "utf-8")
    (folder / "dialog.toml").write_text(SETTINGS, "utf-8")
    (folder / "scenario.toml").write_text(text, "utf-8")
    return folder / "scenario.toml"


@pytest.mark.models
@real_loop
async def test_a_scenario_is_played_with_audio(tmp_path: Path) -> None:
    local = pytest.importorskip("dialog_local.kits")
    pytest.importorskip("dialog_silero")
    if absent := local.kits()[0].absent:
        pytest.skip(absent)
    report = await play_aloud(load_scenario(written(tmp_path, SCENARIO)))
    assert not report.missed, str(report)


@real_loop
async def test_what_cannot_be_played_aloud_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is needed to play aloud"):
        await play_aloud(load_scenario(BAKERY / "opening-hours.toml"))
    answered = f'{SCENARIO}\n[[answers]]\ntext = "Hello."\n'
    with pytest.raises(SettingsError, match="cannot be given"):
        await play_aloud(load_scenario(written(tmp_path, answered)))


def test_a_wav_file_is_what_the_caller_says(tmp_path: Path) -> None:
    pcm = AudioFormat(Encoding.PCM16, 8000)
    (tmp_path / "hello.wav").write_bytes(write(Wav(pcm, b"\x00\x00" * 160)))
    assert from_wav(tmp_path / "hello.wav") == TELEPHONE.silence(0.02)
    (tmp_path / "high.wav").write_bytes(write(Wav(AudioFormat(Encoding.PCM16, 16000), b"\x00" * 4)))
    with pytest.raises(SettingsError, match="must be at 8000 Hz, not 16000"):
        from_wav(tmp_path / "high.wav")
    with pytest.raises(SettingsError, match="cannot read"):
        from_wav(tmp_path / "missing.wav")
