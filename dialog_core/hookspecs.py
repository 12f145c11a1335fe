"""Every hook. Hooks are asked once, at start-up, which components exist; none is called during a call.

All take no argument and return frozen values, and must be plain functions: an ``async def`` is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

from dialog_core.factory import Factory

if TYPE_CHECKING:
    import click

    from dialog_core.agent.agent import Agent
    from dialog_core.models import ModelSet
    from dialog_core.observe.observations import Observer
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

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "dialog"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def dialog_voip() -> Iterable[Factory[Any, VoIP]]:
    """Ways for calls to arrive: a phone carrier, SIP, a browser."""
    return ()


@hookspec
def dialog_stt() -> Iterable[Factory[Any, SpeechToText]]:
    """Streaming speech-to-text."""
    return ()


@hookspec
def dialog_tts() -> Iterable[Factory[Any, TextToSpeech]]:
    """Streaming text-to-speech."""
    return ()


@hookspec
def dialog_endpointer() -> Iterable[Factory[Any, Endpointer]]:
    """Who decides that the caller has finished. Asked only when they fall silent."""
    return ()


@hookspec
def dialog_barge_in() -> Iterable[Factory[Any, BargeIn]]:
    """Who decides what the caller's speech during a reply means. Asked only while both sound."""
    return ()


@hookspec
def dialog_vad() -> Iterable[Factory[Any, SpeechModel]]:
    """Speech probability for a batch of windows."""
    return ()


@hookspec
def dialog_llm() -> Iterable[Factory[Any, LanguageModel]]:
    """Streaming language models."""
    return ()


@hookspec
def dialog_diarizer() -> Iterable[Factory[Any, Diarizer]]:
    """Who is speaking. Asked after a turn; labels are filled in afterwards and nobody waits for them."""
    return ()


@hookspec
def dialog_agent() -> Iterable[Factory[Any, Agent]]:
    """Ready-made agents. An application's own agent is named by its dotted path instead."""
    return ()


@hookspec
def dialog_observer() -> Iterable[Factory[Any, Observer]]:
    """Receivers of observations, in batches."""
    return ()


@hookspec
def dialog_models() -> Iterable[ModelSet]:
    """Model files that do not come with a package; ``dialogctl models fetch`` brings them."""
    return ()


@hookspec
def dialog_commands(cli: click.Group) -> None:
    """Add commands to the command line."""
