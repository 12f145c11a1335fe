from __future__ import annotations

from typing import Any

import pytest
from dialog_deepgram.rehearsal import FLUX, VOCABULARY, calling, pass_time
from dialog_deepgram.testing import FakeDeepgram

from dialog_core.messages import Transcript
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped, TurnResumed

pytestmark = pytest.mark.anyio


def fake(**options: Any) -> FakeDeepgram:
    return FakeDeepgram(vocabulary=VOCABULARY, **options)


@pytest.mark.requirement("A.12")
async def test_a_turn_is_shown_as_a_whole_then_settled_and_ended() -> None:
    async with calling(fake(), model=FLUX) as call:
        await call.say("I want to cancel", silence=1.5)
        await call.rest()
        interims = [each.text for each in call.transcripts if not each.final]
        assert all("I want to cancel".startswith(text) for text in interims)
        assert len(set(interims)) == len(interims)
        assert call.said == "I want to cancel"
        assert isinstance(call.events[-1], EndOfTurn)
        assert call.events[-1].sure


async def test_an_eager_guess_is_made_and_taken_back() -> None:
    async with calling(fake(), model=FLUX, eager_eot_threshold=0.4) as call:
        await call.say("I want", silence=0.3)
        await call.say("to cancel", silence=1.5)
        await call.rest()
        verdicts = [each for each in call.events if isinstance(each, EndOfTurn | TurnResumed)]
        kinds = [getattr(each, "sure", None) for each in verdicts]
        assert kinds == [False, None, False, True]
        assert call.said == "I want to cancel"


async def test_the_words_of_an_eager_guess_come_before_it() -> None:
    async with calling(fake(), model=FLUX, eager_eot_threshold=0.4) as call:
        await call.say("I want", silence=1.5)
        await call.rest()
        guess = next(i for i, each in enumerate(call.events) if isinstance(each, EndOfTurn))
        before = [each for each in call.events[:guess] if isinstance(each, Transcript)]
        assert before[-1].text == "I want"


async def test_turns_follow_each_other_without_mixing() -> None:
    async with calling(fake(), model=FLUX) as call:
        await call.say("I want", silence=1.5)
        await call.say("my order", silence=1.5)
        await call.rest()
        assert [each.text for each in call.finals] == ["I want", "my order"]
        assert call.finals[1].started == pytest.approx(2.1, abs=0.05)


async def test_a_line_that_stalls_in_a_turn_is_fed_silence_so_that_the_turn_ends() -> None:
    server = fake()
    async with calling(server, model=FLUX) as call:
        await call.murmur("I want to cancel")
        await call.rest(5.0)
        assert call.said == "I want to cancel"
        assert isinstance(call.events[-1], EndOfTurn)
        assert call.events[-1].at == pytest.approx(call.at, abs=0.05)
        sent = server.connections[0].seconds
        await pass_time(20.0)
        assert server.connections[0].seconds == sent


async def test_neither_keepalive_nor_finalize_is_sent() -> None:
    server = fake()
    async with calling(server, model=FLUX) as call:
        await call.say("I want", silence=1.5)
        await pass_time(8.0)
    assert server.connections[0].kinds() == ["CloseStream"]


async def test_the_vendors_voice_detection_is_reported_on_request() -> None:
    async with calling(fake(), model=FLUX, voice_events=True) as call:
        await call.say("I want", silence=1.5)
        await call.rest()
        voice = [each for each in call.events if isinstance(each, SpeechStarted | SpeechStopped)]
        assert [round(each.at, 1) for each in voice] == [0.0, 0.5]
