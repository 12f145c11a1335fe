"""A settings file, read, checked and frozen: what the server, each agent and the log are made of.

Loading opens no socket and makes no component. All that is wrong is told at once, each with its path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from dialog_core.converter import gathered, new_converter, numbered
from dialog_core.defaults import DEFAULT_COMPONENTS, left_out, with_defaults
from dialog_core.document import Override, parse_override, put, read_document, with_names
from dialog_core.engine.speech import SpeechEngineSettings
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.fields import setting
from dialog_core.installed import PluginSettings
from dialog_core.net.settings import ServerSettings
from dialog_core.observe.log import LogSettings
from dialog_core.observe.observations import Observer
from dialog_core.own_agent import choose_own_agent, is_dotted
from dialog_core.plugins import KINDS, Catalog, Chosen, Plugins, component, named
from dialog_core.protocols import (
    BargeIn,
    Diarizer,
    Endpointer,
    LanguageModel,
    SpeechModel,
    SpeechToText,
    TextToSpeech,
    VoIP,
)
from dialog_core.resilience.failover import FailoverSettings, chain_of, told
from dialog_core.sources import Faults, Sources, read_dotenv, under
from dialog_core.speech.sentences import holding_in, sorry_in, unheard_in
from dialog_core.speech.text import TextSettings
from dialog_core.turns.gate import GateSettings
from dialog_core.turns.state import INTERRUPTIBLE

__all__ = [
    "ResolvedAgent",
    "Settings",
    "TurnSettings",
    "load",
    "parse_override",
    "put",
    "read_document",
    "screening_of",
]

AGENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


def language_tag(_instance: object, _attribute: object, value: str) -> None:
    """Refuse what is not a tag of RFC 5646's common form."""
    if not LANGUAGE_TAG.fullmatch(value):
        raise ValueError(f"must be a language tag such as en-US, not {value!r}")


def some_words(_instance: object, _attribute: object, value: str | None) -> None:
    """Refuse a sentence without a word in it."""
    if value is not None and not any(letter.isalnum() for letter in value):
        raise ValueError("must be a sentence that can be spoken")


def interruptible_kinds(_instance: object, _attribute: object, value: tuple[str, ...]) -> None:
    """Refuse what is nothing that we say."""
    if strange := sorted(set(value) - INTERRUPTIBLE):
        known = ", ".join(sorted(INTERRUPTIBLE))
        raise ValueError(f"may list {known}, not {', '.join(strange)}")


@attrs.frozen
class TurnSettings:
    """When a turn, a wait or a reply has lasted long enough."""

    patience: float = setting(
        default=8.0,
        unit="s",
        above=0,
        help="idle time before the caller is asked whether they are there",
    )
    max_silence: float = setting(
        default=3.5,
        unit="s",
        above=0,
        help="wait for words after speech in which none were recognised, before the caller is told",
    )
    settle: float = setting(
        default=0.2,
        unit="s",
        at_least=0,
        help="wait for interim words to become final at a turn's end",
    )
    watchdog: float = setting(
        default=30.0,
        unit="s",
        above=0,
        help="longest that a turn may stand still before it is ended",
    )
    first_audio: float = setting(
        default=6.0, unit="s", above=0, help="deadline for the first audio of a reply"
    )
    dead_air: float = setting(
        default=4.0,
        unit="s",
        above=0,
        help="longest silence on the line while a reply is owed, before the apology",
    )
    hold_after: float = setting(
        default=2.5, unit="s", above=0, help="silence of a reply after which a hold phrase is said"
    )
    longest_turn: float = setting(
        default=60.0,
        unit="s",
        above=0,
        help="how long a caller may go on before they are answered at the next pause",
    )
    longest_hold: float = setting(
        default=5.0, unit="s", above=0, help="longest that a reply stays ducked or held"
    )
    idle_prompts: int = setting(
        default=2, at_least=0, help="how often an idle caller is asked before the call is ended"
    )
    echo: bool = setting(
        default=True,
        help="keep the agent's own voice from interrupting it where the line returns it",
    )
    failures: int = setting(
        default=3, at_least=1, help="replies that may fail in a row before the call is given up"
    )
    interruptible: tuple[str, ...] = setting(
        default=("greeting", "answers", "prompts"),
        check=interruptible_kinds,
        help="what the caller may interrupt: greeting, answers (to what they said), prompts (to their silence); "
        "an application's own messages say so themselves",
    )
    eager: bool = setting(
        default=False, help="begin a reply before the turn is surely over; nobody hears it before"
    )
    eager_after: float = setting(
        default=0.2, unit="s", at_least=0, help="silence after which an eager reply begins"
    )
    eager_most: int = setting(
        default=2, at_least=1, help="eager replies that may begin in one turn of the caller"
    )
    give_up: str = setting(
        default="", help="number that the caller is handed to then; empty to hang up"
    )


