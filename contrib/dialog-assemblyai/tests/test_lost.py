"""What becomes of words when a session is lost in the middle of them."""

from __future__ import annotations

import anyio
import attrs
import pytest
from dialog_core import TELEPHONE, AudioFormat, Transcript, Word
from dialog_core.protocols import SttEvent
from dialog_core.resilience.replay import ReplayBuffer
from dialog_core.testing.contracts import Door, Failure, SttContract, SttVendor
from dialog_core.testing.hearing import spoken

from dialog_assemblyai.testing import FakeAssemblyAI, kits
from dialog_assemblyai.words import Words

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


@pytest.mark.parametrize("gone", [0.05, 0.15, 0.2, 0.25, 0.35])
async def test_a_word_whose_beginning_is_gone_is_settled_and_its_rest_is_not_sent_again(
    gone: float,
) -> None:
    send, receive = anyio.create_memory_object_stream[SttEvent](4)
    audio = ReplayBuffer(TELEPHONE, seconds=1.0 - gone)
    words = Words(send, audio)
    for frame in spoken("one two", WORDS, word=0.4, pause=0.1):
        audio.push(frame)
        audio.take()
    first, second = Word("one", 0.0, 0.4), Word("two", 0.5, 0.9)
    with send, receive:
        await words.tell(Transcript(0.9, "one two", final=False, words=(first, second)))
        await words.renew()
        told = [receive.receive_nowait() for _ in range(receive.statistics().current_buffer_used)]
    audio.rewind()
    again = audio.take()

    assert [(each.text, each.final) for each in told if isinstance(each, Transcript)] == [
        ("one two", False),
        ("one", True),
    ]
    assert again is not None
    assert again.at == pytest.approx(0.4)
