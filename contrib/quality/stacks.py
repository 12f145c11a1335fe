"""The policies that are measured. Each is made anew for a clip, as for a call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import attrs
from dialog_silero.policies import SileroBargeIn, SileroEndpointer
from dialog_smart_turn.endpointer import SmartTurn
from dialog_smart_turn.files import FILE, SMART_TURN
from dialog_smart_turn.model import SmartTurnModel
from dialog_smart_turn.settings import SmartTurnSettings

from contrib.quality.corpus import Clip
from dialog_core.audio import Sound
from dialog_core.messages import Prompt, TextDelta
from dialog_core.models import default_folder
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
)
from dialog_core.policies.semantic import Semantic, SemanticSettings
from dialog_core.policies.stack import Stack
from dialog_core.policies.vote import Vote
from dialog_core.testing.simulate.run import quiet_services
from dialog_core.turns.policy import BargeIn, Endpointer, Pause, Wait

__all__ = ["BARGE_INS", "DEFAULT_BARGE_IN", "DEFAULT_ENDPOINTER", "ENDPOINTERS", "NO_BARGE_IN"]

JUDGEMENT = 0.045
"""Seconds that smart-turn takes, as measured on one thread."""
OPINION = 0.35
"""Seconds that the language model of `semantic` takes: an ordinary hosted one."""


@attrs.define
class Judge:
    """The real smart-turn model, whose time is set; asked once about each piece of audio."""

    model: SmartTurnModel | None = None
    _known: dict[bytes, float] = attrs.field(factory=dict)

    async def probability(self, sound: Sound) -> float:
        if sound.data not in self._known:
            if self.model is None:
                folder = default_folder() / SMART_TURN.name
                self.model = SmartTurnModel(folder / FILE, threads=1)
            self._known[sound.data] = self.model.probability(sound)
        await anyio.sleep(JUDGEMENT)
        return self._known[sound.data]


@attrs.frozen
class OneJudge:
    """The process's shared model."""

    judge: Judge

    async def get(
        self,
        key: Hashable,  # noqa: ARG002 - the protocol's signature
        open_: Callable[[], AbstractAsyncContextManager[Any]],  # noqa: ARG002 - as above
    ) -> Any:
        return self.judge


JUDGE = Judge()


def smart_turn(_clip: Clip) -> Endpointer:
    """With the real model."""
    return SmartTurn(SmartTurnSettings(), quiet_services(OneJudge(JUDGE)))


@attrs.define
class Oracle:
    """A language model that is always right, after a while: it knows the clip."""

    clip: Clip
    silent_since: float = 0.0

    @asynccontextmanager
    async def generate(self, _prompt: Prompt) -> AsyncIterator[AsyncIterator[TextDelta]]:
        yield self._answer()

    async def _answer(self) -> AsyncIterator[TextDelta]:
        await anyio.sleep(OPINION)
        finished = self.silent_since > self.clip.ended - 0.1
        yield TextDelta("finished" if finished else "unfinished")


@attrs.frozen
class Knowing:
    """`semantic`, whose model is told which pause it is asked about."""

    semantic: Semantic
    oracle: Oracle

    def judge(self, pause: Pause) -> Any:
        return self.semantic.judge(pause)

    async def ask(self, pause: Pause) -> Wait:
        self.oracle.silent_since = pause.since
        return await self.semantic.ask(pause)


def semantic(clip: Clip) -> Endpointer:
    """With a model that is always right."""
    oracle: Any = Oracle(clip)
    settings = SemanticSettings(llm=oracle)
    return Knowing(Semantic(settings, oracle, settings.heuristic()), oracle)


def heuristic(_clip: Clip) -> Endpointer:
    """By words alone."""
    return Heuristic(HeuristicSettings())


def stacked(*makes: Callable[[Clip], Endpointer]) -> Callable[[Clip], Endpointer]:
    """The caller's rhythm first."""
    return lambda clip: Stack.of([Adaptive(AdaptiveSettings()), *(make(clip) for make in makes)])


ENDPOINTERS: dict[str, Callable[[Clip], Endpointer]] = {
    "acoustic": lambda _: Acoustic(AcousticSettings()),
    "silero": lambda _: SileroEndpointer(),
    "heuristic": heuristic,
    "semantic (model always right)": semantic,
    "smart-turn": smart_turn,
    "adaptive, heuristic": stacked(heuristic),
    "adaptive, smart-turn": stacked(smart_turn),
}
DEFAULT_ENDPOINTER = "adaptive, heuristic"


def vote(*members: BargeIn) -> Callable[[], BargeIn]:
    """Policies that decide together; one alone decides alone."""
    return lambda: members[0] if len(members) == 1 else Vote.of(members)


def hard_cut(after: float | None = None) -> HardCut:
    """After its default, unless said."""
    return HardCut(HardCutSettings() if after is None else HardCutSettings(after=after))


BACKCHANNEL = Backchannel(BackchannelSettings())
BARGE_INS: dict[str, Callable[[], BargeIn]] = {
    "disabled": vote(Disabled(DisabledSettings())),
    "hard-cut": vote(hard_cut()),
    "soft-fade": vote(SoftFade(SoftFadeSettings())),
    "min-words": vote(MinWords(MinWordsSettings())),
    "silero": vote(SileroBargeIn()),
    "backchannel": vote(BACKCHANNEL),
    "silero, backchannel": vote(SileroBargeIn(), BACKCHANNEL),
    "hard-cut 0.15, backchannel": vote(hard_cut(0.15), BACKCHANNEL),
}
DEFAULT_BARGE_IN = "hard-cut 0.15, backchannel"
NO_BARGE_IN = BARGE_INS["disabled"]
