"""A vote of barge-in policies: `barge_in = ["silero", "backchannel"]`.

All are asked. An interruption needs the consent of every one; the most careful answer counts::

    somebody says Ignore                    it was a backchannel
    somebody says Continue                  go on; ask again when the first of them wants to be asked
    all say Cut                             an interruption
    some say Cut, Duck or Hold,             fade, and hold until it is clear: both ways are still open
        the others at least doubt
    all doubt                               go on; ask again

Among equals the first in the order of the settings file gives the fade and the reason. So a quick voice detector stops
the agent at once, a phrase list has the time to say that it was only "mhm", and the reply resumes.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dialog_core.turns.policy import (
    BargeIn,
    Continue,
    Cut,
    Decision,
    Doubt,
    Duck,
    Hold,
    Ignore,
    Overlap,
)

__all__ = ["Vote"]


@attrs.frozen
class Vote:
    """Barge-in policies that decide together."""

    members: tuple[BargeIn, ...]

    @classmethod
    def of(cls, members: Sequence[BargeIn]) -> Vote:
        """In this order."""
        return cls(tuple(members))

    def judge(self, overlap: Overlap) -> Decision:
        """The most careful of the answers."""
        answers = [member.judge(overlap) for member in self.members]
        for answer in answers:
            if isinstance(answer, Ignore):
                return answer
        objections = [answer for answer in answers if isinstance(answer, Continue)]
        doubts = [answer for answer in answers if isinstance(answer, Doubt)]
        if objections or len(doubts) == len(answers):
            reason = (objections or doubts)[0].reason
            return Continue(earliest(answers, overlap), reason)
        if all(isinstance(answer, Cut) for answer in answers):
            return answers[0]
        if not overlap.sounding:
            return Continue(reason="they did not agree before it was over")
        return self._hold(answers, overlap)

    def _hold(self, answers: Sequence[Decision], overlap: Overlap) -> Duck | Hold:
        """Stop, but so that it can be undone."""
        again = earliest(answers, overlap)
        for answer in answers:
            if isinstance(answer, Duck | Hold):
                return attrs.evolve(answer, again=answer.again if again is None else again)
        reason = next(answer.reason for answer in answers if isinstance(answer, Doubt))
        assert again is not None, "who doubts wants to be asked again"
        return Duck(again, reason=reason)


def earliest(answers: Sequence[Decision], overlap: Overlap) -> float | None:
    """When the first of them wants to be asked again, in seconds of voice; None if nobody does."""
    times = (getattr(answer, "again", None) for answer in answers)
    return min((at for at in times if at is not None and at > overlap.voiced), default=None)
