"""The core's own components, found through the same hooks as everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dialog_core.factory import Factory
from dialog_core.hookspecs import hookimpl
from dialog_core.observe.recorder import RECORDER
from dialog_core.observe.telling import LOG_OBSERVER
from dialog_core.policies.barge_in import (
    Backchannel,
    BackchannelSettings,
    Disabled,
    DisabledSettings,
    HardCut,
    HardCutSettings,
    MinWords,
    MinWordsSettings,
    SoftFade,
    SoftFadeSettings,
)
from dialog_core.policies.endpointers import (
    Acoustic,
    AcousticSettings,
    Adaptive,
    AdaptiveSettings,
    Heuristic,
    HeuristicSettings,
    Provider,
    ProviderSettings,
)
from dialog_core.policies.semantic import Semantic, SemanticSettings
from dialog_core.policies.semantic import warm as warm_semantic
from dialog_core.policies.vad import ENERGY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dialog_core.agent.agent import Agent
    from dialog_core.observe.observations import Observer
    from dialog_core.protocols import BargeIn, Endpointer, SpeechModel

__all__: list[str] = []


@hookimpl
def dialog_endpointer() -> Iterable[Factory[Any, Endpointer]]:
    """Silence, words, the caller's rhythm, the recogniser's verdict, or a language model's."""
    return (
        Factory("acoustic", AcousticSettings, lambda settings, _: Acoustic(settings)),
        Factory("heuristic", HeuristicSettings, lambda settings, _: Heuristic(settings)),
        Factory("adaptive", AdaptiveSettings, lambda settings, _: Adaptive(settings)),
        Factory("provider", ProviderSettings, lambda settings, _: Provider(settings)),
        Factory("semantic", SemanticSettings, Semantic.of, warm_semantic),
    )


@hookimpl
def dialog_barge_in() -> Iterable[Factory[Any, BargeIn]]:
    """Stop at once, fade first, never, or by what is said."""
    return (
        Factory("hard-cut", HardCutSettings, lambda settings, _: HardCut(settings)),
        Factory("soft-fade", SoftFadeSettings, lambda settings, _: SoftFade(settings)),
        Factory("disabled", DisabledSettings, lambda settings, _: Disabled(settings)),
        Factory("min-words", MinWordsSettings, lambda settings, _: MinWords(settings)),
        Factory("backchannel", BackchannelSettings, lambda settings, _: Backchannel(settings)),
    )


@hookimpl
def dialog_vad() -> Iterable[Factory[Any, SpeechModel]]:
    """The energy detector, which needs nothing."""
    return (ENERGY,)


@hookimpl
def dialog_agent() -> Iterable[Factory[Any, Agent]]:
    """Chat over any language model."""
    from dialog_core.agent.chat import ChatAgent, ChatSettings  # noqa: PLC0415 - only who chats pays for it

    return (Factory("chat", ChatSettings, ChatAgent.of, needs=frozenset({"llm"})),)


@hookimpl
def dialog_observer() -> Iterable[Factory[Any, Observer]]:
    """The log, and recordings of what the turn machine was told."""
    return (LOG_OBSERVER, RECORDER)
