"""Checkpoints, made here byte by byte: a pickle's opcodes and a file of numbers."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from dialog_diarize.voiceprint import VoiceModel
from dialog_diarize.weights import read_weights

from dialog_core.errors import PluginError

BUILD = ("torch._utils", "_rebuild_tensor_v2")
VALUES = np.arange(6, dtype="<f4")


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def number(value: int) -> bytes:
    return b"K" + bytes([value])


def several(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def tensor(
    *, kind: str = "FloatStorage", stride: tuple[int, int] = (3, 1), build: tuple[str, str] = BUILD
) -> bytes:
    """A pickled tensor of (2, 3)."""
    storage = several(text("storage"), name("torch", kind), text("0"), text("cpu"), number(6))
    hooks = name("collections", "OrderedDict") + b")R"
    size = several(number(2), number(3))
    steps = several(*(number(step) for step in stride))
    return name(*build) + several(storage + b"Q", number(0), size, steps, b"\x89", hooks) + b"R"


def checkpoint(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickled + b".")
        archive.writestr("archive/data/0", VALUES.tobytes())
    return path


def table(**tensors: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in tensors.items()) + b"u"


def test_tensors_are_read_by_name(tmp_path: Path) -> None:
    found = read_weights(checkpoint(tmp_path / "w.pt", table(one=tensor(), two=tensor())))
    assert set(found) == {"one", "two"}
    assert (found["one"] == VALUES.reshape(2, 3)).all()


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (table(one=tensor(build=("os", "system"))), "it names 'os.system'"),
        (table(one=tensor(build=("builtins", "eval"))), "it names 'builtins.eval'"),
        (table(one=tensor(kind="HalfStorage")), "it names 'torch.HalfStorage'"),
        (table(one=tensor(stride=(1, 2))), "numbers are not in order"),
        (text("a word"), "has no attribute 'items'"),
    ],
    ids=["system", "eval", "kind", "order", "word"],
)
def test_what_is_no_table_of_tensors_is_refused(
    tmp_path: Path, pickled: bytes, reason: str
) -> None:
    with pytest.raises(PluginError, match=f"cannot read weights .*{reason}"):
        read_weights(checkpoint(tmp_path / "w.pt", pickled))


@pytest.mark.parametrize("data", [b"", b"no archive"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.pt").write_bytes(data)
    with pytest.raises(PluginError, match="cannot read weights"):
        read_weights(tmp_path / "w.pt")


def test_the_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = checkpoint(tmp_path / "w.pt", table(one=tensor()))
    with pytest.raises(PluginError, match="holds other weights"):
        VoiceModel(file, threads=1)
