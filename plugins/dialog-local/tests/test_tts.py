from __future__ import annotations

import numpy as np
import pytest
from dialog_local.settings import TtsSettings
from dialog_local.synthesiser import level, to_line, trim, voice_file
from dialog_local.tts import LocalTextToSpeech

from dialog_core.audio import TELEPHONE
from dialog_core.errors import ProviderRejected, SettingsError
from dialog_core.factory import Services
from dialog_core.messages import SpeakText
from dialog_core.testing.pytest_plugin import real_loop

RATE = 24000


def test_silence_at_the_ends_is_cut() -> None:
    quiet = np.zeros(RATE, np.float32)
    tone = np.full(RATE, 0.5, np.float32)
    assert trim(np.concatenate((quiet, tone, quiet))).size / RATE == pytest.approx(1.14, abs=0.001)
    assert trim(quiet).size == 0


def test_gain_never_clips() -> None:
    samples = np.array([0.1, -0.5], np.float32)
    assert np.abs(level(samples, 6.0)).max() == pytest.approx(0.95)
    assert np.abs(level(samples, 0.0)).max() == pytest.approx(0.5)
    assert level(samples[:0], 6.0).size == 0


def test_line_audio_has_the_lines_rate() -> None:
    assert len(to_line(np.zeros(RATE, np.float32), TELEPHONE)) == TELEPHONE.nbytes(1.0)


def test_another_voice_needs_its_file() -> None:
    with pytest.raises(SettingsError, match="name the ONNX file of voice 'emma'"):
        voice_file(TtsSettings(voice="emma"))
    with pytest.raises(SettingsError, match="there is no file"):
        voice_file(TtsSettings(voice="emma", file="nowhere.onnx"))


@pytest.mark.anyio
@real_loop
async def test_a_missing_voice_ends_the_audio_with_an_error(services: Services) -> None:
    tts = LocalTextToSpeech(TtsSettings(file="nowhere.onnx"), services)
    async with tts.open(TELEPHONE) as session, session.voice(1) as voice:
        with pytest.raises(ProviderRejected, match="there is no file"):
            await anext(voice.audio())
        with pytest.raises(ProviderRejected, match="there is no file"):
            await voice.speak(SpeakText(1, 0, "Hello."))
