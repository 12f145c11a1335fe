from __future__ import annotations

import pytest
from dialog_silero.policies import (
    BargeInSettings,
    EndpointerSettings,
    SileroBargeIn,
    SileroEndpointer,
)

from dialog_core.turns.policy import Continue, Cut, Overlap, Pause, Wait

THREE_WINDOWS = 3 * 0.032


def test_the_turn_ends_after_the_silence_of_the_settings() -> None:
    endpointer = SileroEndpointer(EndpointerSettings(silence=0.7))
    assert endpointer.judge(Pause(0.1, "yes please", settled=True)) == Wait(0.7)


def test_words_that_are_not_settled_get_a_little_longer() -> None:
    assert SileroEndpointer().judge(Pause(0.1, "yes plea", settled=False)) == Wait(0.7)


@pytest.mark.anyio
async def test_asking_gives_the_same_answer() -> None:
    assert await SileroEndpointer().ask(Pause(0.1, "yes", settled=True)) == Wait(0.5)


@pytest.mark.requirement("B.11")
@pytest.mark.parametrize(
    ("overlap", "decision"),
    [
        (Overlap(0.0, sounding=True, probability=0.9), Continue(again=THREE_WINDOWS)),
        (Overlap(0.064, sounding=True, probability=0.9), Continue(again=THREE_WINDOWS)),
        (Overlap(THREE_WINDOWS, sounding=True, probability=0.85), Cut()),
        (Overlap(THREE_WINDOWS, sounding=True, probability=0.84), Continue()),
        (Overlap(0.3, sounding=False, probability=0.99), Cut()),
        (Overlap(0.064, sounding=False, probability=0.99), Continue()),
        (Overlap(0.3, sounding=True, probability=0.7, text="no"), Continue()),
        (Overlap(0.3, sounding=True, probability=0.7, text="no wait"), Cut()),
        (Overlap(0.3, sounding=False, probability=0.7, text="no wait"), Cut()),
    ],
)
def test_three_sure_windows_or_two_words_interrupt(
    overlap: Overlap, decision: Continue | Cut
) -> None:
    assert SileroBargeIn().judge(overlap) == decision


def test_words_can_be_left_out() -> None:
    policy = SileroBargeIn(BargeInSettings(words=0))
    assert policy.judge(Overlap(0.3, sounding=True, probability=0.7, text="no wait")) == Continue()
