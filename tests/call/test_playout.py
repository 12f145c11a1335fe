"""From where the silence counts that a reply is to end."""

from __future__ import annotations

import pytest

from dialog_core.audio import TELEPHONE
from dialog_core.call.outbox import Outbox
from dialog_core.call.reply import Playout, ReplyTimes
from dialog_core.messages import SpeakText
from dialog_core.speech.ledger import Ledger, Piece
from dialog_core.testing.line import FakeLine

pytestmark = pytest.mark.anyio

ENDED, DECIDED = 2.0, 5.0


@pytest.mark.parametrize(
    ("sounds_from", "seconds", "began"),
    [(0.0, 1.0, ENDED), (1.0, 2.5, 3.5), (4.0, 2.0, DECIDED)],
    ids=["the caller was last", "the agent was last", "the agent still sounds"],
)
async def test_a_silence_counts_from_the_last_sound_of_either_until_the_decision(
    sounds_from: float, seconds: float, began: float
) -> None:
    ledger = Ledger(TELEPHONE)
    ledger.add(SpeakText(1, 0, "Hello there."))
    ledger.sent(Piece((1, 0), TELEPHONE.silence(seconds), protected=False), sounds_from)
    async with FakeLine().calling() as line:
        outbox = Outbox(line, ledger, lambda: DECIDED)
        playout = Playout(2, ReplyTimes(DECIDED), ledger, outbox, outbox.now, lambda _: None)
        assert playout.began == DECIDED
        playout.count_from(ENDED)
        assert playout.began == began
