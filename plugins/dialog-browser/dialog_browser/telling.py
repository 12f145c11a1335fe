"""What happens in a call, as messages for its page (pure)."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dialog_browser.protocol import (
    BargeIn,
    Done,
    Speaking,
    Thinking,
    ToPage,
)
from dialog_browser.protocol import Transcript as Told
from dialog_core.messages import Transcript
from dialog_core.observe.observations import Observation, StepTaken
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns import records

__all__ = ["Teller"]


@attrs.define(eq=False)
class Teller:
    """Follows one call."""

    ending: str = ""
    """Why the agent's side ended the call; empty while it did not."""
    _turn: int = 1
    _settled: list[str] = attrs.field(factory=list)
    """The caller's settled words of this turn."""
    _reply: int = 0
    _heard: list[str] = attrs.field(factory=list)
    """What has been heard of the reply."""

    def tell(self, observation: Observation) -> Iterator[ToPage]:
        """The messages that an observation makes."""
        if not isinstance(observation, StepTaken):
            return
        yield from self._event(observation.event)
        for effect in observation.effects:
            match effect:
                case ef.StartReply(reply=reply, eager=False) | ef.ConfirmReply(reply=reply):
                    self._reply, self._heard = reply, []
                    yield Thinking(reply)
                case ef.Keep(record=record):
                    yield from self._record(record)
                case ef.EndCall(reason=reason):
                    self.ending = reason

    def _event(self, event: object) -> Iterator[ToPage]:
        match event:
            case Transcript(text=text, final=final):
                if final:
                    self._settled.append(text.strip())
                words = [*self._settled, *([] if final else [text.strip()])]
                if said := " ".join(filter(None, words)):
                    yield Told("caller", self._turn, said)
            case ev.ReplyAudible(reply=reply):
                yield Speaking(reply)
            case ev.MarkReached(reply=reply, text=text) if reply == self._reply:
                self._heard.append(text)
                yield Told("agent", reply, "".join(self._heard).strip())

    def _record(self, record: object) -> Iterator[ToPage]:
        match record:
            case records.TurnComplete(utterance=utterance):
                yield Told("caller", self._turn, utterance.text, final=True)
                self._turn += 1
                self._settled.clear()
            case records.Said(reply=reply, heard=heard):
                yield Told("agent", reply, heard, final=True)
                yield Done(reply, heard)
            case records.BargeIn(reply=reply, heard=heard):
                yield Told("agent", reply, heard, final=True)
                yield BargeIn(reply, heard)
            case records.BrokenOff(reply=reply, heard=heard):
                yield Told("agent", reply, heard, final=True)
                yield Done(reply, heard, complete=False)
            case records.TakenBack(reply=reply):
                self._turn = max(1, self._turn - 1)
                yield Done(reply, "", complete=False)
