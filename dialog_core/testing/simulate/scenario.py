"""A scenario file: what a caller does, and what is expected of the agent.

::

    agent = "bakery:Bakery"

    [[caller]]
    says = "When do you open?"
    expect = { words = ["seven"], within = 2.0 }
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from dialog_core.agent.chat import ChatSettings
from dialog_core.converter import new_converter
from dialog_core.document import read_document
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.fields import setting
from dialog_core.sources import Faults, Sources

__all__ = ["CallerLine", "Expectation", "ModelAnswer", "Scenario", "load_scenario"]

DEEDS = ("says", "acknowledges", "coughs", "presses", "waits", "listens", "hangs_up")


@attrs.frozen
class Expectation:
    """What is expected of the agent between a line of the caller and the next; what is left out is not looked at."""

    words: tuple[str, ...] = setting(
        default=(), help="each must be heard, whatever its case and punctuation"
    )
    without: tuple[str, ...] = setting(default=(), help="none of these may be heard")
    within: float | None = setting(
        default=None,
        unit="s",
        above=0,
        help="from the end of the caller's line to the agent's first sound",
    )
    tools: tuple[str, ...] = setting(default=(), help="each must have been called by the model")
    interrupted: bool | None = setting(
        default=None, help="whether the line interrupts what the agent was saying"
    )
    silence: bool = setting(default=False, help="the agent must say nothing at all")
    ended: bool | None = setting(default=None, help="whether the agent ends the call")
    transferred: str = setting(default="", help="the number that the caller is handed to")


@attrs.frozen
class CallerLine:
    """One thing that the caller does: exactly one of the first seven."""

    says: str = setting(default="", help="words")
    acknowledges: str = setting(default="", help="a short word while the agent speaks")
    coughs: bool = setting(default=False, help="a sound without words")
    presses: str = setting(default="", help="a key")
    waits: float = setting(default=0.0, unit="s", at_least=0, help="silence")
    listens: bool = setting(default=False, help="hear the agent out, such as its greeting")
    hangs_up: bool = setting(default=False, help="put the telephone down")
    after: float = setting(
        default=1.0, unit="s", at_least=1, help="silence between the agent's end and the line"
    )
    into: float | None = setting(
        default=None,
        unit="s",
        at_least=0,
        help="interrupt instead: when the agent has sounded so long",
    )
    pause: float | None = setting(
        default=None,
        unit="s",
        at_least=0,
        help="hesitate instead: so long after the caller's own line before, whatever the agent does",
    )
    seconds: float | None = setting(
        default=None, unit="s", above=0, help="how long it lasts; 0.3 a word unless given"
    )
    audio: str = setting(
        default="",
        help="a WAV file of it, for scenarios played aloud; spoken by the voice unless given",
    )
    softly: bool = setting(default=False, help="too softly for the voice detector")
    expect: Expectation = setting(
        factory=Expectation, help="what is expected before the caller's next line"
    )

    @property
    def deed(self) -> str:
        """Which of the seven it is; empty unless it is exactly one."""
        chosen = [name for name in DEEDS if getattr(self, name)]
        return chosen[0] if len(chosen) == 1 else ""

    @property
    def told(self) -> str:
        """It in a few words."""
        value = getattr(self, self.deed)
        return self.deed.replace("_", " ") if value is True else f"{self.deed} {value!r}"


@attrs.frozen
class ModelAnswer:
    """What the language model answers one request with."""

    text: str = setting(default="", help="what it says")
    tool: str = setting(default="", help="a tool that it calls after the text")
    arguments: Mapping[str, Any] = attrs.field(
        factory=dict, metadata={"help": "arguments of the tool"}
    )


@attrs.frozen
class Scenario:
    """A whole file."""

    agent: str = setting(
        help="a class such as bakery:Bakery, or chat; with `settings`, the name of an agent in them"
    )
    caller: tuple[CallerLine, ...] = setting(help="what the caller does, in order")
    settings: str = setting(
        default="",
        help="a settings file, whose agent is tested with its endpointer, barge-in and turns",
    )
    chat: ChatSettings = setting(
        factory=ChatSettings, help="settings of the agent chat, such as its tools"
    )
    answers: tuple[ModelAnswer, ...] = setting(
        default=(), help="of the language model, in order; a request beyond them fails"
    )
    expect: Expectation = setting(
        factory=Expectation, help="what is expected of the call as a whole"
    )
    path: Path = attrs.field(default=Path(), metadata={"option": False})
    """The file."""


def load_scenario(path: str | Path) -> Scenario:
    """Read a scenario file. Raises: SettingsError with every problem and its place."""
    file = Path(path)
    document = read_document(file)
    try:
        converter = new_converter(Sources({}, file.parent), choose_nothing)
        scenario = converter.structure(document, Scenario)
    except Faults as error:
        raise SettingsError(*error.problems) from error
    problems = [
        SettingsProblem(f"caller[{number}]", f"must have one of {', '.join(DEEDS)}")
        for number, line in enumerate(scenario.caller, 1)
        if not line.deed
    ]
    if problems:
        raise SettingsError(*problems)
    return attrs.evolve(scenario, path=file)


def choose_nothing(_kind: str, _table: object) -> Any:
    """A scenario names no components."""
    raise AssertionError
