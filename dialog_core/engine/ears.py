"""What a call asks of voice detection, whoever does it: the speech engine, or what stands in for it in a simulation."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.engine.slot import Heard

__all__ = ["Ear", "Ears"]


class Ear(Protocol):
    """One call's voice detection."""

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame; never waits."""
        ...


class Ears(Protocol):
    """Detects voices for all calls."""

    def open(
        self, fmt: AudioFormat, heard: Heard, *, call: str = ""
    ) -> AbstractContextManager[Ear]:
        """Detect a call's voice, telling `heard` of each window. call: its id, for what is observed."""
        ...
