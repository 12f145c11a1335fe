"""The plugins of one application: found without importing, imported when named, folded into a frozen catalog.

A plugin is a distribution with an entry point in the group ``dialog.plugins``. The names of entry points are read from
the distributions' metadata; a module is imported only when a settings file names it or somebody asks for the list.
A component is named like its entry point (``deepgram``), or ``entry-point:component`` (``local:hibari``).
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import pluggy

from dialog_core import hookspecs
from dialog_core.converter import did_you_mean
from dialog_core.errors import PluginError, SettingsProblem
from dialog_core.factory import Factory, Services
from dialog_core.sources import Faults

if TYPE_CHECKING:
    import click

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

GROUP = "dialog.plugins"
BUILT_IN = "policies"
"""The entry point of the core itself; always loaded."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "voip": "VoIP line",
        "stt": "speech-to-text",
        "tts": "text-to-speech",
        "llm": "language model",
        "vad": "voice activity detector",
        "endpointer": "endpointer",
        "barge_in": "barge-in policy",
        "agent": "agent",
        "observer": "observer",
    }
)
"""Kinds of components, by the key that a settings file writes, in words."""


@attrs.frozen
class Installed:
    """An entry point, as its distribution's metadata describe it; nothing of it is imported."""

    name: str
    module: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@attrs.frozen
class Offer:
    """One component that a plugin can make."""

    kind: str
    factory: Factory[Any, Any]
    plugin: Installed

    @property
    def written(self) -> str:
        """The shortest name that a settings file may write."""
        name = self.factory.name
        short = self.plugin.name in (name, BUILT_IN)
        return name if short else f"{self.plugin.name}:{name}"


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


# --- the catalog ----------------------------------------------------------------------------------------------------


@attrs.frozen
class Catalog:
    """What the loaded plugins offer: kind -> component name -> offer."""

    offers: Mapping[str, Mapping[str, Offer]]

    @classmethod
    def of(cls, offers: Iterable[Offer]) -> Catalog:
        """Fold offers together. Raises: PluginError when two plugins offer one name for a kind."""
        folded: dict[str, dict[str, Offer]] = {kind: {} for kind in KINDS}
        for offer in offers:
            name = offer.factory.name
            other = folded[offer.kind].setdefault(name, offer)
            if other is not offer:
                both = " and ".join(sorted((str(other.plugin), str(offer.plugin))))
                message = f"both {both} offer a {KINDS[offer.kind]} named {name!r}; uninstall one"
                raise PluginError(offer.plugin.name, message)
        return cls(MappingProxyType({k: MappingProxyType(v) for k, v in folded.items()}))

    def names(self, kind: str) -> tuple[str, ...]:
        """What may be written for this kind, in order of the alphabet."""
        return tuple(sorted(offer.written for offer in self.offers[kind].values()))

    def find(self, kind: str, use: str) -> Offer | None:
        """The offer that a ``use`` names: ``component`` or ``entry-point:component``."""
        plugin, colon, name = use.rpartition(":")
        offer = self.offers[kind].get(name)
        if offer is None or (colon and offer.plugin.name != plugin):
            return None
        return offer

    def choose(self, kind: str, table: object, structure: Structure) -> Chosen[Any]:
        """The component that a table (or a bare name) names, with its settings checked.

        structure: (table, settings class) -> settings. Raises: Faults, relative to the table.
        """
        use, rest = named(table)
        offer = self.find(kind, use)
        if offer is None:
            raise Faults(SettingsProblem("use", self.absent(kind, use)))
        return Chosen(offer.factory, structure(rest, offer.factory.settings), offer.plugin)

    def absent(self, kind: str, use: str) -> str:
        """The message for a component that nobody offers."""
        known = self.names(kind)
        listed = f"; installed: {', '.join(known)}" if known else ""
        sentence = f"no {KINDS[kind]} named {use!r}{listed}"
        if hint := did_you_mean(use, known):
            return sentence + hint
        distribution = f"dialog-{use.partition(':')[0]}"
        return f"{sentence}; install the distribution {distribution}: pip install {distribution}"


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


def component(kind: str, *, default: Any = attrs.NOTHING) -> Any:
    """A setting that names a component of this kind."""
    return attrs.field(default=default, metadata={"help": KINDS[kind], "kind": kind})


# --- finding and importing ------------------------------------------------------------------------------------------


