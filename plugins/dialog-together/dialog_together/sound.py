"""From the vendor's audio to the line's (pure): header off, samples whole, rate and encoding changed.

An item's audio may begin with a RIFF header, cut anywhere, and a chunk may end in the middle of a sample. So each item
has its own reader, and one resampler runs through a whole utterance.
"""

from __future__ import annotations

import attrs
import numpy as np

from dialog_core import g711
from dialog_core.audio import AudioFormat, Encoding
from dialog_core.resample import Resampler
from dialog_core.wav import Aligner, WavStripper

__all__ = ["VENDOR_RATE", "Converter"]

VENDOR_RATE = 24000
"""Samples per second, where no header says otherwise."""
SAMPLE = 2


@attrs.define(eq=False)
class Item:
    """One item's bytes on their way to samples."""

    stripper: WavStripper = attrs.field(factory=WavStripper)
    aligner: Aligner = attrs.field(factory=lambda: Aligner(SAMPLE))


@attrs.define(eq=False)
class Converter:
    """Converts the audio of one utterance."""

    fmt: AudioFormat
    """Of the line."""
    _items: dict[str, Item] = attrs.field(factory=dict)
    _resampler: Resampler | None = None

    def feed(self, item: str, data: bytes) -> bytes:
        """The line's audio of these bytes, as far as it is certain. Raises: ValueError for a header of other audio."""
        reader = self._items.setdefault(item, Item())
        samples = reader.aligner.feed(reader.stripper.feed(data))
        found = reader.stripper.fmt
        if found is not None and (
            found.encoding is not Encoding.PCM16 or reader.stripper.channels != 1
        ):
            raise ValueError(
                f"audio is {found.encoding.value} on {reader.stripper.channels} channels, not mono PCM"
            )
        if self._resampler is None:
            self._resampler = Resampler(VENDOR_RATE if found is None else found.rate, self.fmt.rate)
        return self._encoded(self._resampler.feed(np.frombuffer(samples, np.int16)))

    def flush(self) -> bytes:
        """The rest, at the end of the utterance."""
        return b"" if self._resampler is None else self._encoded(self._resampler.flush())

    def _encoded(self, samples: np.typing.NDArray[np.int16]) -> bytes:
        return g711.encode(samples, self.fmt.encoding)