@attrs.frozen
class ResolvedAgent:
    """One agent with everything it is made of, ready to be assembled for each call."""

    agent: Chosen[Any] = component("agent")
    voip: Chosen[VoIP] = component("voip")
    stt: Chosen[SpeechToText] = component("stt", chain=True)
    tts: Chosen[TextToSpeech] = component("tts", chain=True)
    vad: Chosen[SpeechModel] = component("vad", told=DEFAULT_COMPONENTS["vad"].rule)
    endpointer: Chosen[Endpointer] = component("endpointer", chain=True)
    barge_in: Chosen[BargeIn] = component("barge_in", chain=True)
    llm: Chosen[LanguageModel] | None = component("llm", default=None, chain=True)
    failover: FailoverSettings = setting(
        factory=FailoverSettings, help="patience of chains: where stt, llm or tts is a list"
    )
    diarizer: Chosen[Diarizer] | None = component("diarizer", default=None)
    turns: TurnSettings = setting(factory=TurnSettings, help="patience and deadlines")
    gate: GateSettings = setting(
        factory=GateSettings, help="when sound counts as the caller's speech"
    )
    language: str = setting(
        default="en-US", check=language_tag, help="what is spoken, as a BCP-47 tag"
    )
    text: TextSettings = setting(
        factory=TextSettings, help="what the voice is given for what the agent writes"
    )
    sorry: str | None = setting(
        default=None,
        check=some_words,
        help="said when a reply cannot be made; the language's own unless set",
    )
    holding: tuple[str, ...] | None = setting(
        default=None,
        help="said one after the other when a reply keeps the caller waiting; the language's own unless set",
    )
    unheard: str | None = setting(
        default=None,
        help="said when the caller sounded and no word of it came; the language's own unless set; "
        "empty for what the agent says to silence",
    )
    name: str = attrs.field(default="", metadata={"option": False})
    """Its key below ``agents``."""
    defaults: Mapping[str, str] = attrs.field(factory=dict, eq=False, metadata={"option": False})
    """Why each kind that its table leaves out is what it is; empty for what never differs."""

    @property
    def apology(self) -> str:
        """What is said when a reply cannot be made."""
        return sorry_in(self.language) if self.sorry is None else self.sorry

    @property
    def hold_phrases(self) -> tuple[str, ...]:
        """What is said when a reply keeps the caller waiting."""
        return holding_in(self.language) if self.holding is None else self.holding

    @property
    def unheard_phrase(self) -> str:
        """What is said when the caller sounded and no word of it came."""
        return unheard_in(self.language) if self.unheard is None else self.unheard

    def components(self) -> Iterator[tuple[str, Chosen[Any]]]:
        """(kind, component) of each that is set, in the order of `KINDS`."""
        for kind in KINDS:
            if (chosen := getattr(self, kind, None)) is not None:
                yield kind, chosen


@attrs.frozen
class Settings:
    """A whole settings file."""

    agents: Mapping[str, ResolvedAgent] = setting(help="a table for each agent: [agents.NAME]")
    server: ServerSettings = setting(factory=ServerSettings, help="address, limits, TLS")
    engine: SpeechEngineSettings = setting(
        factory=SpeechEngineSettings, help="how voice detection is batched across calls"
    )
    log: LogSettings = setting(factory=LogSettings, help="what is logged, and how")
    observers: tuple[Chosen[Observer], ...] = attrs.field(
        default=(), metadata={"help": "receivers of observations", "kind": "observer", "many": True}
    )
    plugins: PluginSettings = setting(
        factory=PluginSettings, help="which of the installed plugins may be used"
    )
    path: Path = attrs.field(default=Path(), metadata={"option": False})
    """The file."""


def load(
    path: str | Path,
    *,
    overrides: Sequence[Override] = (),
    environ: Mapping[str, str] | None = None,
    plugins: Plugins | None = None,
) -> Settings:
    """Read and check a settings file.

    overrides: (dotted key, value) pairs that replace what the file says. environ: where ``{ env = ... }`` is looked
    up, after which a ``.env`` file beside the settings file is asked; None for the process's own.
    Raises: SettingsError with every problem; PluginError for a plugin that is named and broken.
    """
    file = Path(path)
    document = read_document(file)
    try:
        for key, value in overrides:
            put(document, key, value)
        dotenv = read_dotenv(file.parent / ".env")
        sources = Sources({**dotenv, **(os.environ if environ is None else environ)}, file.parent)
        written = with_names(document, sources)
        found = plugins if plugins is not None else Plugins()
        screened = found.screened(screening(written, sources))
        settings = structured(with_defaults(written, screened), sources, screened)
        agents = {
            name: attrs.evolve(
                finished(name, agent), defaults=left_out(written["agents"][name], screened)
            )
            for name, agent in settings.agents.items()
        }
    except Faults as error:
        raise SettingsError(*error.problems) from error
    return attrs.evolve(settings, agents=agents, path=file)


