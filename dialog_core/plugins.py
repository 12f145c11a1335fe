"""The plugins of one application: found without importing, imported when named, folded into a frozen catalog.

A plugin is a distribution with an entry point in the group ``dialog.plugins``. The names of entry points are read from
the distributions' metadata; a module is imported only when a settings file names it or somebody asks for the list.
A component is named like its entry point (``deepgram``), or ``entry-point:component`` (``local:hibari``). Where two
plugins have the same names, ``distribution:component`` (``dialog-deepgram:deepgram``) tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import pluggy

from dialog_core import hookspecs
from dialog_core.converter import did_you_mean
from dialog_core.errors import PluginError, SettingsProblem
from dialog_core.factory import Factory, Services
from dialog_core.installed import BUILT_IN, GROUP, Installed, PluginSettings, canonical, discover
from dialog_core.language import in_language
from dialog_core.loading import answered, check_hooks, imported
from dialog_core.sources import Faults

if TYPE_CHECKING:
    import click

    from dialog_core.models import ModelSet

__all__ = [
    "BUILT_IN",
    "GROUP",
    "KINDS",
    "Catalog",
    "Chosen",
    "Installed",
    "Offer",
    "Plugins",
    "Structure",
    "component",
    "discover",
    "named",
]

T = TypeVar("T")
Structure = Callable[[Mapping[str, object], type[Any]], Any]
NOBODY: Mapping[Installed, str] = MappingProxyType({})

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "voip": "VoIP line",
        "stt": "speech-to-text",
        "tts": "text-to-speech",
        "llm": "language model",
        "vad": "voice activity detector",
        "endpointer": "endpointer",
        "barge_in": "barge-in policy",
        "diarizer": "diarizer",
        "agent": "agent",
        "observer": "observer",
    }
)
"""Kinds of components, by the key that a settings file writes, in words."""


@attrs.frozen
class Offer:
    """One component that a plugin can make."""

    kind: str
    factory: Factory[Any, Any]
    plugin: Installed

    @property
    def at_home(self) -> bool:
        """Whether the component is called like its entry point; then its bare name means it before all others."""
        return self.plugin.name in (self.factory.name, BUILT_IN)

    @property
    def written(self) -> str:
        """The shortest name that a settings file may write, if no other plugin has the same."""
        name = self.factory.name
        return name if self.at_home else f"{self.plugin.name}:{name}"

    @property
    def full(self) -> str:
        """``distribution:component``."""
        return f"{canonical(self.plugin.distribution)}:{self.factory.name}"


@attrs.frozen
class Chosen(Generic[T]):
    """A component that a settings file named, with its settings."""

    factory: Factory[Any, T]
    settings: Any
    plugin: Installed | None = None
    """Where it comes from; None for an application's own class."""

    @property
    def name(self) -> str:
        """The component's name."""
        return self.factory.name

    def build(self, services: Services) -> T:
        """Make one."""
        return self.factory.build(self.settings, services)

    def speaking(self, tag: str) -> Chosen[T]:
        """The same in a language, where its settings leave that open. tag: BCP-47. Raises: Faults."""
        return attrs.evolve(self, settings=in_language(self.settings, tag))


# --- the catalog ----------------------------------------------------------------------------------------------------


