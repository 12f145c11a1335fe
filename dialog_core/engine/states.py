"""The recurrent states of all streams, as rows of one array that grows by doubling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["States"]

FIRST_ROWS = 64


class States:
    """Rows are taken and given back; a row that is taken is zero."""

    def __init__(self, shape: tuple[int, ...], rows: int = FIRST_ROWS) -> None:
        """shape: of one row."""
        self._array: F32 = np.zeros((rows, *shape), np.float32)
        self._free = list(range(rows - 1, -1, -1))

    def acquire(self) -> int:
        """The number of a row of zeros."""
        if not self._free:
            rows = len(self._array)
            self._array = np.concatenate((self._array, np.zeros_like(self._array)))
            self._free = list(range(2 * rows - 1, rows - 1, -1))
        row = self._free.pop()
        self._array[row] = 0
        return row

    def release(self, row: int) -> None:
        """Give a row back."""
        self._free.append(row)

    def gather(self, rows: Sequence[int]) -> F32:
        """A copy of these rows: (rows, *shape)."""
        return self._array.take(np.fromiter(rows, np.intp, len(rows)), axis=0)

    def scatter(self, rows: Sequence[int], states: F32) -> None:
        """Write these rows."""
        self._array[np.fromiter(rows, np.intp, len(rows))] = states

    def reshape(self, shape: tuple[int, ...]) -> None:
        """Start all rows anew with another shape; who holds which row stays."""
        self._array = np.zeros((len(self._array), *shape), np.float32)
