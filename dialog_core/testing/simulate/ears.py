"""A voice detector for simulated lines: it sees at once whether a frame is voiced, and judges each as one window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.engine.slot import Heard

__all__ = ["SimulatedEngine"]


@attrs.frozen
class SimulatedSlot:
    """One call's detection."""

    fmt: AudioFormat
    heard: Heard

    def feed(self, frame: AudioFrame) -> None:
        """Judge a frame."""
        probability = 0.95 if frame.data[0] else 0.02
        self.heard(probability, frame.at, self.fmt.seconds(len(frame.data)))


@attrs.frozen
class SimulatedEngine:
    """Stands in for :class:`dialog_core.engine.speech.SpeechEngine` on lines of :mod:`dialog_core.testing.simulate`."""

    @contextmanager
    def open(self, fmt: AudioFormat, heard: Heard, *, call: str = "") -> Iterator[SimulatedSlot]:  # noqa: ARG002
        yield SimulatedSlot(fmt, heard)
