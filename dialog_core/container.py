"""The composition root: how a call's objects are made and joined. The only importer of ``dependency_injector``.

Everything from the process comes in by value: resolved objects, never providers. A provider that is overridden
remembers its overriders, so a call's container that held one of the process would be kept alive for ever.
"""

from __future__ import annotations

from typing import Any

from dependency_injector import containers, providers

from dialog_core.call.runner import CallParts
from dialog_core.engine.speech import SpeechEngine
from dialog_core.factory import Services
from dialog_core.plugins import Chosen
from dialog_core.protocols import BargeIn, Endpointer
from dialog_core.settings import ResolvedAgent, TurnSettings
from dialog_core.turns.state import TurnPolicy

__all__ = ["CallContainer"]


def build(chosen: Chosen[Any] | None, services: Services) -> Any:
    """Make a component; None for one that is not configured."""
    return None if chosen is None else chosen.build(services)


def names(agent: ResolvedAgent) -> dict[str, str]:
    """What each component is called, by kind."""
    return {kind: chosen.name for kind, chosen in agent.components()}


def new_policy(turns: TurnSettings, endpointer: Endpointer, barge_in: BargeIn) -> TurnPolicy:
    """The numbers of the settings and the two policies, as the machine wants them."""
    return TurnPolicy(
        endpointer=endpointer,
        barge_in=barge_in,
        patience=turns.patience,
        max_silence=turns.max_silence,
        settle=turns.settle,
        watchdog=turns.watchdog,
        first_audio=turns.first_audio,
        dead_air=turns.dead_air,
        longest_turn=turns.longest_turn,
        longest_hold=turns.longest_hold,
        idle_prompts=turns.idle_prompts,
        failures=turns.failures,
        give_up=turns.give_up,
        interruptible=frozenset(turns.interruptible),
        eager=turns.eager,
        eager_after=turns.eager_after,
        eager_most=turns.eager_most,
    )


class CallContainer(containers.DeclarativeContainer):
    """One call's objects; made when the line is answered, dropped when the call is over."""

    services = providers.Dependency(instance_of=Services)
    agent = providers.Dependency(instance_of=ResolvedAgent)
    engine = providers.Dependency(instance_of=SpeechEngine)
    line: providers.Dependency[Any] = providers.Dependency()
    sorry: providers.Dependency[Any] = providers.Dependency()
    swap: providers.Dependency[Any] = providers.Dependency()
    holding: providers.Dependency[Any] = providers.Dependency()

    stt = providers.Singleton(build, agent.provided.stt, services)
    tts = providers.Singleton(build, agent.provided.tts, services)
    llm = providers.Singleton(build, agent.provided.llm, services)
    answering = providers.Singleton(build, agent.provided.agent, services)
    endpointer = providers.Singleton(build, agent.provided.endpointer, services)
    barge_in = providers.Singleton(build, agent.provided.barge_in, services)
    diarizer = providers.Singleton(build, agent.provided.diarizer, services)
    policy = providers.Singleton(new_policy, agent.provided.turns, endpointer, barge_in)
    parts = providers.Singleton(
        CallParts,
        line=line,
        agent=answering,
        stt=stt,
        tts=tts,
        llm=llm,
        engine=engine,
        gate=agent.provided.gate,
        policy=policy,
        diarizer=diarizer,
        holding=holding,
        echo=agent.provided.turns.echo,
        sorry=sorry,
        language=agent.provided.language,
        text=agent.provided.text,
        providers=providers.Callable(names, agent),
        services=services,
        build=swap,
    )
