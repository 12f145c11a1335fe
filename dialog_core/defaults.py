"""The components that an agent has where its table names none.

All are fixed but the voice detector: that is a model where the plugin with the model is installed, since without it
turn-taking is much worse, and what the core brings elsewhere, since the core needs no plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from dialog_core.plugins import Plugins

__all__ = ["DEFAULT_COMPONENTS", "DEFAULT_OBSERVERS", "IfInstalled", "left_out", "with_defaults"]


@attrs.frozen
class IfInstalled:
    """A component of a plugin, and the core's that stands in where the plugin is not."""

    use: str
    """``distribution:component``, so that somebody else's of the same name is not taken unasked."""
    otherwise: str
    gain: str
    """What is gained by having the plugin, in words that follow "and"."""

    @property
    def distribution(self) -> str:
        """Where it comes from."""
        return self.use.partition(":")[0]

    @property
    def rule(self) -> str:
        """Which of the two it is, in words."""
        _, name = self.use.split(":")
        return f"{name} where {self.distribution} is installed, else {self.otherwise}"

    def chosen(self, plugins: Plugins) -> str:
        """What a settings file would write; tells by names alone, and imports nothing."""
        there = any(plugin.answers_to(self.distribution) for plugin in plugins.installed)
        return self.use if there else self.otherwise

    def reason(self, plugins: Plugins) -> str:
        """Why that is chosen; if it is what stands in, also what would change it and why one should."""
        if self.chosen(plugins) == self.use:
            return f"{self.distribution} is installed"
        state = f"is not installed; pip install {self.distribution}"
        for plugin, barred in plugins.barred.items():
            if plugin.answers_to(self.distribution):
                state = barred
        return f"{self.distribution} {state}, and {self.gain}"


DEFAULT_COMPONENTS: Mapping[str, Any] = {
    "vad": IfInstalled(
        "dialog-silero:silero",
        otherwise="energy",
        gain="false barge-ins fall from 25 % to 2 %, turns cut off from 5 % to 1 %",
    ),
    "endpointer": ["adaptive", "heuristic"],
    "barge_in": [{"use": "hard-cut", "after": 0.15}, "backchannel"],
}
"""What an agent has without asking; chosen by measurement, see docs/explanation/turn-taking.md."""
DEFAULT_OBSERVERS = ["log"]


def with_defaults(document: Mapping[str, Any], plugins: Plugins) -> dict[str, Any]:
    """The document with the components that an agent has without asking. plugins: those that may be used."""
    usual = {
        kind: default.chosen(plugins) if isinstance(default, IfInstalled) else default
        for kind, default in DEFAULT_COMPONENTS.items()
    }
    completed = {"observers": DEFAULT_OBSERVERS, **document}
    agents = document.get("agents")
    if isinstance(agents, dict):
        completed["agents"] = {
            name: {**usual, **table} if isinstance(table, dict) else table
            for name, table in agents.items()
        }
    return completed


def left_out(table: Mapping[str, Any], plugins: Plugins) -> dict[str, str]:
    """The kinds that an agent's table leaves to the defaults, each with why it is what it is; empty if it is fixed."""
    return {
        kind: default.reason(plugins) if isinstance(default, IfInstalled) else ""
        for kind, default in DEFAULT_COMPONENTS.items()
        if kind not in table
    }
