"""What is installed, read from metadata without importing any of it, and what of it may be used."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import metadata

import attrs

from dialog_core.fields import setting

__all__ = ["BUILT_IN", "GROUP", "Installed", "PluginSettings", "canonical", "discover"]

GROUP = "dialog.plugins"
BUILT_IN = "policies"
"""The entry point of the core itself; always loaded."""


@attrs.frozen
class Installed:
    """An entry point, as its distribution's metadata describe it; nothing of it is imported."""

    name: str
    module: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"

    def answers_to(self, name: str) -> bool:
        """Whether a name is that of the entry point, or of its distribution."""
        return name in {self.name, self.distribution, canonical(self.distribution)}


def canonical(distribution: str) -> str:
    """A distribution's name as indexes compare it. Source: PEP 503, "Normalized Names"."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def discover(path: Sequence[str] | None = None) -> tuple[Installed, ...]:
    """The entry points of every installed distribution; reads metadata, imports nothing.

    path: folders to look in; None for those that Python imports from. Of a distribution found twice the first counts.
    """
    found: dict[str, list[Installed]] = {}
    for distribution in metadata.distributions(path=list(sys.path if path is None else path)):
        name = distribution.metadata["Name"]
        if not name or canonical(name) in found:
            continue
        points = distribution.entry_points.select(group=GROUP)
        found[canonical(name)] = [
            Installed(point.name, point.module, name, distribution.version) for point in points
        ]
    return tuple(sorted((p for points in found.values() for p in points), key=lambda p: p.name))


@attrs.frozen
class PluginSettings:
    """Which of the installed plugins may be used. What may not is never imported."""

    allow: tuple[str, ...] | None = setting(
        default=None, help="distributions or entry points that may be used; all if left out"
    )
    deny: tuple[str, ...] = setting(
        default=(), help="distributions or entry points that may not be used, allowed or not"
    )

    def barred(self, plugin: Installed) -> str:
        """Why a plugin may not be used, and what would let it; empty if it may."""
        if plugin.name == BUILT_IN:
            return ""
        if any(plugin.answers_to(name) for name in self.deny):
            return "is denied; take it out of plugins.deny"
        if self.allow is not None and not any(plugin.answers_to(name) for name in self.allow):
            return "is not allowed; add it to plugins.allow"
        return ""

    def strangers(self, installed: Sequence[Installed]) -> tuple[tuple[str, str], ...]:
        """(key, name) of each entry that is no installed plugin's."""
        listed = [("allow", name) for name in self.allow or ()]
        listed += [("deny", name) for name in self.deny]
        return tuple(
            (key, name)
            for key, name in listed
            if not any(plugin.answers_to(name) for plugin in installed)
        )
