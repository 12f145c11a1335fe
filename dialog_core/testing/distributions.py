"""Installed distributions that exist only for a test: metadata and modules in a folder."""

from __future__ import annotations

import textwrap
import zlib
from pathlib import Path

__all__ = ["install_distribution"]

PREAMBLE = """
import attrs
from dialog_core.factory import Factory
from dialog_core.fields import Secret, setting
from dialog_core.hookspecs import hookimpl

@attrs.frozen
class NoSettings:
    pass

def make(settings, services):
    return settings
"""


def install_distribution(
    folder: Path, distribution: str, source: str, *, entry_point: str = "", version: str = "1.0"
) -> str:
    """Write a distribution with one plugin; put `folder` on the import path to use it.

    source: the plugin's module, in which attrs, Factory, Secret, setting, hookimpl, NoSettings and make are at hand.
    entry_point: its name; the distribution's without ``dialog-`` if empty. Returns the module's name, which no other
    folder uses.
    """
    name = entry_point or distribution.removeprefix("dialog-")
    module = f"{distribution.replace('-', '_')}_{zlib.crc32(str(folder).encode()):08x}"
    (folder / f"{module}.py").write_text(PREAMBLE + textwrap.dedent(source), "utf-8")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata, "utf-8")
    (info / "entry_points.txt").write_text(f"[dialog.plugins]\n{name} = {module}\n", "utf-8")
    return module
