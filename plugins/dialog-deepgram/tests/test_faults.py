from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from dialog_deepgram.rehearsal import FLUX, VOCABULARY, Call, calling, pass_time
from dialog_deepgram.testing import FakeDeepgram, Fault

from dialog_core.errors import ProviderRejected, ProviderUnavailable
from dialog_core.observe.observations import Trouble
from dialog_core.turns.events import EndOfTurn, SpeechStarted, TurnResumed

pytestmark = pytest.mark.anyio

SENTENCE = "I want to cancel my old order and then buy a new red bicycle"
GONE = Fault(refuse=503)


def fake(*faults: Fault, **options: Any) -> FakeDeepgram:
    return FakeDeepgram(vocabulary=VOCABULARY, faults=faults, **options)


async def failure(call: Call) -> Exception:
    """The error that the events end with."""
    with pytest.raises((ProviderRejected, ProviderUnavailable)) as caught:
        await call.rest(60)
    return caught.value


# --- losing the connection -------------------------------------------------------------------------------------------


@pytest.mark.requirement("A.26", "D.15")
@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.9, 1.3, 2.0, 2.31, 2.9, 3.3, 4.0, 4.2])
@pytest.mark.parametrize("model", ["nova-3", FLUX])
async def test_no_word_is_lost_or_said_twice_when_the_connection_is(
    seconds: float, model: str
) -> None:
    server = fake(Fault(drop_after=seconds))
    async with calling(server, model=model) as call:
        await call.say(SENTENCE, silence=3.0)
        await call.rest(3.0)
        assert call.said == SENTENCE
        assert len(server.connections) == 2


@pytest.mark.requirement("D.15")
async def test_audio_spoken_while_nobody_answers_is_recognised_afterwards() -> None:
    server = fake(Fault(drop_after=0.9), GONE, GONE)
    async with calling(server) as call:
        await call.say(SENTENCE, silence=3.0)
        await call.rest(3.0)
        assert call.said == SENTENCE
        assert len(server.connections) == 4


@pytest.mark.requirement("D.15")
async def test_what_a_mute_connection_was_sent_too_long_ago_is_counted() -> None:
    async with calling(fake(Fault(mute_after=0.0)), first_result=4.0) as call:
        await call.say(SENTENCE, word=0.3, silence=3.0)
        await call.rest(3.0)
        missed = call.counted("deepgram frames not repeated") * 0.02
        assert missed == pytest.approx(2.0, abs=0.3)


@pytest.mark.requirement("D.15")
async def test_new_connections_are_spaced_by_doubling_waits_from_100_ms() -> None:
    opened: list[float] = []
    server = fake(*[GONE] * 20)
    async with calling(server, reconnect_tries=7, reconnect_window=60.0) as call:
        clock = call.services.clock
        seen = 0
        while len(opened) < 8:
            await pass_time(0.01)
            if len(server.connections) > seen:
                seen = len(server.connections)
                opened.append(clock.monotonic())
    gaps = [later - earlier for earlier, later in pairwise(opened)]
    for gap, least in zip(gaps, (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 4.0), strict=True):
        assert least - 0.011 <= gap <= min(least * 1.25, 5.0) + 0.011


@pytest.mark.requirement("D.15")
async def test_times_stay_on_the_calls_clock_after_a_new_connection() -> None:
    async with calling(fake(Fault(drop_after=1.9))) as call:
        await call.say(SENTENCE, silence=3.0)
        await call.rest(3.0)
        words = [word for each in call.finals for word in each.words]
        assert [word.text for word in words] == SENTENCE.split()
        for index, word in enumerate(words):
            assert word.start == pytest.approx(index * 0.3, abs=0.15)


@pytest.mark.requirement("B.20")
async def test_an_idle_line_gets_its_new_connection_with_the_next_audio() -> None:
    server = fake(Fault(close_after=2.07))
    async with calling(server) as call:
        await call.say("I want", silence=1.5)
        await pass_time(60.0)
        assert len(server.connections) == 1
        call.at += 60.0
        await call.say("to cancel", silence=1.0)
        await call.rest()
        assert len(server.connections) == 2
        assert call.said == "I want to cancel"


async def test_a_buffer_that_overflows_drops_the_oldest_and_counts_it() -> None:
    server = fake(GONE, GONE)
    async with calling(server, reconnect_first=1.5, reconnect_tries=9, reconnect_window=60) as call:
        await call.hush(6.0)
        await call.murmur("I want", silence=6.0)
        await call.rest()
        assert call.said == "I want"
        lost = call.counted("deepgram frames dropped")
        assert lost > 0
        sent = server.connections[-1].seconds
        assert lost * 0.02 + sent == pytest.approx(call.at, abs=0.1)


async def test_an_eager_end_of_turn_is_taken_back_when_its_connection_is_lost() -> None:
    server = fake(Fault(drop_after=0.9))
    async with calling(server, model=FLUX, eager_eot_threshold=0.4) as call:
        await call.say("I want", silence=3.0)
        await call.rest()
        verdicts = [each for each in call.events if isinstance(each, EndOfTurn | TurnResumed)]
        assert [getattr(each, "sure", None) for each in verdicts] == [False, None, False, True]
        assert call.said == "I want"


