"""What a deployment tells of the words that were heard, while they are spoken and afterwards."""

from __future__ import annotations

import pytest
from dialog_deepgram.testing import FakeDeepgram

from dialog_core.messages import Transcript
from dialog_core.observe.observations import StepTaken
from dialog_core.turns.records import TurnComplete
from tests.scenarios.staging import VOICE, Vendors, World, open_world

pytestmark = pytest.mark.anyio

SAID = "What does a room cost?"


async def world_with_a_turn() -> World:
    async with open_world(Vendors(deepgram=FakeDeepgram(script=[SAID]))) as world:
        async with world.call() as phone:
            await phone.heard_speech()
            await phone.heard_silence(1.0)
            await phone.say(VOICE)
            await phone.heard_speech()
            await phone.heard_silence(1.0)
    return world


@pytest.mark.requirement("D.40")
async def test_interim_transcripts_are_observed_while_the_caller_speaks() -> None:
    world = await world_with_a_turn()
    events = [seen.event for seen in world.observed if isinstance(seen, StepTaken)]
    heard = [event for event in events if isinstance(event, Transcript) and event.text]
    interims = [each for each in heard if not each.final]
    assert interims
    assert all(SAID.startswith(each.text) for each in interims)
    assert [len(each.text) for each in interims] == sorted(len(each.text) for each in interims)
    assert heard.index(interims[-1]) < heard.index(next(each for each in heard if each.final))


@pytest.mark.requirement("D.36")
async def test_a_turn_keeps_its_words_and_how_sure_the_recogniser_was() -> None:
    world = await world_with_a_turn()
    (turn,) = [record.utterance for record in world.records if isinstance(record, TurnComplete)]
    (final,) = turn.transcripts
    assert final.confidence == pytest.approx(0.98)
    assert [word.text for word in final.words] == SAID.split()
    assert all(word.confidence == pytest.approx(0.98) for word in final.words)
    assert turn.started - 0.5 <= final.words[0].start <= final.words[-1].end <= turn.ended + 0.5
