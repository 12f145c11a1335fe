"""When the caller has finished, by their last words first and then by their voice.

::

    pause --> the words show that more is to come ("and", "my number is five"),
         |    or are the whole answer to what was asked ------------------------------> wait as the words say
         '--> ask the model, once a pause --> finished: `shortest`; else up to `longest`, the less sure the longer
                          '--> late or broken --> wait as the words say

The model hears hesitation but no grammar: "I would like to" said as if it were all, it takes for finished. So words
that end in an article, a conjunction, a digit and the like are believed without asking it.
"""

from __future__ import annotations

from functools import partial

import anyio
import attrs

from dialog_core.factory import Services
from dialog_core.models import model_folder
from dialog_core.observe.observations import Counted
from dialog_core.policies.endpointers import Heuristic, HeuristicSettings
from dialog_core.turns.policy import Ask, Pause, Wait
from dialog_smart_turn.files import FILE, SMART_TURN
from dialog_smart_turn.model import SECONDS, Judge, open_judge
from dialog_smart_turn.settings import SmartTurnSettings

__all__ = ["SmartTurn"]

TAIL_SECONDS = 0.2
"""Silence after the last voiced sample that the model is given; what it was measured with."""


@attrs.define(eq=False)
class SmartTurn:
    """See :class:`dialog_core.turns.policy.Endpointer`; one object a call."""

    settings: SmartTurnSettings
    services: Services
    wants_audio: float = SECONDS + TAIL_SECONDS
    _words: Heuristic = attrs.field(init=False)
    _turn: anyio.Lock = attrs.field(factory=anyio.Lock)
    _judged: tuple[float, float] | None = None
    """The latest pause that was judged, by its last voiced sample, and the probability."""

    @_words.default
    def _as_set(self) -> Heuristic:
        given = self.settings
        return Heuristic(
            HeuristicSettings(
                finished=given.finished,
                unsure=given.unsure,
                unfinished=given.unfinished,
                number=given.number,
                answered=given.answered,
                dictating=given.dictating,
                language=given.language,
            )
        )

    def judge(self, pause: Pause) -> Wait | Ask:
        """Believe words that show that more is to come, or that nothing is; else ask for time to listen."""
        look = self._words.look(pause)
        if self.settings.shortest < look.seconds <= self.settings.unsure:
            return Ask(look.seconds, "the voice is to tell")
        return Wait(look.seconds, look.reason)

    async def ask(self, pause: Pause) -> Wait:
        """Listen. Raises: SettingsError, PluginError if the model cannot be loaded; then the words decide."""
        probability = await self._probability(pause)
        if probability is None:
            return Wait(self._words.look(pause).seconds, "the voice was not judged in time")
        finished = probability >= self.settings.threshold
        reason = "the voice has finished" if finished else "the voice goes on"
        return Wait(wait_of(probability, self.settings), reason)

    async def warm(self) -> None:
        """Load the model. Raises: SettingsError if its file is missing, PluginError if it is broken."""
        await self._judge()

    async def _judge(self) -> Judge:
        settings = self.settings
        file = model_folder(SMART_TURN, settings.folder, key="endpointer.folder") / FILE
        key = ("smart-turn", str(file), settings.threads, settings.at_once)
        opening = partial(open_judge, file, threads=settings.threads, at_once=settings.at_once)
        return await self.services.shared.get(key, opening)

    async def _probability(self, pause: Pause) -> float | None:
        """That the caller has finished, judged once a pause; None if it is not known in time."""
        audio = pause.audio
        if audio is None:
            return None
        with anyio.move_on_after(self.settings.deadline):
            async with self._turn:
                if self._judged is None or self._judged[0] != pause.since:
                    judge = await self._judge()
                    self._judged = (pause.since, await judge.probability(audio(TAIL_SECONDS)))
                return self._judged[1]
        self.services.observe(Counted("", "turn judgements too late", 1))
        return None


def wait_of(probability: float, settings: SmartTurnSettings) -> float:
    """Seconds of silence that end the turn: `shortest` from the threshold on, `longest` at 0, linear in between."""
    doubt = max(0.0, 1 - probability / settings.threshold)
    return settings.shortest + doubt * (settings.longest - settings.shortest)