# --- a vendor that is there but does not work -------------------------------------------------------------------------


async def test_speech_without_any_result_means_a_dead_connection() -> None:
    server = fake(Fault(mute_after=0.0))
    async with calling(server, replay=10.0) as call:
        await call.say(SENTENCE, silence=6.0)
        await call.rest()
        assert len(server.connections) == 2
        assert call.said == SENTENCE


async def test_a_vendor_that_stays_mute_is_given_up() -> None:
    server = fake(*[Fault(mute_after=0.0)] * 20)
    async with calling(server) as call:
        call.session.note(SpeechStarted(0.0))
        await call.murmur("I want", silence=40.0)
        error = await failure(call)
        assert isinstance(error, ProviderUnavailable)
        assert len(server.connections) <= 6


async def test_a_mute_vendor_is_no_fault_while_nobody_speaks() -> None:
    server = fake(Fault(mute_after=0.0))
    async with calling(server) as call:
        await call.hush(60.0)
        assert len(server.connections) == 1


@pytest.mark.parametrize("model", ["nova-3", FLUX])
async def test_garbage_costs_the_connection_and_no_word(model: str) -> None:
    server = fake(Fault(garbage_after=1.0))
    async with calling(server, model=model) as call:
        await call.say(SENTENCE, silence=3.0)
        await call.rest(3.0)
        assert call.said == SENTENCE
        assert call.counted("deepgram malformed messages") == 1
        assert len(server.connections) == 2


@pytest.mark.parametrize("model", ["nova-3", FLUX])
async def test_times_that_cannot_be_true_cost_no_word(model: str) -> None:
    server = fake(Fault(lying=True))
    async with calling(server, model=model) as call:
        await call.say(SENTENCE, silence=3.0)
        await call.rest(3.0)
        assert call.said == SENTENCE
        assert all(0 <= event.at <= call.at for event in call.events)


async def test_an_unknown_message_is_reported_once_and_skipped() -> None:
    server = fake(Fault(first='{"type": "Brandnew", "x": 1}'))
    async with calling(server) as call:
        await call.say("I want", silence=1.0)
        await call.rest()
        troubles = [each for each in call.observed if isinstance(each, Trouble)]
        assert [each.detail for each in troubles] == ["Brandnew"]
        assert call.said == "I want"


async def test_what_the_vendor_complains_of_is_reported() -> None:
    complaint = '{"type": "Error", "variant": "SchemaError", "description": "could not parse"}'
    async with calling(fake(Fault(first=complaint))) as call:
        await pass_time(0.5)
        troubles = [each for each in call.observed if isinstance(each, Trouble)]
        assert [each.detail for each in troubles] == ["SchemaError: could not parse"]


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("A.12")
@pytest.mark.parametrize("status", [400, 401, 402, 403])
async def test_a_refusal_is_final_and_has_the_vendors_reason(status: int) -> None:
    server = fake(*[Fault(refuse=status)] * 3)
    async with calling(server) as call:
        error = await failure(call)
        assert isinstance(error, ProviderRejected)
        assert error.status == status
        assert "refused by a test" in str(error)
        assert error.request_id
        assert len(server.connections) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_too_many_calls_and_an_outage_are_tried_again(status: int) -> None:
    server = fake(Fault(refuse=status), Fault(refuse=status))
    async with calling(server) as call:
        await call.say("I want", silence=2.0)
        await call.rest()
        assert call.said == "I want"


@pytest.mark.requirement("A.12", "D.15")
async def test_an_outage_that_lasts_ends_the_events_with_the_error() -> None:
    server = fake(*[GONE] * 50)
    async with calling(server) as call:
        error = await failure(call)
        assert isinstance(error, ProviderUnavailable)
        assert len(server.connections) == 6


async def test_words_known_when_the_vendor_is_given_up_are_not_lost() -> None:
    server = fake(Fault(drop_after=1.0), *[GONE] * 50)
    async with calling(server) as call:
        await call.murmur("I want to cancel", silence=0.0)
        await failure(call)
        assert call.said == "I want to"


async def test_wrong_credentials_are_refused_by_the_fake() -> None:
    async with calling(fake(key="another")) as call:
        error = await failure(call)
        assert "INVALID_AUTH" in str(error)


async def test_flux_that_never_says_connected_is_tried_again() -> None:
    server = fake(Fault(unready=True))
    async with calling(server, model=FLUX, connect_timeout=1.0) as call:
        await call.say("I want", silence=3.0)
        await call.rest()
        assert len(server.connections) == 2
        assert call.said == "I want"


@pytest.mark.requirement("B.16")
async def test_a_handshake_without_an_answer_is_given_up_after_ten_seconds() -> None:
    server = fake(Fault(unanswered=True))
    async with calling(server, reconnect_window=30.0) as call:
        await pass_time(9.9)
        assert len(server.connections) == 1
        await pass_time(0.4)
        assert len(server.connections) == 2
        await call.say("I want", silence=1.0)
        await call.rest()
        assert call.said == "I want"
