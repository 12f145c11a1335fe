"""One scripted telephone conversation that can be held with any line, recogniser, voice and model that bring a kit.

::

    agent   Good morning, Spoke and Chain.
    caller  where is my order
            (the model looks the order up)
    agent   It is with the courier. It will be at your --
    caller  wait what will that cost me
    agent   Nothing at all.
    caller  thank you that is all
            (the model ends the call)
    agent   Thank you for calling. Goodbye.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import attrs
from starlette.types import ASGIApp

from dialog_core.agent.call import Call
from dialog_core.app import new_app
from dialog_core.audio import TELEPHONE
from dialog_core.messages import ToolCall
from dialog_core.net.app import CallServer
from dialog_core.net.shared import SharedResources
from dialog_core.observe.observations import CallEnded, Observation, StepTaken, Trouble
from dialog_core.plugins import Plugins
from dialog_core.settings import Settings, load
from dialog_core.testing.contracts import Answer, Door, LlmKit, SttKit, TtsKit
from dialog_core.testing.contracts.kit import nowhere
from dialog_core.testing.phones import Phone
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import Record
from tests.scenarios.catalogue import Combination, title

__all__ = [
    "GOODBYE",
    "GREETING",
    "ORDER",
    "QUESTION",
    "REMARK",
    "REPLY",
    "STATUS",
    "THANKS",
    "Conversation",
    "find_order",
    "hang_up",
    "hold",
]

GREETING = "Good morning, Spoke and Chain."
QUESTION = "where is my order"
ORDER = "4711"
STATUS = "It is with the courier. It will be at your front door tomorrow, some time before noon."
REMARK = "wait what will that cost me"
REPLY = "Nothing at all."
THANKS = "thank you that is all"
GOODBYE = "Thank you for calling. Goodbye."

AGENT, HOST = "shop", "shop.example.com"
STT, TTS, LLM = "stt.example.com", "tts.example.com", "llm.example.com"
PATIENCE = 120.0
"""Seconds after which a conversation that has not ended never will."""
PAUSE = 0.5
"""Seconds of silence after which the caller takes the agent's reply for complete; it has none so long inside."""
BEFORE_INTERRUPTING = 1.8
"""Seconds of the status that the caller listens to."""
CLOSING_SECONDS = 5.0
"""In which every connection to a vendor must be closed after the server has stopped."""


# --- the agent ------------------------------------------------------------------------------------------------------


def find_order(number: str, call: Call) -> str:
    """Look up where an order is.

    number: the order's number
    """
    looked_up = call.metadata.get("looked_up", "")
    call.update_metadata(looked_up=f"{looked_up} {number}".strip())
    return "with the courier, arriving tomorrow before noon, nothing to pay"


async def hang_up(call: Call) -> None:
    """End the call once everything has been said."""
    await call.hang_up()


TOOLS = [f"{__name__}:{tool.__name__}" for tool in (find_order, hang_up)]
ANSWERS = (
    Answer(calls=(ToolCall("call_1", find_order.__name__, json.dumps({"number": ORDER})),)),
    Answer(STATUS),
    Answer(REPLY),
    Answer(calls=(ToolCall("call_2", hang_up.__name__, "{}"),)),
    Answer(GOODBYE),
)


# --- the deployment -------------------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Conversation:
    """What came of it."""

    phone: Phone
    server: CallServer
    doors: Mapping[str, Door]
    observed: Sequence[Observation]
    prompts: Sequence[Mapping[str, object]]
    """Bodies of the requests to the model."""
    moments: dict[str, float] = attrs.field(factory=dict)
    """When the caller began to say something, on their audio clock."""
    tasks_left: int = 0
    """Tasks that outlived the server."""

    @property
    def records(self) -> list[Record]:
        """What became true, in order."""
        steps = (seen for seen in self.observed if isinstance(seen, StepTaken))
        return [
            effect.record for step in steps for effect in step.effects if isinstance(effect, Keep)
        ]

    @property
    def troubles(self) -> list[Trouble]:
        """What failed or was refused."""
        return [seen for seen in self.observed if isinstance(seen, Trouble)]

    @property
    def endings(self) -> list[CallEnded]:
        """The ends of calls."""
        return [seen for seen in self.observed if isinstance(seen, CallEnded)]

    def sounded(self, since: float, until: float) -> float:
        """Seconds of the agent's audio that the phone played between two moments."""
        pieces = ((max(at, since), min(at + len(a) / 8000, until)) for at, a in self.phone.played)
        return sum(max(0.0, end - start) for start, end in pieces)


