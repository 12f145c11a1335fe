"""The policies of a simulated call, by the names that a settings file has for them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import anyio
import attrs

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
from dialog_core.policies.stack import Stack
from dialog_core.policies.vote import Vote
from dialog_core.testing.simulate.plan import CallPlan
from dialog_core.turns.policy import Ask, BargeIn, Endpointer, Pause, Wait

__all__ = ["BARGE_INS", "ENDPOINTERS", "new_barge_in", "new_endpointer"]

FAILS = 0.1
"""How often a thinker fails, 0..1."""


@attrs.define
class Thinker:
    """An endpointer that takes its time: answers come soon, too late, or never, as a model's do."""

    dice: random.Random

    def judge(self, _pause: Pause) -> Ask:
        """Think about it."""
        return Ask(1.0)

    async def ask(self, _pause: Pause) -> Wait:
        """An opinion."""
        await anyio.sleep(self.dice.choice((0.1, 0.4, 0.8, 5.0)))
        if self.dice.random() < FAILS:
            raise ValueError("simulated: a plugin's mistake")
        return Wait(self.dice.choice((0.0, 0.5, 1.5)))


ENDPOINTERS: Mapping[str, Callable[[CallPlan], Endpointer]] = {
    "acoustic": lambda _: Acoustic(AcousticSettings()),
    "heuristic": lambda _: Heuristic(HeuristicSettings(language="en")),
    "adaptive": lambda _: Adaptive(AdaptiveSettings()),
    "provider": lambda _: Provider(ProviderSettings()),
    "thinker": lambda plan: Thinker(random.Random(f"{plan.seed}/thinker")),  # noqa: S311 - a simulation
}
BARGE_INS: Mapping[str, Callable[[CallPlan], BargeIn]] = {
    "hard-cut": lambda _: HardCut(HardCutSettings()),
    "soft-fade": lambda _: SoftFade(SoftFadeSettings()),
    "min-words": lambda _: MinWords(MinWordsSettings()),
    "backchannel": lambda _: Backchannel(BackchannelSettings(language="en")),
    "disabled": lambda _: Disabled(DisabledSettings()),
}


def new_endpointer(plan: CallPlan) -> Endpointer:
    """The plan's endpointer, or stack."""
    members = [ENDPOINTERS[name](plan) for name in plan.endpointer.split("+")]
    return members[0] if len(members) == 1 else Stack.of(members)


def new_barge_in(plan: CallPlan) -> BargeIn:
    """The plan's barge-in, or vote."""
    members = [BARGE_INS[name](plan) for name in plan.barge_in.split("+")]
    return members[0] if len(members) == 1 else Vote.of(members)
