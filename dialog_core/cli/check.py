"""``dialogctl check``: is a settings file right, and what would be assembled from it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from dialog_core.cli.facts import default_of
from dialog_core.cli.options import file_and_overrides, load_for
from dialog_core.ineffective import without_effect
from dialog_core.plugins import Chosen, Plugins
from dialog_core.resilience.failover import Chain
from dialog_core.settings import ResolvedAgent, Settings

__all__ = ["command"]


@click.command("check")
@file_and_overrides
@click.pass_obj
def command(plugins: Plugins, file: Path, sets: tuple[str, ...]) -> None:
    """Check a settings file and draw what it assembles; opens nothing."""
    settings = load_for(plugins, file, sets)
    Console().print(drawn(settings), soft_wrap=True)
    for note in notes(settings):
        click.echo(f"note: {note}")
    for problem in without_effect(settings, plugins):
        click.echo(f"warning: {problem}", err=True)


def notes(settings: Settings) -> Iterator[str]:
    """Why a component that an agent leaves out is what it is, where that may differ."""
    for name, agent in settings.agents.items():
        for kind, because in agent.defaults.items():
            if because:
                yield f"agents.{name}.{kind} is {getattr(agent, kind).name} by default: {because}"


def drawn(settings: Settings) -> Tree:
    """The assembled graph: agents, their components, and what differs from the defaults."""
    tree = Tree(Text(str(settings.path), "bold"))
    draw_sections(tree, settings)
    for observer in settings.observers:
        draw_component(tree, "observer", observer)
    for agent in settings.agents.values():
        branch = tree.add(Text.assemble("agent ", (agent.name, "bold"), f" ({agent.language})"))
        for kind, chosen in agent.components():
            draw_component(branch, kind, chosen, assumed=kind in agent.defaults)
        draw_sections(branch, agent)
    return tree


def draw_sections(branch: Tree, settings: Settings | ResolvedAgent) -> None:
    """Tables that are no components, where anything in them was changed."""
    for field in attrs.fields(type(settings)):
        section = getattr(settings, field.name)
        plain = attrs.has(type(section)) and not isinstance(section, Chosen)
        if plain and any(differing(section)):
            extend(branch.add(Text(field.name)), section)


def draw_component(branch: Tree, kind: str, chosen: Chosen[Any], *, assumed: bool = False) -> None:
    """One component's branch: kind, name, distribution and version, settings; a chain's has its members.

    assumed: the file does not name it.
    """
    default = "  default" if assumed else ""
    if isinstance(chosen.settings, Chain):
        law = {"endpointer": "the first that decides", "barge_in": "a vote"}
        chain = branch.add(
            Text.assemble(f"{kind}, {law.get(kind, 'the first that answers')}", (default, "dim"))
        )
        for number, member in enumerate(chosen.settings.members, 1):
            draw_component(chain, f"{number}.", member)
        return
    origin = str(chosen.plugin) if chosen.plugin else "this application"
    text = Text.assemble(f"{kind} ", (chosen.name, "cyan"), (f"  {origin}{default}", "dim"))
    extend(branch.add(text), chosen.settings)


def extend(branch: Tree, settings: Any) -> None:
    """Add the settings that differ from their defaults."""
    for line in differing(settings):
        branch.add(Text(line))


def differing(settings: Any) -> Iterator[str]:
    """``key = value`` for each setting that was set to something else; secrets print as ``Secret(...)``."""
    for field in attrs.fields(type(settings)):
        value = getattr(settings, field.name)
        if not field.init or value == default_of(field):
            continue
        if attrs.has(type(value)):
            yield from (f"{field.alias}.{line}" for line in differing(value))
        else:
            yield f"{field.alias} = {value.value if isinstance(value, enum.Enum) else value!r}"
