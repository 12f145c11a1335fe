"""The minimal example as it stands, heard by the voice detector that is its default: a human voice calls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dialog_deepgram.testing import FakeDeepgram
from dialog_openai.testing import FakeOpenAI

from dialog_core import g711, wav
from dialog_core.audio import TELEPHONE
from dialog_core.turns.records import BargeIn, Said, TurnComplete
from tests.scenarios.staging import VOICE, Vendors, open_world

pytestmark = pytest.mark.anyio
PHRASE = Path(__file__).parents[2] / "plugins/dialog-silero/tests/phrase.wav"
SPEECH = slice(14_240, 21_120)
"""A stretch of the phrase without a pause in it: 0.9 s."""
LONG = "A double room costs ninety euros a night. Breakfast is included, and served until ten."


def voice() -> bytes:
    """Somebody close to their telephone; mu-law."""
    phrase = wav.parse(PHRASE.read_bytes()).data[SPEECH]
    samples = g711.decode(phrase, TELEPHONE.encoding).astype(np.int32) * 2
    return g711.encode(samples.clip(-32_767, 32_767).astype(np.int16), TELEPHONE.encoding)


async def test_a_voice_is_answered_and_interrupts_and_a_noise_does_not() -> None:
    speech = voice()
    vendors = Vendors(
        deepgram=FakeDeepgram(script=["A room.", "With breakfast."]),
        openai=FakeOpenAI(script=[LONG, LONG]),
    )
    async with open_world(vendors, vad=None) as world:
        async with world.call() as phone:
            await phone.heard_speech()
            await phone.heard_silence(1.0)
            await phone.say(speech)
            await phone.heard_speech()
            await phone.silent(1.0)
            await phone.say(speech)
            await phone.heard_speech()
            await phone.silent(1.0)
            await phone.say(VOICE)
            await phone.heard_silence(1.5)
    records = world.records
    turns = [record.utterance.text for record in records if isinstance(record, TurnComplete)]
    # the pretended recogniser stutters where a voice dips
    assert [text.split()[-1] for text in turns] == ["room.", "breakfast."]
    [cut] = [record.heard for record in records if isinstance(record, BargeIn)]
    assert LONG.startswith(cut)
    assert cut != LONG
    assert [record.heard for record in records if isinstance(record, Said)][-1] == LONG
    assert world.troubles == []
