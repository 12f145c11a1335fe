"""A ready-made agent: instructions, history and tools over any language model."""

from __future__ import annotations

import datetime as dt
import importlib
import zoneinfo
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import attrs

from dialog_core.agent.call import Call
from dialog_core.agent.tools import Tool
from dialog_core.call.guard import closing
from dialog_core.cascade.tools import run_tool
from dialog_core.errors import (
    LocalProtocolError,
    ProviderProtocolError,
    SettingsError,
    SettingsProblem,
)
from dialog_core.factory import Services
from dialog_core.fields import setting
from dialog_core.messages import Message, Prompt, Role, TextDelta, ToolCall, Utterance
from dialog_core.speech.history import Entry, History
from dialog_core.speech.prompt import new_prompt
from dialog_core.speech.sentences import still_there_in

__all__ = ["SPOKEN_STYLE", "ChatAgent", "ChatSettings"]

SPOKEN_STYLE = (
    "You are speaking on the telephone. Answer in one to three short sentences that are easy to follow by ear. "
    "Use no markdown, lists, headings, emojis or links. Write numbers, dates and amounts as words. "
    "If you do not know something, say so. Never claim to have done what no tool has confirmed."
)
"""Put behind the instructions, unless the settings say otherwise."""


def is_zone(_instance: object, _attribute: attrs.Attribute[str], value: str) -> None:
    """Check the name of a time zone."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"is no time zone, such as 'Europe/Paris': {value!r}") from error


@attrs.frozen
class ChatSettings:
    """Settings of the `chat` agent."""

    instructions: str = setting(
        default="You are a helpful assistant.", help="who the agent is and what it does"
    )
    greeting: str = setting(
        default="", help="spoken when the call begins; empty to let the caller begin"
    )
    silence: str | None = setting(
        default=None,
        help="spoken when the caller says nothing; the language's own unless set; may be empty",
    )
    spoken_style: bool = setting(
        default=True, help="add the rules for text that is heard, not read"
    )
    date: bool = setting(
        default=True, help="tell the model today's date and time when the call begins"
    )
    timezone: str = setting(
        default="UTC", check=is_zone, help="time zone of the date, such as Europe/Paris"
    )
    timestamps: bool = setting(
        default=False, help="prefix what the caller said with the time of day"
    )
    history: int = setting(
        default=40, at_least=2, help="messages of the conversation that the model is given"
    )
    tools: tuple[str, ...] = setting(
        default=(), help="functions the model may call, as module:function"
    )
    tool_timeout: float = setting(default=10.0, unit="s", above=0, help="how long a tool may take")
    tool_rounds: int = setting(
        default=5, at_least=1, help="how often in one reply the model may call tools"
    )


@attrs.define(eq=False)
class ChatAgent:
    """Answers with the call's language model. One object a call."""

    settings: ChatSettings
    services: Services
    tools: dict[str, Tool] = attrs.field(factory=dict)
    """By name."""
    _begun: dt.datetime | None = None

    @classmethod
    def of(
        cls,
        settings: ChatSettings,
        services: Services,
        functions: Sequence[Callable[..., Any]] = (),
    ) -> ChatAgent:
        """Build one, with functions of the application as tools besides those that the settings name."""
        named = [load_function(name) for name in settings.tools]
        tools = [Tool.of(function) for function in (*named, *functions)]
        return cls(settings, services, {tool.spec.name: tool for tool in tools})

    @property
    def greeting(self) -> str:
        """Spoken first."""
        return self.settings.greeting

    async def silence(self, _times: int, call: Call) -> AsyncIterator[str]:
        """Ask whether the caller is still there."""
        asked = self.settings.silence
        if text := still_there_in(call.language) if asked is None else asked:
            yield text

    async def reply(self, _turn: Utterance, call: Call) -> AsyncIterator[str]:
        """Answer from the history, which ends with the turn; run tools as the model asks for them.

        Raises: ProviderProtocolError if the caller is left without an answer.
        """
        if call.llm is None:
            raise LocalProtocolError(
                "the chat agent needs a language model; add an llm table to the agent"
            )
        inside: tuple[Message, ...] = ()
        spoken = False
        for round_ in range(self.settings.tool_rounds + 1):
            last = round_ == self.settings.tool_rounds
            prompt = self._prompt(call, inside, with_tools=not last)
            wanted: list[ToolCall] = []
            said = ""
            async with call.llm.generate(prompt) as answer, closing(answer) as items:
                async for item in items:
                    if isinstance(item, TextDelta):
                        said += item.text
                        yield item.text
                    elif isinstance(item, ToolCall):
                        wanted.append(item)
            spoken = spoken or bool(said.strip())
            if not wanted and not spoken and call.is_speechless:
                name = getattr(call.llm, "name", "model")
                raise ProviderProtocolError(name, "answered nothing", stage="llm")
            if not wanted:
                return
            if said and not said[-1].isspace():
                yield " "  # a whole sentence is spoken while the tools run
            results = await self._use_tools(wanted, call)
            call.did(Message(Role.ASSISTANT, tool_calls=tuple(wanted)), *results)
            inside = (*inside, Message(Role.ASSISTANT, said, tuple(wanted)), *results)

    async def _use_tools(self, wanted: Sequence[ToolCall], call: Call) -> list[Message]:
        """Run the tools one after the other; a result for each call, as the vendors demand."""
        results = []
        for tool_call in wanted:
            text = await run_tool(
                self.tools,
                tool_call,
                call,
                seconds=self.settings.tool_timeout,
                observe=self.services.observe,
            )
            results.append(Message(Role.TOOL, text, tool_call_id=tool_call.id))
        return results

    def _prompt(self, call: Call, inside: tuple[Message, ...], *, with_tools: bool) -> Prompt:
        """Instructions, the history as heard, and what went on inside this very reply."""
        entries = (entry for entry in call.history.entries if entry.reply != call.reply)
        if self.settings.timestamps:
            entries = (self._stamped(entry, call) for entry in entries)
        tools = [tool.spec for tool in self.tools.values()] if with_tools else []
        limit = max(2, self.settings.history - len(inside))
        prompt = new_prompt(
            self._instructions(call), History(tuple(entries)), limit=limit, tools=tools
        )
        return attrs.evolve(prompt, messages=(*prompt.messages, *inside))

    def _stamped(self, entry: Entry, call: Call) -> Entry:
        if entry.role is not Role.USER:
            return entry
        when = self._start(call) + dt.timedelta(seconds=entry.at)
        return attrs.evolve(entry, text=f"[{when:%H:%M:%S}] {entry.text}")

    def _start(self, call: Call) -> dt.datetime:
        """When the call began, in the settings' time zone."""
        if self._begun is None:
            zone = zoneinfo.ZoneInfo(self.settings.timezone)
            begun = self.services.clock.wall() - call.now
            self._begun = dt.datetime.fromtimestamp(begun, zone)
        return self._begun

    def _instructions(self, call: Call) -> str:
        parts = [self.settings.instructions]
        if self.settings.spoken_style:
            parts.append(SPOKEN_STYLE)
        parts.append(f"Speak the language {call.language}.")
        if self.settings.date:
            parts.append(
                f"It is {self._start(call):%A, %d %B %Y, %H:%M} ({self.settings.timezone})."
            )
        return "\n\n".join(parts)


def load_function(name: str) -> Callable[..., Any]:
    """A tool by its dotted name. Raises: SettingsError."""
    module, separator, attribute = name.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute) if separator else None
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            SettingsProblem("agent.tools", f"cannot load {name!r}: {error}")
        ) from error
    if not callable(function):
        message = f"{name!r} is not a function; write module:function"
        raise SettingsError(SettingsProblem("agent.tools", message))
    return function  # type: ignore[no-any-return]
