"""What the framework hears of a clip, and when: the real gate and the real recogniser session, in virtual time.

::

    clip --20 ms frames--> detector (offline, window by window) --> gate --> SpeechStarted, SpeechStopped
              '--> the session of dialog-local <-- told of both    '--> transcripts, interim and final

The models are the real ones; only their time is not: what the detector says is known ENGINE seconds after the end of
its window, and a recognition takes RECOGNITION seconds and PER_SECOND for each second of its audio, one at a time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import attrs
import numpy as np
from dialog_local.models import MOONSHINE
from dialog_local.moonshine import Heard, Moonshine
from dialog_local.recogniser import Recogniser
from dialog_local.settings import SttSettings
from dialog_local.stt import LocalSpeechToText

from contrib.quality.corpus import Clip
from contrib.quality.recordings import RATE, folder
from dialog_core import g711
from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame
from dialog_core.call.clock import SystemClock
from dialog_core.models import default_folder
from dialog_core.protocols import SpeechModel
from dialog_core.testing.simulate.loop import run_virtual
from dialog_core.testing.simulate.run import quiet_services
from dialog_core.turns.events import Event, SpeechStarted, SpeechStopped
from dialog_core.turns.gate import Gate, GateSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = [
    "ENGINE",
    "PER_SECOND",
    "RECOGNITION",
    "Recognitions",
    "Timed",
    "listen",
    "probabilities",
]

ENGINE = 0.02
"""Seconds: the speech engine's longest wait for a batch; see contrib/bench, "answer p99"."""
RECOGNITION, PER_SECOND = 0.05, 0.02
"""Seconds: as dialog-local was measured on one thread, some 60 ms a phrase."""
FRAME = 0.02
BATCH = 24
LAST_WORDS = 1.0
"""Seconds after the clip in which words may still come."""

Timed = tuple[float, Event]
"""When the turn machine is told, and what."""


def probabilities(model: SpeechModel, clips: Sequence[Clip]) -> list[F32]:
    """What a detector makes of each window of each clip; clips of like length together."""
    found: dict[int, F32] = {}
    by_length = sorted(range(len(clips)), key=lambda each: len(clips[each].data))
    for first in range(0, len(clips), BATCH):
        some = by_length[first : first + BATCH]
        found.update(zip(some, judged(model, [clips[each] for each in some]), strict=True))
    return [found[each] for each in range(len(clips))]


def judged(model: SpeechModel, clips: Sequence[Clip]) -> list[F32]:
    """The same for a batch."""
    counts = [len(clip.data) // model.window for clip in clips]
    state = np.zeros((len(clips), *model.state), np.float32)
    audio = np.zeros((len(clips), max(counts) * model.window), np.float32)
    for row, (clip, count) in enumerate(zip(clips, counts, strict=True)):
        samples = g711.decode_floats(clip.data, TELEPHONE.encoding)
        audio[row, : count * model.window] = samples[: count * model.window]
    found = np.zeros((len(clips), max(counts)), np.float32)
    for number in range(max(counts)):
        window = audio[:, number * model.window : (number + 1) * model.window]
        found[:, number], state = model.probabilities(window, state)
    return [found[row, :count] for row, count in enumerate(counts)]


@attrs.define
class Recognitions:
    """The recogniser, asked once about each piece of audio ever; what it said is kept in a file."""

    file: Path = attrs.field(factory=lambda: folder() / "recognitions.json")
    _known: dict[str, tuple[str, float]] = attrs.field(init=False)
    _model: list[Moonshine] = attrs.field(factory=list)
    _used: set[str] = attrs.field(factory=set)

    @_known.default
    def _as_kept(self) -> dict[str, tuple[str, float]]:
        return json.loads(self.file.read_text()) if self.file.is_file() else {}

    def keep(self) -> None:
        """Write the file."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self._known))

    def keep_used(self, file: Path) -> None:
        """Write what was asked for since the beginning, and no more."""
        used = {key: self._known[key] for key in sorted(self._used)}
        file.write_text(json.dumps(used, indent=0) + "\n")

    def transcribe(self, data: bytes, fmt: AudioFormat, *, floor: float) -> Heard:
        """As the plugin does, in this thread."""
        key = hashlib.sha256(data).hexdigest()[:20]
        self._used.add(key)
        if key not in self._known:
            if not self._model:
                self._model.append(Moonshine(default_folder() / MOONSHINE.name))
            heard = Recogniser(self._model[0], None).transcribe(data, fmt, floor=floor)  # type: ignore[arg-type]
            self._known[key] = heard.text, round(heard.log_probability, 4)
        return Heard(*self._known[key])

    async def recognise(
        self,
        audio: Callable[[], bytes | None],
        fmt: AudioFormat,
        *,
        floor: float,
        urgent: bool,  # noqa: ARG002 - nobody queues
    ) -> Heard | None:
        """As the plugin's desk does, in virtual time. A call on an otherwise quiet machine: nobody queues."""
        data = audio()
        if data is None:
            return None
        heard = self.transcribe(data, fmt, floor=floor)
        await anyio.sleep(RECOGNITION + PER_SECOND * fmt.seconds(len(data)))
        return heard


@attrs.frozen
class OneShared:
    """The process's recogniser."""

    recognitions: Recognitions

    async def get(
        self,
        key: Hashable,  # noqa: ARG002 - the protocol's signature
        open_: Callable[[], AbstractAsyncContextManager[Any]],  # noqa: ARG002 - as above
    ) -> Any:
        return self.recognitions


def listen(
    clip: Clip,
    voiced: F32,
    window: float,
    recognitions: Recognitions,
    gate: GateSettings | None = None,
) -> tuple[Timed, ...]:
    """All that the turn machine is told of a clip. voiced: of each window. window: its seconds."""
    return run_virtual(_listen, clip, voiced, window, recognitions, Gate(gate or GateSettings()))


async def _listen(
    clip: Clip, voiced: F32, window: float, recognitions: Recognitions, gate: Gate
) -> tuple[Timed, ...]:
    told: list[Timed] = []
    noticed: list[tuple[float, SpeechStarted | SpeechStopped]] = []
    for number, probability in enumerate(voiced):
        event = gate.push(float(probability), number * window, window)
        if event is not None:
            noticed.append(((number + 1) * window + ENGINE, event))
    services, clock = quiet_services(OneShared(recognitions)), SystemClock()
    stt = LocalSpeechToText(SttSettings(), services)
    async with stt.open(TELEPHONE) as session, anyio.create_task_group() as tasks:

        async def read() -> None:
            async for event in session.events():
                told.append((clock.monotonic() - start, event))  # noqa: PERF401 - as they come

        start = clock.monotonic()
        tasks.start_soon(read)
        size = round(FRAME * RATE)
        for at in range(0, len(clip.data), size):
            now = at / RATE + FRAME
            while noticed and noticed[0][0] <= now:
                due, event = noticed.pop(0)
                await anyio.sleep(max(0.0, start + due - clock.monotonic()))
                told.append((due, event))
                session.note(event)
            await anyio.sleep(max(0.0, start + now - clock.monotonic()))
            session.feed(AudioFrame(at / RATE, clip.data[at : at + size]))
        await anyio.sleep(LAST_WORDS)
        tasks.cancel_scope.cancel()
    return tuple(told)
