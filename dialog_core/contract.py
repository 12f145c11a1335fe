"""The versions of the contracts between the core and its plugins, one for each kind of component.

A contract is the interface in :mod:`dialog_core.protocols` with what its docstrings promise, as the conformance kit
tests it. Its version is ``major.minor``: a minor version adds what a plugin may leave out, a major version asks more of
every plugin. A plugin says which versions it was written for in ``Factory.contract``, as a range::

    Factory("acme", AcmeSettings, build, contract=">=1.1,<2")
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

__all__ = ["VERSIONS", "Range", "parse_range", "parse_version"]

VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "voip": "1.0",
        "stt": "1.0",
        "tts": "1.0",
        "llm": "1.0",
        "vad": "1.0",
        "endpointer": "1.0",
        "barge_in": "1.0",
        "diarizer": "1.0",
        "agent": "1.0",
        "observer": "1.0",
    }
)
"""The version of each kind's contract that this core keeps."""

Version = tuple[int, int]
COMPARE: Mapping[str, Callable[[Version, Version], bool]] = MappingProxyType(
    {">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt}
)
LIMIT = re.compile(r"\s*(>=|<=|==|>|<)\s*(\d+(?:\.\d+)?)\s*")


@attrs.frozen
class Range:
    """Versions that a plugin can live with: all limits must hold."""

    limits: tuple[tuple[str, Version], ...]

    def holds(self, version: Version) -> bool:
        """Whether a version lies in it."""
        return all(COMPARE[sign](version, limit) for sign, limit in self.limits)

    def wants_newer(self, version: Version) -> bool:
        """Whether a version lies below it; then the core is too old, and otherwise the plugin is."""
        lower = (limit for sign, limit in self.limits if sign in {">=", ">", "=="})
        return any(version < limit or version == limit for limit in lower) and not self.holds(
            version
        )


def parse_version(text: str) -> Version:
    """``1`` and ``1.0`` as (1, 0)."""
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)


def parse_range(text: str) -> Range:
    """``>=1.1,<2`` as limits. Raises: ValueError."""
    found = [LIMIT.fullmatch(part) for part in text.split(",")]
    if not all(found):
        raise ValueError(f"{text!r} is no range of versions; write it like '>=1.0,<2'")
    return Range(tuple((m[1], parse_version(m[2])) for m in found if m))
