"""What the load's callers say, and where its first and last voiced samples are."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
from dialog_silero.model import Silero

from dialog_core import g711, wav
from dialog_core.audio import TELEPHONE
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.gate import Gate

__all__ = ["ALIGN", "Utterance", "utterance"]

PHRASE = Path(__file__).parents[2] / "plugins/dialog-silero/tests/phrase.wav"
CUT = slice(6_400, 23_680)
"""A stretch of the phrase without a pause that the gate would notice, from just before its first sound: 2.2 s."""
ALIGN = 8
"""Frames of 160 samples after which a window of 256 begins together with a frame again."""
LEAD = 40
"""Frames of silence before the utterance, a multiple of ALIGN."""
LOUD_DBFS = -45.0


@attrs.frozen
class Utterance:
    """One utterance; times are seconds from its first sample."""

    audio: bytes
    """mu-law, whole frames."""
    first: float
    """First 10 ms above -45 dBFS."""
    loud_until: float
    """End of the last 10 ms above -45 dBFS."""
    lasts: tuple[float, ...]
    """Last voiced sample: where Silero alone, offline, with the gate's thresholds, says that the voice ended.

    One for each number of frames, 0 to 7, that the utterance began after a frame with which a window began: the
    answer is a window's end, so it depends on how windows lie.
    """


def utterance() -> Utterance:
    """The one utterance of all callers."""
    audio = wav.parse(PHRASE.read_bytes()).data[CUT]
    samples = g711.decode_floats(audio, TELEPHONE.encoding)
    loud = np.nonzero(
        10 * np.log10((samples.reshape(-1, 80) ** 2).mean(axis=1) + 1e-10) > LOUD_DBFS
    )
    first, last = loud[0][0], loud[0][-1]
    lasts = tuple(last_voiced(audio, LEAD + late) for late in range(ALIGN))
    return Utterance(audio, float(first) * 0.01, float(last + 1) * 0.01, lasts)


def last_voiced(audio: bytes, lead: int) -> float:
    """When the voice of an utterance ends after so many frames of a caller's silence, seconds from its beginning."""
    model, gate = Silero(), Gate()
    silence = b"\xff" * 160
    samples = g711.decode_floats(silence * lead + audio + silence * LEAD, TELEPHONE.encoding)
    state = np.zeros((1, *model.state), np.float32)
    window = model.window / model.rate
    heard = []
    for number in range(len(samples) // model.window):
        piece = samples[number * model.window : (number + 1) * model.window]
        probabilities, state = model.probabilities(piece[None], state)
        event = gate.push(float(probabilities[0]), number * window, window)
        if event is not None:
            heard.append(event)
    assert [type(event) for event in heard] == [SpeechStarted, SpeechStopped], heard
    return heard[1].at - lead * 0.02


if __name__ == "__main__":
    print(attrs.evolve(utterance(), audio=b""))