@attrs.frozen
class Catalog:
    """What the loaded plugins offer: kind -> offers."""

    offers: Mapping[str, tuple[Offer, ...]]
    barred: Mapping[Installed, str] = NOBODY
    """Plugins that were not even imported, and why."""

    @classmethod
    def of(cls, offers: Iterable[Offer], barred: Mapping[Installed, str] = NOBODY) -> Catalog:
        """Sort offers by kind."""
        sorted_: dict[str, list[Offer]] = {kind: [] for kind in KINDS}
        for offer in offers:
            sorted_[offer.kind].append(offer)
        return cls(
            MappingProxyType({kind: tuple(found) for kind, found in sorted_.items()}), barred
        )

    def names(self, kind: str) -> tuple[str, ...]:
        """What may be written for this kind, in order of the alphabet."""
        return tuple(sorted(self.written(offer) for offer in self.offers[kind]))

    def written(self, offer: Offer) -> str:
        """The shortest name that means this offer and no other."""
        unique = self.matching(offer.kind, offer.written) == (offer,)
        return offer.written if unique else offer.full

    def matching(self, kind: str, use: str) -> tuple[Offer, ...]:
        """The offers that a ``use`` may mean: a component, perhaps with its entry point or distribution before it."""
        plugin, colon, name = use.rpartition(":")
        found = tuple(offer for offer in self.offers[kind] if offer.factory.name == name)
        if colon:
            return tuple(offer for offer in found if offer.plugin.answers_to(plugin))
        return tuple(offer for offer in found if offer.at_home) or found

    def is_certain(self, kind: str, use: str) -> bool:
        """Whether plugins that are not loaded could not change what a ``use`` means."""
        return any(":" in use or offer.at_home for offer in self.matching(kind, use))

    def find(self, kind: str, use: str) -> Offer | None:
        """The offer that a ``use`` names. Raises: Faults if several plugins have one of that name."""
        found = self.matching(kind, use)
        if len(found) > 1:
            both = " and ".join(sorted(str(offer.plugin) for offer in found))
            names = " or ".join(sorted(repr(offer.full) for offer in found))
            message = f"{both} both offer a {KINDS[kind]} named {use!r}; write {names}"
            raise Faults(SettingsProblem("use", message))
        return found[0] if found else None

    def choose(self, kind: str, table: object, structure: Structure) -> Chosen[Any]:
        """The component that a table (or a bare name) names, with its settings checked.

        structure: (table, settings class) -> settings. Raises: Faults, relative to the table.
        """
        use, rest = named(table)
        offer = self.find(kind, use)
        if offer is None:
            raise Faults(SettingsProblem("use", self.absent(kind, use)))
        try:
            settings = structure(rest, offer.factory.settings)
        except Faults as error:
            raise Faults(*(listed(problem, offer) for problem in error.problems)) from error
        return Chosen(offer.factory, settings, offer.plugin)

    def absent(self, kind: str, use: str) -> str:
        """The message for a component that nobody offers."""
        for plugin, reason in self.barred.items():
            if plugin.answers_to(use.partition(":")[0]):
                return f"plugin {plugin.name!r} ({plugin}) {reason}"
        known = self.names(kind)
        listed = f"; installed: {', '.join(known)}" if known else ""
        sentence = f"no {KINDS[kind]} named {use!r}{listed}"
        if hint := did_you_mean(use, known):
            return sentence + hint
        distribution = f"dialog-{use.partition(':')[0]}"
        return f"{sentence}; install the distribution {distribution}: pip install {distribution}"


def listed(problem: SettingsProblem, offer: Offer) -> SettingsProblem:
    """A problem, with the command that lists the keys there are if nothing else says what would do."""
    if problem.message != "unknown key":
        return problem
    command = f"dialogctl plugins show {offer.plugin.name}"
    return attrs.evolve(problem, message=f"{problem.message}; {command} lists them")


def named(table: object) -> tuple[str, dict[str, object]]:
    """The ``use`` of a component's table, and its settings. Raises: Faults."""
    match table:
        case str(use):
            return use, {}
        case {"use": str(use), **rest}:
            return use, {str(key): value for key, value in rest.items()}
        case {"use": _}:
            raise Faults(SettingsProblem("use", "must be text: the name of a component"))
        case Mapping():
            raise Faults(SettingsProblem("use", "missing: the name of a component"))
    raise Faults(SettingsProblem("", 'must be a name or a table with a name: use = "..."'))


def component(
    kind: str, *, default: Any = attrs.NOTHING, chain: bool = False, told: str = ""
) -> Any:
    """A setting that names a component of this kind.

    chain: a list of several is allowed too. told: what it is if the file leaves it out.
    """
    help_ = f"{KINDS[kind]}; if left out, {told}" if told else KINDS[kind]
    metadata = {"help": help_, "kind": kind, "chain": chain}
    return attrs.field(default=default, metadata=metadata)