def settings_of(combination: Combination, folder: Path) -> Settings:
    """An agent made of these parts, as a settings file would name them."""
    file = folder / "dialog.toml"
    file.write_text("", "utf-8")
    agent = {"use": "chat", "greeting": GREETING, "tools": TOOLS}
    # the caller is a tone, which a detector that knows voices would not hear
    tables: dict[str, object] = {"agent": agent, "voip": named(combination.voip), "vad": "energy"}
    for host, kit in ((STT, combination.stt), (TTS, combination.tts), (LLM, combination.llm)):
        tables[kit.kind] = {**named(kit), **address(kit, host)}
    overrides: list[tuple[str, object]] = [("server.public_url", f"https://{HOST}")]
    overrides += [(f"agents.{AGENT}.{kind}", table) for kind, table in tables.items()]
    return load(file, environ={}, overrides=overrides, plugins=plugins())


@cache
def plugins() -> Plugins:
    """What is installed; read once, because metadata are slow to read."""
    return Plugins()


def named(kit: Any) -> dict[str, object]:
    """A component's table."""
    return {"use": kit.name, **kit.table}


def address(kit: SttKit | TtsKit | LlmKit, host: str) -> Mapping[str, object]:
    """Settings that point a component at a host of ours, so that two of one vendor do not meet at the vendor's."""
    if not isinstance(kit, LlmKit) and kit.local:
        return {}
    assert kit.at is not nowhere, f"{title(kit)}: its kit does not say how to point it at a vendor"
    return kit.at(f"https://{host}")


@asynccontextmanager
async def on_the_phone(combination: Combination, folder: Path) -> AsyncIterator[Conversation]:
    """A whole deployment in memory, and somebody who has called it."""
    carrier = combination.voip.carrier()
    stt, tts, llm = (combination.stt.vendor(), combination.tts.vendor(), combination.llm.vendor())
    stt.will_hear(QUESTION, REMARK, THANKS)
    llm.will_answer(*ANSWERS)
    doors = {STT: stt.door, TTS: tts.door, LLM: llm.door}
    settings = settings_of(combination, folder)
    base = f"https://{HOST}/{AGENT}/{settings.agents[AGENT].voip.name}"
    observed: list[Observation] = []
    apps: dict[str, ASGIApp] = {**carrier.apps, **doors}
    async with in_memory(apps, observe=observed.append) as services:
        before = len(anyio.get_running_tasks())
        server = new_app(settings, services=services, observe=observed.append)
        apps[HOST] = server
        async with server.running(), carrier.serving(services, base):
            async with carrier.call() as phone:
                held = Conversation(phone, server, doors, observed, ())
                yield held
        held.prompts = tuple(llm.requests())
        assert isinstance(services.shared, SharedResources)
        await services.shared.close()
        with anyio.move_on_after(CLOSING_SECONDS):
            for door in doors.values():
                await door.empty()
        await anyio.wait_all_tasks_blocked()
        held.tasks_left = len(anyio.get_running_tasks()) - before


# --- the caller -----------------------------------------------------------------------------------------------------


async def hold(combination: Combination, folder: Path) -> Conversation:
    """Hold the conversation. folder: for the settings file."""
    words = {text: combination.stt.says(text, TELEPHONE) for text in (QUESTION, REMARK, THANKS)}
    with anyio.fail_after(PATIENCE):
        async with on_the_phone(combination, folder) as held:
            phone = held.phone

            async def say(text: str) -> None:
                held.moments[text] = phone.now
                await phone.say(words[text])

            await phone.heard_speech()
            await phone.heard_silence(PAUSE)
            await say(QUESTION)
            await phone.heard_speech()
            await phone.silent(BEFORE_INTERRUPTING)
            await say(REMARK)
            await phone.heard_speech()
            await phone.heard_silence(PAUSE)
            await say(THANKS)
            await phone.over()
    return held
