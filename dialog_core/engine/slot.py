"""One call's place in the speech engine."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from dialog_core import g711
from dialog_core.audio import AudioFormat, AudioFrame, Encoding
from dialog_core.engine.windows import Cutter, RateConverter, Window

__all__ = ["BACKLOG", "Heard", "Slot"]

BACKLOG = 16
"""Windows that may wait: half a second, which a network may deliver in a lump after a pause. Beyond, the engine has
fallen behind and only the newest one counts."""

CALM = 0.15
"""Speech probability below which a plainly silent window changes nothing: the model has found silence already."""

Heard = Callable[[float, float, float], None]
"""Takes a window's speech probability, the time of its first sample, and its seconds."""


class Slot:
    """Feed it a call's frames; `heard` is called with each window's probability, in order.

    What `heard` raises is raised again by the next :meth:`feed`: it is the call's fault, and must not
    end the engine of all.

    A window quieter than `quiet` is silence without asking the model, once the model has found silence and nothing
    waits. Right after speech it is asked even about digital silence: when its probability has fallen is its answer.
    """

    def __init__(
        self,
        fmt: AudioFormat,
        shape: tuple[int, int],
        wake: Callable[[Slot], None],
        heard: Heard,
        *,
        quiet: float = -math.inf,
    ) -> None:
        """shape: the model's rate and window. wake: called when a window waits, until it is taken. quiet: dBFS."""
        rate, samples = shape
        same = fmt.rate == rate
        self.encoding = fmt.encoding if same else Encoding.PCM16
        self.open = True
        self.skipped = 0
        """Windows never judged because the engine had fallen behind."""
        self.windows: deque[Window] = deque()
        self._convert = None if same else RateConverter(fmt, rate).convert
        cutter = Cutter(AudioFormat(self.encoding, rate), samples)
        self._cut = cutter.cut
        self._seconds = cutter.seconds
        self._quiet = quiet
        self._calm = False
        """True while the model's latest answer was silence, and no window waits for another."""
        self._wake = wake
        self._heard = heard
        self._failure: Exception | None = None

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame; never waits."""  # per frame
        if self._failure is not None:
            raise self._failure
        if self._convert is not None:
            frame = self._convert(frame)
        filled = self._cut(frame)
        if not filled:
            return
        for window in filled:
            if self._calm and g711.is_below(window.data, self.encoding, self._quiet):
                self._tell(0.0, window.at)
            elif self.open:
                self._queue(window)

    def _queue(self, window: Window) -> None:  # per window
        self._calm = False
        windows = self.windows
        if not windows:
            self._wake(self)
        elif len(windows) >= BACKLOG:
            self.skipped += len(windows)
            windows.clear()
        windows.append(window)

    def hear(self, probability: float, at: float) -> None:
        """Pass a result on, unless the slot was closed meanwhile."""
        self._calm = probability < CALM and not self.windows
        self._tell(probability, at)

    def _tell(self, probability: float, at: float) -> None:
        if not self.open or self._failure is not None:
            return
        try:
            self._heard(probability, at, self._seconds)
        except Exception as error:  # noqa: BLE001 - one call's fault must not end the others
            self._failure = error
