"""The policies that are measured, each made of the real factories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import attrs

from dialog_core.policies.barge_in import (
    Backchannel, BackchannelSettings, Disabled, DisabledSettings, HardCut, HardCutSettings,
    MinWords, MinWordsSettings, SoftFade, SoftFadeSettings,
)  # fmt: skip
from dialog_core.policies.endpointers import (
    Acoustic, AcousticSettings, Adaptive, AdaptiveSettings, Heuristic, HeuristicSettings,
)  # fmt: skip
from dialog_core.policies.stack import Stack
from dialog_core.policies.vote import Vote
from dialog_core.turns.policy import BargeIn, Endpointer
from dialog_silero.policies import SileroBargeIn, SileroEndpointer

__all__ = ["BARGE_INS", "ENDPOINTERS"]

ENDPOINTERS: dict[str, Callable[[], Endpointer]] = {
    "acoustic": lambda: Acoustic(AcousticSettings()),
    "silero": SileroEndpointer,
    "heuristic": lambda: Heuristic(HeuristicSettings()),
    "adaptive, heuristic": lambda: Stack.of(
        [Adaptive(AdaptiveSettings()), Heuristic(HeuristicSettings())]
    ),
}
BARGE_INS: dict[str, Callable[[], BargeIn]] = {
    "hard-cut": lambda: HardCut(HardCutSettings()),
    "soft-fade": lambda: SoftFade(SoftFadeSettings()),
    "min-words": lambda: MinWords(MinWordsSettings()),
    "backchannel": lambda: Backchannel(BackchannelSettings()),
    "silero": SileroBargeIn,
    "disabled": lambda: Disabled(DisabledSettings()),
    "hard-cut, backchannel": lambda: Vote.of(
        [HardCut(HardCutSettings()), Backchannel(BackchannelSettings())]
    ),
    "hard-cut .15, backchannel": lambda: Vote.of(
        [HardCut(HardCutSettings(0.15)), Backchannel(BackchannelSettings())]
    ),
    "silero, backchannel": lambda: Vote.of([SileroBargeIn(), Backchannel(BackchannelSettings())]),
}