# --- importing ------------------------------------------------------------------------------------------------------


@attrs.define
class Plugins:
    """The plugins of one application; imports those that are asked for, each once."""

    installed: tuple[Installed, ...] = attrs.field(factory=discover)
    barred: Mapping[Installed, str] = NOBODY
    """Installed too, but not to be imported, and why."""
    _manager: pluggy.PluginManager = attrs.field(init=False)
    _offers: dict[Installed, tuple[Offer, ...]] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def load(self, plugin: Installed) -> tuple[Offer, ...]:
        """Import a plugin and ask it what it offers. Raises: PluginError in one clear sentence."""
        if plugin not in self._offers:
            if plugin in self.barred:
                raise PluginError(plugin.name, f"{plugin} {self.barred[plugin]}")
            module = imported(plugin)
            check_hooks(plugin, module)
            if not self._manager.is_registered(module):
                self._manager.register(module, name=f"{plugin.distribution}/{plugin.name}")
            try:
                self._offers[plugin] = tuple(self._ask(plugin, module))
            except PluginError:
                self._manager.unregister(module)
                raise
        return self._offers[plugin]

    def screened(self, rules: PluginSettings) -> Plugins:
        """The plugins that a settings file lets in; the others are never imported."""
        reasons = {plugin: rules.barred(plugin) for plugin in self.installed}
        barred = {plugin: reason for plugin, reason in reasons.items() if reason}
        if not barred:
            return self
        installed = tuple(plugin for plugin in self.installed if plugin not in barred)
        return Plugins(installed, MappingProxyType({**self.barred, **barred}))

    def load_all(self) -> tuple[PluginError, ...]:
        """Import every plugin; those that fail are returned, and do not disturb the others."""
        errors = []
        for plugin in self.installed:
            try:
                self.load(plugin)
            except PluginError as error:
                errors.append(error)
        return tuple(errors)

    def catalog(self, uses: Iterable[tuple[str, str]] = ()) -> Catalog:
        """What may be chosen, having imported what (kind, name) pairs call for.

        The plugin that is called like a component is imported first. Only when that offers no such component is every
        other plugin asked. Raises: PluginError of a plugin that is named and broken.
        """
        wanted = tuple(uses)
        names = {BUILT_IN, *(use.partition(":")[0] for _, use in wanted)}
        for plugin in self.installed:
            if any(plugin.answers_to(name) for name in names):
                self.load(plugin)
        catalog = Catalog.of(self.offers(), self.barred)
        if not all(catalog.is_certain(kind, use) for kind, use in wanted):
            self.load_all()
            return Catalog.of(self.offers(), self.barred)
        return catalog

    def offers(self) -> tuple[Offer, ...]:
        """What the plugins loaded so far offer."""
        return tuple(offer for offers in self._offers.values() for offer in offers)

    def models(self) -> tuple[ModelSet, ...]:
        """The model files that the loaded plugins fetch. Raises: PluginError."""
        found: dict[str, ModelSet] = {}
        for hook in self._manager.hook.dialog_models.get_hookimpls():
            try:
                answer: Any = hook.function()
                found.update((each.name, each) for each in answer)
            except Exception as error:  # foreign code, which must become one sentence
                raise PluginError(hook.plugin_name, f"dialog_models failed: {error}") from error
        return tuple(found.values())

    def add_commands(self, cli: click.Group) -> None:
        """Let the loaded plugins add their commands. Raises: PluginError."""
        for hook in self._manager.hook.dialog_commands.get_hookimpls():
            try:
                hook.function(*(cli,) * len(hook.argnames))
            except Exception as error:  # foreign code, which must become one sentence
                raise PluginError(hook.plugin_name, f"dialog_commands failed: {error}") from error

    def _ask(self, plugin: Installed, module: ModuleType) -> Iterable[Offer]:
        for kind in KINDS:
            for hook in getattr(self._manager.hook, f"dialog_{kind}").get_hookimpls():
                if hook.plugin is module:
                    answer = answered(plugin, kind, hook.function)
                    yield from (Offer(kind, factory, plugin) for factory in answer)
