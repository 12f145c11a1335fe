"""The conformance kits of the recogniser and the voice: real models, and no vendor that could fail.

What the recogniser is tested with is said by the voice.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from hibari import Hibari  # type: ignore[import-untyped]  # it has no stubs
from starlette.responses import PlainTextResponse

from dialog_core.audio import AudioFormat
from dialog_core.testing.contracts import (
    FORMATS,
    Door,
    SttAbility,
    SttKit,
    SttVendor,
    TtsKit,
    TtsVendor,
)
from dialog_local.models import MOONSHINE, default_folder, missing
from dialog_local.synthesiser import level, to_line, trim

__all__ = ["kits"]

PHRASES = ("I would like to book a table for two people.", "Tomorrow evening at seven, please.")
SEED = 7
NOBODY = PlainTextResponse("there is no vendor", 404)


def recogniser() -> SttVendor:
    """There is none; what was said is what is to be heard."""

    def will_hear(*_phrases: str) -> None:
        return

    return SttVendor(Door(NOBODY), will_hear)


def voice() -> TtsVendor:
    """There is none."""
    return TtsVendor(Door(NOBODY))


@cache
def hibari() -> Hibari:
    """The installed voice."""
    return Hibari(voice="heart", threads=1)


@cache
def says(phrase: str, fmt: AudioFormat) -> bytes:
    """A phrase, said by the voice."""
    sentences = hibari().phonemize(phrase)
    samples = [hibari().from_phonemes(each, speed=1.0, seed=SEED) for each in sentences]
    return to_line(level(trim(np.concatenate(samples)), 4.0), fmt)


def kits() -> tuple[SttKit, TtsKit]:
    """Both."""
    lacking = missing(MOONSHINE, default_folder() / MOONSHINE.name)
    stt = SttKit(
        "local",
        {},
        recogniser,
        frozenset({SttAbility.PARTIALS, SttAbility.CONFIDENCE}),
        FORMATS,
        local=True,
        absent="the model files are missing; run: dialogctl models fetch" if lacking else "",
        says=says,
        phrases=PHRASES,
    )
    tts = TtsKit("local", {"seed": SEED}, voice, local=True)
    return stt, tts