def finished(name: str, agent: ResolvedAgent) -> ResolvedAgent:
    """The agent under its name; its components know its language and its patience. Raises: Faults."""
    known: dict[str, Any] = {}
    problems: list[SettingsProblem] = []
    for kind, chosen in agent.components():
        problems += [
            SettingsProblem(f"agents.{name}.{need}", f"missing: {kind} {chosen.name!r} needs one")
            for need in sorted(chosen.factory.needs)
            if getattr(agent, need) is None
        ]
        try:
            known[kind] = told(chosen, language=agent.language, failover=agent.failover)
        except Faults as error:
            problems += under(f"agents.{name}.{kind}", error)
    if problems:
        raise Faults(*problems)
    return attrs.evolve(agent, name=name, **known)


def screening_of(file: Path) -> PluginSettings:
    """Which plugins a settings file lets in; reads nothing else of it. Raises: SettingsError."""
    try:
        dotenv = read_dotenv(file.parent / ".env")
        return screening(read_document(file), Sources({**dotenv, **os.environ}, file.parent))
    except Faults as error:
        raise SettingsError(*error.problems) from error


def screening(document: Mapping[str, object], sources: Sources) -> PluginSettings:
    """Which plugins may be used, read before any is imported. Raises: Faults."""

    def choose(_kind: str, _table: object) -> object:
        raise AssertionError("these settings name no component")

    try:
        converter = new_converter(sources, choose)
        return converter.structure(document.get("plugins", {}), PluginSettings)
    except Faults as error:
        raise Faults(*under("plugins", error)) from error


def structured(document: Mapping[str, object], sources: Sources, plugins: Plugins) -> Settings:
    """The document as settings, components chosen. Raises: Faults, PluginError."""
    known = (*plugins.installed, *plugins.barred)

    def is_own(kind: str, use: str) -> bool:
        plugin = use.partition(":")[0]
        dotted = kind == "agent" and is_dotted(use)
        return dotted and not any(each.answers_to(plugin) for each in known)

    uses = tuple(use for use in named_components(document) if not is_own(*use))
    catalog: Catalog = plugins.catalog(uses)

    def choose(kind: str, table: object) -> Chosen[Any]:
        if isinstance(table, list):
            return chain_of(kind, gathered(numbered(table), partial(choose, kind)))
        use, rest = named(table)
        if is_own(kind, use):
            return choose_own_agent(use, rest, folder=sources.folder, structure=converter.structure)
        return catalog.choose(kind, table, converter.structure)

    converter = new_converter(sources, choose)
    problems = list(misnamed(document))
    try:
        settings = converter.structure(document, Settings)
    except Faults as error:
        problems += error.problems
    if problems:
        raise Faults(*problems)
    return settings


# --- the document, before it is typed -------------------------------------------------------------------------------


def named_components(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each (kind, name) that the document writes; what is misshapen is left for the converter to tell."""
    observers = document.get("observers")
    tables: list[tuple[str, object]] = [
        ("observer", item) for item in (observers if isinstance(observers, list) else [])
    ]
    agents = document.get("agents")
    for agent in agents.values() if isinstance(agents, dict) else ():
        if isinstance(agent, dict):
            for kind in KINDS:
                table = agent.get(kind, ())
                tables += [(kind, each) for each in (table if isinstance(table, list) else [table])]
    for kind, table in tables:
        try:
            use, inside = named(table)
        except Faults:
            continue
        yield kind, use
        # a component may have components of its own, such as the model of a semantic endpointer
        yield from named_components({"agents": {"": {k: inside[k] for k in KINDS if k in inside}}})


def misnamed(document: Mapping[str, Any]) -> Iterable[SettingsProblem]:
    """Agents whose names cannot stand in an address."""
    agents = document.get("agents")
    if not isinstance(agents, dict):
        return
    if not agents:
        yield SettingsProblem("agents", "is empty: write a table [agents.NAME]")
    for name in agents:
        if not AGENT_NAME.fullmatch(name):
            message = "an agent's name is part of its address: use a-z, 0-9, - and _"
            yield SettingsProblem(f"agents.{name}", message)
