"""Reads the tensors of a PyTorch checkpoint without PyTorch.

Such a file is a ZIP archive: a pickle that says which tensors there are, and a file of numbers for each. A pickle may
name any function to be called, so only the two that build tensors are answered, with functions of our own.

Source: PyTorch's notes on serialization, "Serialized file format for torch.save".
"""

from __future__ import annotations

import collections
import io
import math
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from dialog_core.errors import PluginError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["read_weights"]

STORAGES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}
UNREADABLE = (
    OSError, ValueError, LookupError, AttributeError, zipfile.BadZipFile, pickle.UnpicklingError
)  # fmt: skip


@attrs.frozen
class Storage:
    """A kind of storage, by the numbers in it."""

    numbers: np.dtype[Any]


def read_weights(file: Path) -> dict[str, F32]:
    """Name and values of each tensor of floats. Raises: PluginError if the file is no such checkpoint."""
    try:
        with zipfile.ZipFile(file) as archive:
            root = archive.namelist()[0].partition("/")[0]
            found: Any = Tensors(archive, root).load()
            tensors = {name: values for name, values in found.items() if values.dtype == np.float32}
    except UNREADABLE as error:
        raise PluginError("diarize", f"cannot read weights '{file}': {error}") from error
    return tensors


class Tensors(pickle.Unpickler):
    """Reads the pickle of a checkpoint."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self._archive = archive
        self._root = root

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return tensor
        if module == "torch" and name in STORAGES:
            return Storage(STORAGES[name])
        raise pickle.UnpicklingError(f"it names '{module}.{name}', which no table of tensors does")

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, _, count = pid
        data = self._archive.read(f"{self._root}/data/{key}")
        return np.frombuffer(data, kind.numbers, count)


def tensor(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> NDArray[Any]:
    """A tensor whose numbers lie one after the other."""
    dense = tuple(math.prod(size[place + 1 :]) for place in range(len(size)))
    if any(step != wanted for step, wanted, n in zip(stride, dense, size, strict=True) if n > 1):
        raise pickle.UnpicklingError("a tensor's numbers are not in order")
    return storage[offset : offset + math.prod(size)].reshape(size)
