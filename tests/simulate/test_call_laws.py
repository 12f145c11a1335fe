"""Each law of whole calls is broken by what it forbids: a good call is tampered with, and only that is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import attrs
import pytest

from dialog_core.errors import LocalProtocolError
from dialog_core.observe.observations import CallEnded, StepTaken, Trouble
from dialog_core.testing.line import Played
from dialog_core.testing.simulate import Budget, Lived, broken, dead_air, live
from dialog_core.testing.simulate.journal import ToolRun
from dialog_core.testing.simulate.loop import run_virtual
from dialog_core.testing.simulate.sound import FORMAT, WordSound, heard_in
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import BargeIn
from tests.simulate.test_calls import POLITE


def laws(lived: Lived) -> set[str]:
    return {breach.law for breach in broken(lived)}


def sounding_again(lived: Lived) -> Lived:
    """The carrier plays the interrupted reply again, much later."""
    cut = next(record for record in lived.records if isinstance(record, BargeIn))
    words = lived.tts.sound.words
    number = next(n for n, (reply, *_) in enumerate(words, 1) if reply == cut.reply)
    pair = number.to_bytes(2, "little") + (number ^ 0x5A5A).to_bytes(2, "little")
    lived.line.played.append(Played(lived.line.played[-1].start + 5, pair * 100))
    return lived


def exaggerating(lived: Lived) -> Lived:
    """The record of the interrupted reply claims all of it."""
    cut = next(record for record in lived.records if isinstance(record, BargeIn))
    said = " ".join(segment.text for segment in lived.tts.said[cut.reply])

    def lying(seen: Any) -> Any:
        if not isinstance(seen, StepTaken):
            return seen
        effects = tuple(
            Keep(attrs.evolve(cut, heard=said)) if effect == Keep(cut) else effect
            for effect in seen.effects
        )
        return attrs.evolve(seen, effects=effects)

    return attrs.evolve(lived, observed=tuple(map(lying, lived.observed)))


def forgetting(lived: Lived) -> Lived:
    history = lived.run.replies.history
    lived.run.replies.history = attrs.evolve(history, entries=history.entries[2:])
    return lived


def crashing(lived: Lived) -> Lived:
    trouble = Trouble(
        "simulated", "reply", "failed", "KeyError: 3 at dialog_core/call/replies.py:99"
    )
    seen = (*lived.observed, trouble)
    return attrs.evolve(lived, observed=seen, seen_at=(*lived.seen_at, 9.0))


def ending_twice(lived: Lived) -> Lived:
    ends = tuple(seen for seen in lived.observed if isinstance(seen, CallEnded))
    return attrs.evolve(
        lived, observed=(*lived.observed, *ends), seen_at=(*lived.seen_at, lived.seen_at[-1])
    )


def hasty(lived: Lived) -> Lived:
    lived.journal.ran.append(ToolRun(0.5, "look_up", 2))
    return lived


def boasting(lived: Lived) -> Lived:
    cut = next(record for record in lived.records if isinstance(record, BargeIn))
    lived.journal.promised.append((lived.tts.said[cut.reply][0].text, True))
    return lived


def clipping(lived: Lived) -> Lived:
    del lived.line.played[-8:]
    return lived


@pytest.mark.parametrize(
    ("tamper", "law"),
    [
        (sounding_again, "nothing sounds after a cut"),
        (sounding_again, "replies sound in order"),
        (exaggerating, "records tell what was heard"),
        (clipping, "a goodbye is heard"),
        (forgetting, "the history is what was said"),
        (crashing, "nothing of ours fails"),
        (ending_twice, "a call begins and ends once"),
        (hasty, "tools run for complete turns"),
        (boasting, "say tells the truth"),
        (lambda lived: attrs.evolve(lived, ended=None), "a call ends"),
        (lambda lived: attrs.evolve(lived, left=("read",)), "nothing lives after the call"),
    ],
)
def test_a_law_is_broken_by_what_it_forbids(tamper: Callable[[Lived], Lived], law: str) -> None:
    assert not laws(live(POLITE))
    assert law in laws(tamper(live(POLITE)))


def test_dead_air_counts_from_the_callers_words_and_within_replies() -> None:
    lived = live(POLITE)
    heard = heard_in(lived.line.played)
    gaps = list(dead_air(lived, heard))
    awaited = [gap for gap in gaps if gap.awaited]
    assert len(awaited) == 3
    assert all(0.3 < gap.seconds < 2.0 for gap in awaited)
    assert not broken(lived, budget=Budget(2.0))
    assert {breach.law for breach in broken(lived, budget=Budget(0.3))} == {
        "silence stays within the budget"
    }


def test_the_ear_tells_words_however_they_are_cut_and_hears_none_in_a_fade() -> None:
    sound = WordSound()
    audio = sound.make(1, 0, "one", 0.2) + sound.make(1, 0, "two", 0.1)
    pieces = [
        Played(1.0 + start / 2000, audio[start : start + 70]) for start in range(0, len(audio), 70)
    ]
    heard = [(each.number, round(each.start, 3), round(each.end, 3)) for each in heard_in(pieces)]
    assert heard == [(1, 1.0, 1.2), (2, 1.2, 1.3)]
    faded = bytes(each // 2 for each in audio)
    assert {each.number for each in heard_in([Played(0.0, faded)])} == {0}
    assert FORMAT.seconds(len(audio)) == pytest.approx(0.3)


async def stuck() -> None:
    await anyio.Event().wait()


def test_a_wait_that_nobody_ends_is_told() -> None:
    with pytest.raises(LocalProtocolError, match="every task waits"):
        run_virtual(stuck)
