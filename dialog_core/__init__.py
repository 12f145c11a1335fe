"""dialog: telephone voice agents, assembled from plugins.

The public names. Each is imported when it is first used, so that ``import dialog_core`` costs next to nothing and
pulls in neither a server nor numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialog_core.agent.agent import Agent, AgentExtras
    from dialog_core.agent.call import Call
    from dialog_core.agent.chat import ChatAgent, ChatSettings
    from dialog_core.agent.tools import Tool
    from dialog_core.app import new_app, serve
    from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, AudioOut, Encoding
    from dialog_core.errors import (
        DialogError,
        LineError,
        PluginError,
        ProviderError,
        ProviderProtocolError,
        ProviderRejected,
        ProviderUnavailable,
        SettingsError,
    )
    from dialog_core.factory import Factory, Services
    from dialog_core.fields import Secret, setting
    from dialog_core.hookspecs import hookimpl
    from dialog_core.line import Ability, Progress
    from dialog_core.messages import (
        Manner,
        Message,
        Prompt,
        Role,
        SpeakText,
        TextDelta,
        ToolCall,
        Transcript,
        Usage,
        Utterance,
        Word,
    )
    from dialog_core.net.app import CallServer
    from dialog_core.settings import Settings, load
    from dialog_core.speech.history import Entry, History
    from dialog_core.turns.expectation import (
        Anything,
        Date,
        Digits,
        Email,
        Expectation,
        PhoneNumber,
        Spelling,
        YesNo,
    )

__all__ = [
    "TELEPHONE",
    "Ability",
    "Agent",
    "AgentExtras",
    "Anything",
    "AudioFormat",
    "AudioFrame",
    "AudioOut",
    "Call",
    "CallServer",
    "ChatAgent",
    "ChatSettings",
    "Date",
    "DialogError",
    "Digits",
    "Email",
    "Encoding",
    "Entry",
    "Expectation",
    "Factory",
    "History",
    "LineError",
    "Manner",
    "Message",
    "PhoneNumber",
    "PluginError",
    "Progress",
    "Prompt",
    "ProviderError",
    "ProviderProtocolError",
    "ProviderRejected",
    "ProviderUnavailable",
    "Role",
    "Secret",
    "Services",
    "Settings",
    "SettingsError",
    "SpeakText",
    "Spelling",
    "TextDelta",
    "Tool",
    "ToolCall",
    "Transcript",
    "Usage",
    "Utterance",
    "Word",
    "YesNo",
    "hookimpl",
    "load",
    "new_app",
    "serve",
    "setting",
]

HOMES = {
    "agent.agent": ("Agent", "AgentExtras"),
    "agent.call": ("Call",),
    "agent.chat": ("ChatAgent", "ChatSettings"),
    "agent.tools": ("Tool",),
    "app": ("new_app", "serve"),
    "audio": ("TELEPHONE", "AudioFormat", "AudioFrame", "AudioOut", "Encoding"),
    "errors": (
        "DialogError",
        "LineError",
        "PluginError",
        "ProviderError",
        "ProviderProtocolError",
        "ProviderRejected",
        "ProviderUnavailable",
        "SettingsError",
    ),
    "factory": ("Factory", "Services"),
    "fields": ("Secret", "setting"),
    "hookspecs": ("hookimpl",),
    "line": ("Ability", "Progress"),
    "messages": (
        "Manner",
        "Message",
        "Prompt",
        "Role",
        "SpeakText",
        "TextDelta",
        "ToolCall",
        "Transcript",
        "Usage",
        "Utterance",
        "Word",
    ),
    "net.app": ("CallServer",),
    "settings": ("Settings", "load"),
    "speech.history": ("Entry", "History"),
    "turns.expectation": (
        "Anything",
        "Date",
        "Digits",
        "Email",
        "Expectation",
        "PhoneNumber",
        "Spelling",
        "YesNo",
    ),
}
"""Where each public name is defined."""


def __getattr__(name: str) -> object:
    for module, names in HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"dialog_core.{module}"), name)
    raise AttributeError(f"module 'dialog_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
