"""Settings that are set and do nothing: not wrong, but somebody expects something of them."""

from __future__ import annotations

from collections.abc import Iterator

from dialog_core.errors import SettingsProblem
from dialog_core.plugins import Plugins
from dialog_core.resilience.failover import CHAINED, Chain, FailoverSettings
from dialog_core.settings import ResolvedAgent, Settings, TurnSettings
from dialog_core.sources import Faults, under

__all__ = ["without_effect"]

EAGER_KEYS = ("eager_after", "eager_most")


def without_effect(
    settings: Settings, plugins: Plugins | None = None
) -> tuple[SettingsProblem, ...]:
    """Settings that have no effect in this combination.

    The settings of a component tell of their own, if their class has a method ``without_effect()`` that returns pairs
    of key and reason. plugins: what is installed, to find names in `plugins.allow` and `plugins.deny` that nobody has.
    """
    found = []
    server = settings.server
    if server.public_url and server.trust_forwarded:
        found.append(idle("server.trust_forwarded", "addresses are built from server.public_url"))
    for key, name in settings.plugins.strangers(plugins.installed) if plugins else ():
        reason = f"no installed plugin is called {name!r}; see dialogctl plugins list"
        found.append(idle(f"plugins.{key}", reason))
    for name, agent in settings.agents.items():
        problems = tuple(idle(key, reason) for key, reason in idle_in(agent))
        found += under(f"agents.{name}", Faults(*problems))
    return tuple(found)


def idle(key: str, reason: str) -> SettingsProblem:
    """A setting that has no effect."""
    return SettingsProblem(key, f"has no effect: {reason}")


def idle_in(agent: ResolvedAgent) -> Iterator[tuple[str, str]]:
    """(key, reason) of an agent's settings."""
    chained = any(
        isinstance(chosen.settings, Chain) and kind in CHAINED
        for kind, chosen in agent.components()
    )
    if not chained and agent.failover != FailoverSettings():
        yield "failover", "none of stt, llm and tts is a list"
    yield from ((f"turns.{key}", reason) for key, reason in idle_turns(agent))
    for kind, chosen in agent.components():
        tell = getattr(chosen.settings, "without_effect", None)
        yield from ((f"{kind}.{key}", reason) for key, reason in (tell() if callable(tell) else ()))


def idle_turns(agent: ResolvedAgent) -> Iterator[tuple[str, str]]:
    """(key, reason) of the settings of an agent's turns."""
    turns, usual = agent.turns, TurnSettings()
    if turns.hold_after >= turns.dead_air and agent.hold_phrases:
        yield "hold_after", "turns.dead_air ends the reply before a hold phrase is said"
    if turns.max_silence > turns.dead_air:
        yield "max_silence", "the caller is told after turns.dead_air already"
    if turns.settle >= turns.watchdog:
        yield "settle", "turns.watchdog ends the turn first"
    for key in EAGER_KEYS:
        if not turns.eager and getattr(turns, key) != getattr(usual, key):
            yield key, "turns.eager is false"
