"""The core's own components, found through the same hooks as everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dialog_core.factory import Factory
from dialog_core.hookspecs import hookimpl
from dialog_core.observe.telling import LOG_OBSERVER
from dialog_core.policies.barge_in import (
    Disabled,
    DisabledSettings,
    HardCut,
    HardCutSettings,
    SoftFade,
    SoftFadeSettings,
)
from dialog_core.policies.endpointers import (
    Acoustic,
    AcousticSettings,
    Heuristic,
    HeuristicSettings,
    Provider,
    ProviderSettings,
)
from dialog_core.policies.vad import ENERGY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dialog_core.agent.agent import Agent
    from dialog_core.observe.observations import Observer
    from dialog_core.protocols import BargeIn, Endpointer, SpeechModel

__all__: list[str] = []


@hookimpl
def dialog_endpointer() -> Iterable[Factory[Any, Endpointer]]:
    """Silence, silence and words, or the recogniser's verdict."""
    return (
        Factory("acoustic", AcousticSettings, lambda settings, _: Acoustic(settings)),
        Factory("heuristic", HeuristicSettings, lambda settings, _: Heuristic(settings)),
        Factory("provider", ProviderSettings, lambda settings, _: Provider(settings)),
    )


@hookimpl
def dialog_barge_in() -> Iterable[Factory[Any, BargeIn]]:
    """Stop at once, fade first, or never."""
    return (
        Factory("hard-cut", HardCutSettings, lambda settings, _: HardCut(settings)),
        Factory("soft-fade", SoftFadeSettings, lambda settings, _: SoftFade(settings)),
        Factory("disabled", DisabledSettings, lambda settings, _: Disabled(settings)),
    )


@hookimpl
def dialog_vad() -> Iterable[Factory[Any, SpeechModel]]:
    """The energy detector, which needs nothing."""
    return (ENERGY,)


@hookimpl
def dialog_agent() -> Iterable[Factory[Any, Agent]]:
    """Chat over any language model."""
    from dialog_core.agent.chat import ChatAgent, ChatSettings  # noqa: PLC0415 - only who chats pays for it

    return (Factory("chat", ChatSettings, ChatAgent.of),)


@hookimpl
def dialog_observer() -> Iterable[Factory[Any, Observer]]:
    """The log."""
    return (LOG_OBSERVER,)
