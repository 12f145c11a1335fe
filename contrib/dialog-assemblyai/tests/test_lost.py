"""What becomes of words when a session is lost in the middle of them."""

from __future__ import annotations

import attrs
import pytest
from dialog_core import TELEPHONE, AudioFormat
from dialog_core.testing.contracts import Door, Failure, SttContract, SttVendor
from dialog_core.testing.hearing import spoken

from dialog_assemblyai.testing import FakeAssemblyAI, kits

pytestmark = pytest.mark.anyio
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
"""Five and a half seconds; a session keeps two."""


def vendor() -> SttVendor:
    """A fake that hears the very words that were said, wherever the audio was cut."""
    fake = FakeAssemblyAI(vocabulary=WORDS)
    return SttVendor(Door(fake.app), lambda *_phrases: None, fake.languages)


def says(phrase: str, _fmt: AudioFormat) -> bytes:
    return b"".join(frame.data for frame in spoken(phrase, WORDS, word=0.4, pause=0.1))


class Long(SttContract):
    """Not collected: only its stage and its call are used."""

    __test__ = False
    kit = attrs.evolve(kits()[0], vendor=vendor, says=says, formats=(TELEPHONE,))


async def test_no_word_of_a_long_utterance_is_lost_or_said_twice() -> None:
    test = Long()
    async with test.stage() as stage, test.call(stage) as call:
        stage.vendor.door.fail(Failure.DROP, after=9)
        await call.say(" ".join(WORDS))
        await call.hush(2.0)

        assert await call.hears(" ".join(WORDS))
        assert stage.vendor.door.opened == 2
        assert len(call.finals) == 2


async def test_words_that_we_settled_are_not_told_again_when_the_answer_is_late() -> None:
    test = Long()
    async with test.stage() as stage, test.call(stage) as call:
        await call.say("one two three")
        stage.vendor.door.fail(Failure.SLOW, seconds=2.0)
        await call.hush(4.0)
        await call.say("four five")
        await call.hush(2.0)

        assert await call.hears("one two three four five")
        assert stage.vendor.door.opened == 1
