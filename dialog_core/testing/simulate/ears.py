"""A voice detector for simulated lines: it sees at once whether a frame is voiced, and judges each as one window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.engine.slot import Heard

__all__ = ["SimulatedEngine"]

WINDOW = 0.032
"""Seconds."""


@attrs.frozen
class SimulatedSlot:
    """One call's detection."""

    fmt: AudioFormat
    heard: Heard
    silence: int
    """The byte that silence is made of in this format."""

    def feed(self, frame: AudioFrame) -> None:
        """Judge a frame: its end alone, as most detectors judge windows so short, and what comes before."""
        probability = 0.95 if frame.data[0] != self.silence else 0.02
        seconds = self.fmt.seconds(len(frame.data))
        if seconds > WINDOW:
            self.heard(probability, frame.at, seconds - WINDOW)
            self.heard(probability, frame.at + seconds - WINDOW, WINDOW)
        else:
            self.heard(probability, frame.at, seconds)


@attrs.frozen
class SimulatedEngine:
    """Stands in for :class:`dialog_core.engine.speech.SpeechEngine` on lines of :mod:`dialog_core.testing.simulate`."""

    @contextmanager
    def open(self, fmt: AudioFormat, heard: Heard, *, call: str = "") -> Iterator[SimulatedSlot]:  # noqa: ARG002
        yield SimulatedSlot(fmt, heard, fmt.silence(WINDOW)[0])
