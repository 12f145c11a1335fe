"""The real network on synthetic voices at a telephone's quality. Skipped only if its weights are not there."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest
from dialog_diarize import dialog_diarizer
from dialog_diarize.settings import DiarizeSettings
from dialog_diarize.voiceprint import RATE, Voice, VoiceModel

from dialog_core import g711, wav
from dialog_core.audio import TELEPHONE, AudioFormat, Encoding, Sound
from dialog_core.factory import Services
from dialog_core.protocols import Diarizer
from dialog_core.resample import Resampler
from dialog_core.testing.pytest_plugin import real_loop

pytestmark = pytest.mark.models
ROOT = Path(__file__).parents[3]
HIS = sorted((ROOT / "contrib/examples/local/caller").glob("*.wav"))
HERS = ROOT / "plugins/dialog-silero/tests/phrase.wav"
"""Other text than his."""
WIDE = AudioFormat(Encoding.PCM16, RATE)
SAME, DIFFERENT = 0.6, 0.35


def sound(path: Path) -> Sound:
    return Sound(0.0, wav.parse(path.read_bytes()).data, TELEPHONE)


def halves(whole: Sound) -> tuple[Sound, Sound]:
    middle = len(whole.data) // 2
    return Sound(0.0, whole.data[:middle], TELEPHONE), Sound(0.0, whole.data[middle:], TELEPHONE)


@pytest.fixture(scope="module")
def model(file: Path) -> VoiceModel:
    return VoiceModel(file, threads=1)


def heard(model: VoiceModel, sound: Sound) -> Voice:
    voice = model.hear(sound, shortest=0.2)
    assert voice is not None
    return voice


@pytest.mark.requirement("D.13")
def test_a_voice_is_like_itself_whatever_it_says_and_unlike_another(model: VoiceModel) -> None:
    his = np.stack([heard(model, sound(path)).print for path in HIS])
    hers = np.stack([heard(model, part).print for part in (sound(HERS), *halves(sound(HERS)))])
    assert (his @ his.T).min() > SAME
    assert (his @ hers.T).max() < DIFFERENT
    assert np.linalg.norm(his, axis=1) == pytest.approx(1.0, abs=1e-3)


def test_silence_around_and_loudness_do_not_count(model: VoiceModel) -> None:
    plain = sound(HIS[0])
    soft = g711.decode(plain.data, Encoding.MULAW) // 4
    around = TELEPHONE.silence(1.0) + g711.encode(soft, Encoding.MULAW) + TELEPHONE.silence(1.0)
    other = heard(model, Sound(0.0, around, TELEPHONE))
    assert heard(model, plain).print @ other.print > 0.95
    assert other.seconds == pytest.approx(heard(model, plain).seconds, abs=0.1)


def test_any_line_format_will_do(model: VoiceModel) -> None:
    narrow = sound(HIS[0])
    resampler = Resampler(8000, RATE)
    decoded = g711.decode(narrow.data, Encoding.MULAW)
    samples = np.concatenate((resampler.feed(decoded), resampler.flush()))
    wide = Sound(0.0, g711.encode(samples, Encoding.PCM16), WIDE)
    assert heard(model, wide).print @ heard(model, narrow).print > 0.99


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1, 0.3])
def test_too_little_speech_is_no_voice(model: VoiceModel, seconds: float) -> None:
    whole = sound(HIS[0])
    part = whole.data[8000 : 8000 + TELEPHONE.nbytes(seconds)]
    assert model.hear(Sound(0.0, part, TELEPHONE), shortest=0.5) is None


def test_a_silent_line_is_no_voice(model: VoiceModel) -> None:
    idle = np.random.default_rng(5).integers(-8, 8, 24000).astype(np.int16)
    for data in (TELEPHONE.silence(3.0), g711.encode(idle, Encoding.MULAW)):
        assert model.hear(Sound(0.0, data, TELEPHONE), shortest=0.5) is None


@real_loop
@pytest.mark.anyio
@pytest.mark.requirement("D.13")
async def test_calls_at_once_each_count_their_own_voices(services: Services, file: Path) -> None:
    (factory,) = dialog_diarizer()
    settings = DiarizeSettings(folder=str(file.parent), shortest=0.5, enough=0.8)
    await factory.warm(settings, services)
    labels = dict[int, list[int | None]]()

    async def call(number: int, sounds: list[Sound]) -> None:
        diarizer: Diarizer = factory.build(settings, services)
        labels[number] = [await diarizer.label(each) for each in sounds]

    him, her = [sound(path) for path in HIS[:3]], list(halves(sound(HERS)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, 1, him)
        tasks.start_soon(call, 2, her)
        tasks.start_soon(call, 3, [him[0], her[0], him[1], her[1], him[2]])
        tasks.start_soon(call, 4, [her[0], him[0]])
    assert labels == {1: [0, 0, 0], 2: [0, 0], 3: [0, 1, 0, 1, 0], 4: [0, 1]}
