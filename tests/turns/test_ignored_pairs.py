"""Which events change nothing in which phase, but for what the notes keep: silence is a decision."""

from __future__ import annotations

from typing import get_args

from dialog_core.messages import Transcript
from dialog_core.turns import events as ev
from dialog_core.turns.machine import TRANSITIONS
from dialog_core.turns.state import Phase

NOTED = (ev.ReplyWithdrawn, ev.EndFailed, ev.Shielded, ev.AnswerExpected)
"""Of no account where no reply is live, or no end was tried; what is expected is only remembered."""
OF_A_REPLY = (ev.ReplyAudible, ev.MarkReached, ev.ReplyPlayed, ev.ReplyFailed, ev.DeadAir)
VERDICTS = (ev.EndOfTurn, ev.TurnResumed, ev.EndpointJudged)
IGNORED: dict[Phase, set[type]] = {
    Phase.IDLE: {ev.SpeechStopped, *VERDICTS, *OF_A_REPLY, *NOTED},
    Phase.HEARING: {
        ev.SpeechStarted, Transcript, ev.TurnResumed, ev.EndpointJudged, ev.ReplyWanted,
        ev.Keypress, *OF_A_REPLY, *NOTED,
    },
    Phase.ENDPOINTING: {ev.ReplyWanted, ev.Keypress, *OF_A_REPLY, *NOTED},
    Phase.THINKING: {
        ev.SpeechStopped, *VERDICTS, ev.ReplyWanted, ev.Keypress, ev.MarkReached, ev.EndFailed,
        ev.Shielded, ev.AnswerExpected,
    },
    Phase.SPEAKING: {
        ev.SpeechStopped, *VERDICTS, ev.ReplyWanted, ev.Keypress, ev.ReplyAudible, ev.EndFailed,
        ev.AnswerExpected,
    },
    Phase.OVERLAP: {
        *VERDICTS, ev.ReplyWanted, ev.Keypress, ev.ReplyAudible, ev.EndFailed, ev.AnswerExpected,
        ev.DeadAir,
    },
    Phase.CLOSED: {*get_args(ev.Event)} - {ev.EndFailed},
}  # fmt: skip


def test_every_pair_is_in_the_table_or_ignored_on_purpose() -> None:
    for phase in Phase:
        missing = {kind for kind in get_args(ev.Event) if (phase, kind) not in TRANSITIONS}
        assert missing == IGNORED[phase], phase