def discover(path: Sequence[str] | None = None) -> tuple[Installed, ...]:
    """The entry points of every installed distribution; reads metadata, imports nothing.

    path: folders to look in; None for those that Python imports from. Of a distribution found twice the first counts.
    """
    found: dict[str, list[Installed]] = {}
    for distribution in metadata.distributions(path=list(sys.path if path is None else path)):
        name = distribution.metadata["Name"]
        if not name or name.lower() in found:
            continue
        points = distribution.entry_points.select(group=GROUP)
        found[name.lower()] = [
            Installed(point.name, point.module, name, distribution.version) for point in points
        ]
    return tuple(sorted((p for points in found.values() for p in points), key=lambda p: p.name))


@attrs.define
class Plugins:
    """The plugins of one application; imports those that are asked for, each once."""

    installed: tuple[Installed, ...] = attrs.field(factory=discover)
    _manager: pluggy.PluginManager = attrs.field(init=False)
    _offers: dict[Installed, tuple[Offer, ...]] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def load(self, plugin: Installed) -> tuple[Offer, ...]:
        """Import a plugin and ask it what it offers. Raises: PluginError in one clear sentence."""
        if plugin not in self._offers:
            module = imported(plugin)
            check_hooks(plugin, module)
            self._manager.register(module, name=f"{plugin.distribution}/{plugin.name}")
            self._offers[plugin] = tuple(self._ask(plugin, module))
        return self._offers[plugin]

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

        The entry point that is called like a component is imported first. Only when that offers no such component is
        every other plugin asked, so that a message can list what there is. Raises: PluginError of a plugin that is
        named and broken, or for a name that two plugins offer.
        """
        wanted = tuple(uses)
        names = {BUILT_IN, *(use.partition(":")[0] for _, use in wanted)}
        for plugin in self.installed:
            if plugin.name in names:
                self.load(plugin)
        catalog = Catalog.of(self.offers())
        if any(catalog.find(kind, use) is None for kind, use in wanted):
            self.load_all()
            try:
                return Catalog.of(self.offers())
            except (
                PluginError
            ):  # of plugins that nobody named: not worth more than the missing component
                return catalog
        return catalog

    def offers(self) -> tuple[Offer, ...]:
        """What the plugins loaded so far offer."""
        return tuple(offer for offers in self._offers.values() for offer in offers)

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
                    answer = answered(plugin, hook.function)
                    yield from (Offer(kind, factory, plugin) for factory in answer)


def imported(plugin: Installed) -> ModuleType:
    """The plugin's module. Raises: PluginError, whatever its import raised."""
    try:
        return importlib.import_module(plugin.module)
    except (
        Exception
    ) as error:  # anything may happen while foreign code is imported, and must become one sentence
        message = f"{plugin} cannot be imported: {type(error).__name__}: {error}"
        raise PluginError(plugin.name, message) from error


def check_hooks(plugin: Installed, module: ModuleType) -> None:
    """Refuse hooks that would silently do nothing, or the wrong thing. Raises: PluginError."""
    specs = {name for name in vars(hookspecs) if name.startswith(f"{hookspecs.PROJECT}_")}
    for name, function in vars(module).items():
        options = getattr(function, f"{hookspecs.PROJECT}_impl", None)
        if not isinstance(options, dict):
            continue
        hook = options.get("specname") or name
        where = f"{inspect.getsourcefile(function)}: {function.__name__}"
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            message = (
                f"{where} is an async def; make it a plain def that returns a tuple of Factory"
            )
            raise PluginError(plugin.name, message)
        if options.get("wrapper") or options.get("hookwrapper"):
            message = f"{where} is a wrapper; a hook only returns what the plugin itself offers"
            raise PluginError(plugin.name, message)
        if hook not in specs:
            raise PluginError(plugin.name, f"{where}: no such hook{did_you_mean(hook, specs)}")
        expected = set(inspect.signature(getattr(hookspecs, hook)).parameters)
        if extra := set(inspect.signature(function).parameters) - expected:
            message = f"{where} takes {', '.join(sorted(extra))}, which the hook does not give"
            raise PluginError(plugin.name, message)


def answered(plugin: Installed, function: Callable[[], Any]) -> tuple[Factory[Any, Any], ...]:
    """What a hook returned, checked. Raises: PluginError."""
    where = f"{inspect.getsourcefile(function)}: {function.__name__}"
    try:
        answer = tuple(function())
    except Exception as error:  # foreign code again, and again one sentence
        message = f"{where} failed: {type(error).__name__}: {error}"
        raise PluginError(plugin.name, message) from error
    for factory in answer:
        if not isinstance(factory, Factory):
            raise PluginError(plugin.name, f"{where} must return Factory values, not {factory!r}")
        if not attrs.has(factory.settings):
            message = f"{where}: the settings of {factory.name!r} must be an attrs class"
            raise PluginError(plugin.name, message)
    return answer
