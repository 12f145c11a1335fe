"""An installed plugin by the name that somebody typed."""

from __future__ import annotations

from dialog_core.converter import did_you_mean
from dialog_core.errors import PluginError
from dialog_core.plugins import Installed, Plugins

__all__ = ["find_plugin"]


def find_plugin(plugins: Plugins, name: str) -> Installed:
    """The plugin with this entry point or distribution. Raises: PluginError if there is none, or more than one."""
    found = [plugin for plugin in plugins.installed if plugin.answers_to(name)]
    if not found:
        known = [plugin.name for plugin in plugins.installed]
        hint = did_you_mean(name, known) or f"; installed: {', '.join(known)}"
        raise PluginError(name, f"is not installed{hint}")
    if len(found) > 1:
        names = " or ".join(sorted(plugin.distribution for plugin in found))
        raise PluginError(name, f"several plugins are called so; write {names}")
    return found[0]
