"""``dialogctl``: finds commands, and turns what operators can mend into one line each and exit status 2."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click

from dialog_core.cli.refusal import Refusal
from dialog_core.converter import did_you_mean
from dialog_core.errors import PluginError, SettingsError
from dialog_core.plugins import Plugins

__all__ = ["Refusal", "main", "new_cli"]

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "check": "dialog_core.cli.check",
        "config": "dialog_core.cli.config",
        "dial": "dialog_core.cli.dial",
        "models": "dialog_core.cli.models",
        "plugins": "dialog_core.cli.plugins",
        "replay": "dialog_core.cli.replay",
        "serve": "dialog_core.cli.serve",
        "simulate": "dialog_core.cli.simulate",
        "version": "dialog_core.cli.version",
    }
)
"""Each command's module, which holds it as ``command``; imported when it is called."""
DISTRIBUTIONS = MappingProxyType({"demo": "dialog-demo"})
"""Commands that the documentation speaks of and that a distribution of ours brings."""


class Dialogctl(click.Group):
    """The built-in commands, and those of plugins, which are asked only when a name is not built in."""

    def __init__(self, plugins: Plugins) -> None:
        super().__init__(
            "dialogctl",
            help="Run, check and look into telephone voice agents.",
            context_settings={"obj": plugins, "help_option_names": ["-h", "--help"]},
        )
        self._plugins = plugins

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        self._ask_plugins()
        return sorted({*COMMANDS, *self.commands})

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name in COMMANDS:
            found: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
            return found
        for plugin in self._plugins.installed:
            if plugin.name == cmd_name:  # most likely its own; then nobody else need be imported
                self._plugins.load(plugin)
                self._plugins.add_commands(self)
        if cmd_name not in self.commands:
            self._ask_plugins()
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise Refusal([self._unknown(ctx, name)])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise Refusal([str(problem) for problem in error.problems]) from error
        except PluginError as error:
            raise Refusal([str(error)]) from error

    def _ask_plugins(self) -> tuple[PluginError, ...]:
        errors = self._plugins.load_all()
        self._plugins.add_commands(self)
        return errors

    def _unknown(self, ctx: click.Context, name: str) -> str:
        if name in DISTRIBUTIONS:
            distribution = DISTRIBUTIONS[name]
            return f"the command {name!r} comes with {distribution}: pip install {distribution}"
        known = self.list_commands(ctx)
        hint = did_you_mean(name, known) or f"; there are: {', '.join(known)}"
        return f"no command {name!r}{hint}"


def new_cli(plugins: Plugins) -> click.Group:
    """The command line of one application."""
    return Dialogctl(plugins)


def main() -> None:
    """The entry point of ``dialogctl``."""
    new_cli(Plugins())(prog_name="dialogctl")


if __name__ == "__main__":
    main()
