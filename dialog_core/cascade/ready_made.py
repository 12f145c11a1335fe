"""Sentences whose audio exists before they are needed, so that the last resort needs no provider."""

from __future__ import annotations

import math
from functools import cache
from importlib import resources

import anyio
import attrs
import numpy as np

from dialog_core import g711
from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.messages import SpeakText
from dialog_core.protocols import TextToSpeech, Voice
from dialog_core.resample import Resampler

__all__ = ["HOLD_MARGIN", "Holding", "ReadyMade", "in_format", "recorded", "render"]


@attrs.frozen
class ReadyMade:
    """A sentence and its audio."""

    text: str
    audio: bytes


HOLD_MARGIN = 0.25
"""Seconds before the end of the dead-air budget by which a hold phrase sounds."""


@attrs.frozen
class Holding:
    """What is said in silences that are the agent's."""

    sentences: tuple[ReadyMade, ...] = ()
    """When a reply keeps the caller waiting: one after the other, each once in it; empty to say nothing."""
    after: float = 2.5
    """Seconds of silence before each."""
    within: float = math.inf
    """Seconds of silence within which each is said, however late the reply was decided on."""
    unheard: ReadyMade | None = None
    """Said when the caller sounded and no word of it came; None for what the agent says to silence."""

    def in_format(self, fmt: AudioFormat) -> Holding:
        """The same in another line's format; it is in the telephone's."""
        unheard = None if self.unheard is None else in_format(self.unheard, fmt)
        sentences = tuple(in_format(each, fmt) for each in self.sentences)
        return attrs.evolve(self, sentences=sentences, unheard=unheard)


@cache
def recorded() -> ReadyMade:
    """An apology recorded for good, in the telephone's format, for when not even a start could be made."""
    audio = resources.files("dialog_core.cascade").joinpath("sorry.ulaw").read_bytes()
    return ReadyMade("Sorry, I am having trouble. Please hold on a moment.", audio)


async def render(tts: TextToSpeech, text: str, fmt: AudioFormat) -> bytes:
    """Speak a sentence into bytes. Raises: what the provider raises."""
    pieces: list[bytes] = []

    async def collect(voice: Voice) -> None:
        pieces.extend([audio.data async for audio in voice.audio()])

    async with (
        tts.open(fmt) as session,
        session.voice(0) as voice,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(collect, voice)
        await voice.speak(SpeakText(0, 0, text))
        await voice.finish()
    return b"".join(pieces)


def in_format(sentence: ReadyMade, fmt: AudioFormat) -> ReadyMade:
    """The sentence in another line's format. `sentence` is in the telephone's."""
    if fmt == TELEPHONE:
        return sentence
    samples = g711.decode(sentence.audio, Encoding.MULAW)
    if fmt.rate != TELEPHONE.rate:
        resampler = Resampler(TELEPHONE.rate, fmt.rate)
        samples = np.concatenate([resampler.feed(samples), resampler.flush()])
    audio = (
        samples.tobytes() if fmt.encoding is Encoding.PCM16 else g711.encode(samples, fmt.encoding)
    )
    return ReadyMade(sentence.text, audio)
