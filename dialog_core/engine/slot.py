"""One call's place in the speech engine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from dialog_core.audio import AudioFormat, AudioFrame, Encoding
from dialog_core.engine.windows import Cutter, RateConverter, Window

__all__ = ["BACKLOG", "Heard", "Slot"]

BACKLOG = 3
"""Windows that may wait; beyond, the engine has fallen behind and only the newest one counts."""

Heard = Callable[[float, float, float], None]
"""Takes a window's speech probability, the time of its first sample, and its seconds."""


class Slot:
    """Feed it a call's frames; `heard` is called with each window's probability, in order.

    What `heard` raises is raised again by the next :meth:`feed`: it is the call's fault, and must not
    end the engine of all.
    """

    def __init__(
        self, fmt: AudioFormat, shape: tuple[int, int], wake: Callable[[Slot], None], heard: Heard
    ) -> None:
        """shape: the model's rate and window. wake: called when a window waits, until it is taken."""
        rate, samples = shape
        same = fmt.rate == rate
        self.encoding = fmt.encoding if same else Encoding.PCM16
        self.open = True
        self.skipped = 0
        """Windows never judged because the engine had fallen behind."""
        self.windows: deque[Window] = deque()
        self._convert = None if same else RateConverter(fmt, rate).convert
        self._cutter = Cutter(AudioFormat(self.encoding, rate), samples)
        self._wake = wake
        self._heard = heard
        self._failure: Exception | None = None

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame; never waits."""  # per frame
        if self._failure is not None:
            raise self._failure
        if self._convert is not None:
            frame = self._convert(frame)
        filled = self._cutter.cut(frame)
        if filled and self.open:
            self._queue(filled)

    def _queue(self, filled: tuple[Window, ...]) -> None:
        windows = self.windows
        if not windows:
            self._wake(self)
        windows.extend(filled)
        if len(windows) > BACKLOG:
            self.skipped += len(windows) - 1
            newest = windows.pop()
            windows.clear()
            windows.append(newest)

    def hear(self, probability: float, at: float) -> None:
        """Pass a result on, unless the slot was closed meanwhile."""
        if not self.open or self._failure is not None:
            return
        try:
            self._heard(probability, at, self._cutter.seconds)
        except Exception as error:  # noqa: BLE001 - one call's fault must not end the others
            self._failure = error
