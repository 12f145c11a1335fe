"""The speech engine under many calls in real time: CPU, lag of the loop, and delay of the answers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import anyio
import attrs
from dialog_silero.model import Silero

from contrib.bench.clock import cpu_seconds, seconds
from contrib.bench.report import percentile, show
from dialog_core import wav
from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.engine.speech import Slot, SpeechEngine, SpeechEngineSettings
from dialog_core.policies.vad import EnergyModel
from dialog_core.protocols import SpeechModel

SPEECH = Path(__file__).parents[2] / "plugins/dialog-silero/tests/phrase.wav"
FRAME = 160
TICK = 0.001
PHASES = 20
"""Calls do not send in step: each has one of these milliseconds of a frame's 20."""
LAG_PROBE = 0.005


@attrs.define
class Figures:
    """What one run showed."""

    cpu: float = 0.0
    """Seconds."""
    lags: list[float] = attrs.field(factory=list)
    delays: list[float] = attrs.field(factory=list)
    """Seconds from a window's last sample to its probability."""


async def run(model: SpeechModel, calls: int, duration: float) -> Figures:
    """Feed this many calls for this many seconds."""
    figures = Figures()
    engine = SpeechEngine(model, SpeechEngineSettings(), lambda _observation: None)
    with ExitStack() as stack:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.run)
            tasks.start_soon(probe_lag, figures.lags)
            began = seconds()
            slots = [
                stack.enter_context(engine.open(TELEPHONE, listener(began, figures.delays)))
                for _ in range(calls)
            ]
            cpu = cpu_seconds()
            await feed(slots, began, duration)
            figures.cpu = cpu_seconds() - cpu
            tasks.cancel_scope.cancel()
    return figures


def listener(began: float, delays: list[float]) -> Callable[[float, float, float], None]:
    """Times are seconds since `began`, so a window's end tells when it could be judged first."""

    def heard(_probability: float, at: float, length: float) -> None:
        delays.append(seconds() - began - at - length)

    return heard


async def feed(slots: list[Slot], began: float, duration: float) -> None:
    """Give every slot a frame every 20 ms, as lines do; late frames are caught up with."""
    audio = wav.parse(SPEECH.read_bytes()).data
    frames = [audio[start : start + FRAME] for start in range(0, len(audio) - FRAME, FRAME)]
    groups = [slots[phase::PHASES] for phase in range(PHASES)]
    for tick in range(int(duration / TICK)):
        number, phase = divmod(tick, PHASES)
        due = tick * TICK
        late = began + due - seconds()
        if late > 0:
            await anyio.sleep(late)
        for index, slot in enumerate(groups[phase]):
            data = frames[(number + 37 * (phase + PHASES * index)) % len(frames)]
            slot.feed(AudioFrame(due - FRAME / 8000, data))


async def probe_lag(lags: list[float]) -> None:
    """How much later than asked a sleeper wakes."""
    while True:
        asked = seconds()
        await anyio.sleep(LAG_PROBE)
        lags.append(seconds() - asked - LAG_PROBE)


def main() -> None:
    """Compare what judges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    silero = Silero()
    silero.warm()
    models: list[tuple[str, SpeechModel]] = [
        ("energy, on the loop", EnergyModel()),
        ("Silero, worker thread", silero),
        ("Silero, on the loop", attrs.evolve(silero, heavy=False)),
    ]
    rows = []
    for name, model in models:
        figures = anyio.run(
            run, model, options.calls, options.seconds, backend_options={"use_uvloop": True}
        )
        figures_ms = [
            value * 1000
            for value in (
                figures.cpu / options.seconds / options.calls,
                percentile(figures.lags, 0.5),
                percentile(figures.lags, 0.99),
                percentile(figures.delays, 0.5),
                percentile(figures.delays, 0.99),
            )
        ]
        rows.append((name, *(f"{value:.2f}" for value in figures_ms)))
    show(
        f"{options.calls} calls for {options.seconds:g} s, feeding included; milliseconds",
        ("", "CPU a call-second", "lag p50", "lag p99", "answer p50", "answer p99"),
        rows,
        "onnxruntime",
        "numpy",
        "anyio",
        "uvloop",
    )


if __name__ == "__main__":
    main()
