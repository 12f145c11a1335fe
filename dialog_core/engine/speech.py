"""The speech engine: one per process, it runs the speech model for all calls in batches.

::

    slot.feed(frame)  --(a window is full)-->  pending  --(64, or 20 ms after the last)-->  one batch
                                                                                               |
               gate of each call  <-- probability --  scatter states  <--  decode, infer; in a thread, if it takes long

A batch holds at most one window of each call, since the model is recurrent: a call's second window
needs the state that its first one leaves. So a call's windows are judged strictly in order. A model
that runs alone costs six times as much for each window, and on the loop it makes every call late.
Callers whose frames are read at one tick (:mod:`dialog_core.net.pace`) share a batch without waiting.

When a model fails, at its first batch or later, the energy detector takes over for good: callers are
then heard less well, but heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import attrs
import numpy as np

from dialog_core import g711
from dialog_core.bell import Bell
from dialog_core.engine.slot import Heard, Slot
from dialog_core.engine.states import States
from dialog_core.errors import PluginError
from dialog_core.fields import setting
from dialog_core.observe.observations import Counted, Observation, Trouble
from dialog_core.policies.vad import EnergyModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dialog_core.audio import AudioFormat
    from dialog_core.engine.windows import Window
    from dialog_core.protocols import SpeechModel

    F32 = NDArray[np.float32]

__all__ = ["Slot", "SpeechEngine", "SpeechEngineSettings"]


@attrs.frozen
class SpeechEngineSettings:
    """How windows of many calls are put together."""

    batch: int = setting(
        default=64,
        at_least=1,
        at_most=1024,
        help="windows judged at once; more than 64 gains nothing on the processors tried",
    )
    interval: float = setting(
        default=0.02,
        unit="s",
        at_least=0,
        at_most=0.1,
        help="rest between two batches, while what comes is put together; a full batch ends it",
    )
    inline: int = setting(
        default=16384,
        at_least=0,
        at_most=65536,
        help="samples in a batch that the event loop judges itself, since a thread costs more: "
        "64 windows at 8 kHz, under a millisecond of Silero; 0 for never",
    )
    skip_below: float = setting(
        default=-60.0,
        unit="dBFS",
        at_most=0,
        help="windows quieter than this are silence without asking the model, once it has found silence; "
        "-inf to ask always",
    )


@attrs.frozen
class _Batch:
    """Windows of different slots, and the rows of their states."""

    slots: tuple[Slot, ...]
    windows: tuple[Window, ...]
    rows: tuple[int, ...]

    def decode(self) -> F32:
        """(batch, window), -1..1."""
        encodings = {slot.encoding for slot in self.slots}
        if len(encodings) == 1:
            joined = b"".join([window.data for window in self.windows])
            return g711.decode_windows(joined, encodings.pop(), len(self.windows))
        pairs = zip(self.windows, self.slots, strict=True)
        return np.stack([g711.decode_floats(window.data, slot.encoding) for window, slot in pairs])


class SpeechEngine:
    """Judges the audio of all calls; :meth:`run` must be running for anything to be heard."""

    def __init__(
        self,
        model: SpeechModel,
        settings: SpeechEngineSettings,
        observe: Callable[[Observation], None],
    ) -> None:
        self._model = model
        self._settings = settings
        self._observe = observe
        self._states = States(model.state)
        self._rows: dict[Slot, int] = {}
        self._pending: list[Slot] = []
        self._behind = False
        """A call of the latest batch had more than one window waiting."""
        self._some = Bell()
        """A window waits."""
        self._many = Bell()
        """A batch is full."""

    @contextmanager
    def open(self, fmt: AudioFormat, heard: Heard, *, call: str = "") -> Iterator[Slot]:
        """A place for one call, with fresh state. call: its id, for what is observed."""
        shape = self._model.rate, self._model.window
        slot = Slot(fmt, shape, self._wake, heard, quiet=self._settings.skip_below)
        self._rows[slot] = self._states.acquire()
        try:
            yield slot
        finally:
            slot.open = False
            self._states.release(self._rows.pop(slot))
            if slot.skipped:
                self._observe(Counted(call, "speech windows skipped", slot.skipped))

    async def run(self) -> None:
        """Judge windows until cancelled."""
        thread = anyio.CapacityLimiter(1)
        while True:
            await self._gather(self._settings.batch, self._settings.interval)
            await self._judge_batch(thread)

    async def _gather(self, batch: int, interval: float) -> None:
        """Wait for windows, and before for the interval, or a batch; not where a call has some to catch up with.

        Rings that are left from before mean nothing.
        """
        while interval and not self._behind and len(self._pending) < batch:
            if not await self._many.wait(interval):
                break
        while not self._pending:
            await self._some.wait()

    async def _judge_batch(self, thread: anyio.CapacityLimiter) -> None:
        """Judge what waits. A frame of its own, so that no call is held by the last batch that it was in."""
        batch = self._take()
        if not batch.slots:
            return
        try:
            probabilities, states = await self._judge(batch, thread)
        except Exception as error:  # noqa: BLE001 - whatever a model raises, calls go on
            self._degrade(error)
            probabilities, states = await self._judge(batch, thread)
        self._deliver(batch, probabilities, states)

    def _wake(self, slot: Slot) -> None:  # per window
        self._pending.append(slot)
        self._some.ring()
        if len(self._pending) >= self._settings.batch:
            self._many.ring()

    def _take(self) -> _Batch:
        """One window of each slot that waits, those first that have waited longest."""
        limit = self._settings.batch
        due, self._pending = self._pending[:limit], self._pending[limit:]
        taken = [(slot, slot.windows.popleft()) for slot in due if slot.open]
        behind = [slot for slot, _ in taken if slot.windows]
        self._pending += behind
        self._behind = bool(behind)
        return _Batch(
            tuple(slot for slot, _ in taken),
            tuple(window for _, window in taken),
            tuple(self._rows[slot] for slot, _ in taken),
        )

    async def _judge(self, batch: _Batch, thread: anyio.CapacityLimiter) -> tuple[F32, F32]:
        states = self._states.gather(batch.rows)
        if self._model.heavy and len(batch.slots) * self._model.window > self._settings.inline:
            return await anyio.to_thread.run_sync(
                _infer, self._model, batch, states, limiter=thread
            )
        return _infer(self._model, batch, states)

    def _deliver(self, batch: _Batch, probabilities: F32, states: F32) -> None:
        """Keep the states and tell the calls, leaving out those that ended meanwhile."""
        alive = [n for n, slot in enumerate(batch.slots) if slot.open]
        if len(alive) == len(batch.slots):
            self._states.scatter(batch.rows, states)
        else:
            self._states.scatter([batch.rows[n] for n in alive], states[alive])
        heard = probabilities.tolist()
        for n in alive:
            batch.slots[n].hear(heard[n], batch.windows[n].at)

    def _degrade(self, error: Exception) -> None:
        """Let the energy detector judge from now on; it takes windows of any length."""
        broken = self._model
        self._model = EnergyModel(rate=broken.rate, window=broken.window)
        self._states.reshape(self._model.state)
        self._observe(
            Trouble(
                "", "vad", "the speech model failed; the energy detector took over", repr(error)
            )
        )


def _infer(model: SpeechModel, batch: _Batch, states: F32) -> tuple[F32, F32]:
    """Run the model. Raises: PluginError if its answer cannot be used; what the model raises."""
    probabilities, after = model.probabilities(batch.decode(), states)
    if probabilities.shape != (len(batch.slots),) or after.shape != states.shape:
        raise PluginError(
            type(model).__name__,
            f"answered with shapes {probabilities.shape} and {after.shape} "
            f"to {len(batch.slots)} windows and states of {states.shape}",
        )
    if not np.isfinite(probabilities).all():
        raise PluginError(type(model).__name__, "answered with a probability that is not a number")
    return probabilities, after
