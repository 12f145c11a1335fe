from __future__ import annotations

import anyio
import pytest
from dialog_together.testing import FakeTogether, SttFault
from dialog_together.testing_stage import hearing

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.errors import ProviderRejected, ProviderUnavailable
from dialog_core.observe.observations import Observation, ProviderTimed, Trouble
from dialog_core.testing.hearing import voiced
from dialog_core.turns.events import SpeechStarted, SpeechStopped

pytestmark = pytest.mark.anyio

PHRASE = "I would like a table"


def troubles(observed: list[Observation]) -> list[str]:
    return [each.what for each in observed if isinstance(each, Trouble)]


@pytest.mark.requirement("B.15")
async def test_one_socket_is_opened_with_the_call_and_serves_it_to_the_end() -> None:
    fake = FakeTogether(script=[PHRASE, "for two"])
    async with hearing(fake) as heard:
        await fake.until(lambda fake: fake.listening)
        assert not heard.call.at
        for _ in range(2):
            await heard.call.say(PHRASE)
            await heard.call.hush(1.5)
        assert await heard.call.hears(f"{PHRASE} for two")
    assert len(fake.listening) == 1


@pytest.mark.requirement("B.18")
async def test_audio_goes_out_while_it_comes_and_is_committed_at_the_callers_silence() -> None:
    fake = FakeTogether(script=[PHRASE])
    async with hearing(fake) as heard:
        await heard.call.hush(2.0)
        [connection] = fake.listening
        assert connection.ear.position == pytest.approx(2.0, abs=0.2)
        assert "input_audio_buffer.commit" not in connection.received
        await heard.call.say(PHRASE)
        silent_since = anyio.current_time()
        assert await heard.call.hears(PHRASE)
        assert anyio.current_time() - silent_since < 0.2
    assert connection.received.count("input_audio_buffer.commit") == 1


@pytest.mark.requirement("B.18")
async def test_if_the_final_text_is_late_the_last_partial_is_taken_after_200_ms() -> None:
    fake = FakeTogether(script=[PHRASE], faults=[SttFault(late=1.0)])
    async with hearing(fake) as heard:
        await heard.call.say(PHRASE)
        silent_since = anyio.current_time()
        assert await heard.call.until(lambda: heard.call.finals)
        assert anyio.current_time() - silent_since == pytest.approx(0.2)
        await heard.call.hush(2.0)
        assert heard.call.heard == PHRASE


@pytest.mark.requirement("B.18")
async def test_with_nothing_pending_nobody_waits() -> None:
    fake = FakeTogether()
    async with hearing(fake) as heard:
        await heard.call.sound(TELEPHONE.silence(0.5))
        await heard.call.hush(2.0)
        assert not heard.call.events
        assert not [each for each in heard.observed if isinstance(each, ProviderTimed)]


@pytest.mark.parametrize(
    "fault", [SttFault(nameless=True), SttFault(misplaced=True), SttFault(late=0.5, nameless=True)]
)
async def test_servers_that_write_otherwise_are_understood(fault: SttFault) -> None:
    fake = FakeTogether(script=[PHRASE, "for two"], faults=[fault])
    async with hearing(fake) as heard:
        for _ in range(2):
            await heard.call.say(PHRASE)
            await heard.call.hush(1.5)
        assert await heard.call.hears(f"{PHRASE} for two")


async def test_a_commit_that_is_never_answered_costs_no_words_and_no_connection() -> None:
    fake = FakeTogether(script=[PHRASE, "for two"], faults=[SttFault(unanswered=True)])
    async with hearing(fake) as heard:
        await heard.call.say(PHRASE)
        await heard.call.hush(6.0)
        assert heard.call.heard == PHRASE
    assert len(fake.listening) == 1


@pytest.mark.requirement("B.19")
async def test_when_the_caller_begins_to_speak_what_was_sent_before_is_cleared() -> None:
    fake = FakeTogether(script=["an echo of ours", PHRASE])
    async with hearing(fake) as heard:
        await heard.call.hush(3.0)
        await heard.call.say(PHRASE)
        await heard.call.hush(1.0)
    [connection] = fake.listening
    kinds = connection.received
    assert kinds.count("input_audio_buffer.clear") == 1
    assert kinds.index("input_audio_buffer.clear") >= 45
    assert kinds.index("input_audio_buffer.commit") > kinds.index("input_audio_buffer.clear")


@pytest.mark.requirement("B.19")
async def test_speech_that_was_noticed_late_is_heard_from_its_beginning() -> None:
    fake = FakeTogether(script=[PHRASE])
    async with hearing(fake) as heard:
        call = heard.call
        await call.hush(2.0)
        began = call.at
        audio = voiced(PHRASE, call.fmt)
        late = call.fmt.nbytes(0.06)
        await call.send(audio[:late])
        call.session.note(SpeechStarted(began))
        await call.send(audio[late:])
        call.session.note(SpeechStopped(call.at))
        assert await call.hears(PHRASE)
    [connection] = fake.listening
    assert "input_audio_buffer.clear" in connection.received


async def test_words_that_are_pending_are_not_cleared() -> None:
    fake = FakeTogether(script=[PHRASE])
    async with hearing(fake) as heard:
        call = heard.call
        audio = voiced(PHRASE, call.fmt)
        half = len(audio) // 2
        await call.send(audio[:half])
        await call.until(lambda: call.transcripts)
        call.session.note(SpeechStarted(0.0))
        await call.send(audio[half:])
        call.session.note(SpeechStopped(call.at))
        assert await call.hears(PHRASE)
    assert "input_audio_buffer.clear" not in fake.listening[0].received


@pytest.mark.requirement("B.20")
async def test_a_lost_connection_is_replaced_when_the_caller_speaks_and_not_before() -> None:
    fake = FakeTogether(script=[PHRASE], faults=[SttFault(drop_after=1.0)])
    async with hearing(fake) as heard:
        await heard.call.hush(8.0)
        assert len(fake.listening) == 1
        await heard.call.say(PHRASE)
        await heard.call.hush(1.5)
        assert await heard.call.hears(PHRASE)
    assert len(fake.listening) == 2


@pytest.mark.requirement("B.16")
async def test_a_handshake_without_an_answer_is_given_up_after_ten_seconds() -> None:
    fake = FakeTogether(script=[PHRASE], unanswered=1)
    async with hearing(fake) as heard:
        began = anyio.current_time()
        assert await heard.call.until(lambda: heard.call.error is not None, within=20.0)
        assert anyio.current_time() - began == pytest.approx(10.0)
    assert isinstance(heard.call.error, ProviderUnavailable)


@pytest.mark.requirement("D.16")
@pytest.mark.parametrize("fault", [SttFault(fatal_after=0.7), SttFault(gone_after=0.7)])
async def test_a_session_that_fails_in_the_middle_of_a_word_costs_no_words(fault: SttFault) -> None:
    fake = FakeTogether(script=[PHRASE], faults=[fault])
    async with hearing(fake) as heard:
        await heard.call.say(PHRASE)
        await heard.call.hush(2.0)
        assert await heard.call.hears(PHRASE)
    assert len(fake.listening) == 2


async def test_an_utterance_that_fails_keeps_the_session_and_its_partial() -> None:
    fake = FakeTogether(script=[PHRASE], faults=[SttFault(failing=True)])
    async with hearing(fake) as heard:
        await heard.call.say(PHRASE)
        await heard.call.hush(1.5)
        assert await heard.call.hears(PHRASE)
        assert "an utterance could not be transcribed" in troubles(heard.observed)
    assert len(fake.listening) == 1


async def test_a_vendor_that_fell_silent_is_asked_for_a_sign_of_life_and_given_up() -> None:
    fake = FakeTogether(script=[PHRASE * 4], faults=[SttFault(mute_after=0.1)])
    async with hearing(fake) as heard:
        await heard.call.sound(voiced("word " * 20, TELEPHONE))
        await heard.call.hush(1.0)
        assert len(fake.listening) == 2
    assert "echo" in fake.listening[0].received
    assert "connection lost, trying again" in troubles(heard.observed)


async def test_a_vendor_that_is_only_slow_to_understand_is_not_given_up() -> None:
    fake = FakeTogether(script=[])
    async with hearing(fake) as heard:
        await heard.call.sound(voiced("word " * 40, TELEPHONE))
        await heard.call.hush(1.0)
    assert len(fake.listening) == 1
    assert "echo" in fake.listening[0].received


async def test_a_model_that_is_not_served_is_refused_with_the_vendors_reason() -> None:
    fake = FakeTogether(script=[PHRASE])
    async with hearing(fake, model="acme/ear") as heard:
        assert await heard.call.until(lambda: heard.call.error is not None)
    assert isinstance(heard.call.error, ProviderRejected)
    assert "'acme/ear' is not available" in str(heard.call.error)
    assert len(fake.listening) == 1


async def test_the_vendor_may_cut_utterances_and_a_turn_may_have_several() -> None:
    fake = FakeTogether(script=["One two", "three four"])
    async with hearing(fake, turn_detection="server_vad", min_silence_duration_ms=300) as heard:
        call = heard.call
        call.session.note(SpeechStarted(0.0))
        for phrase in fake.script:
            await call.send(voiced(phrase, call.fmt))
            await call.hush(0.6)
        assert [final.text for final in call.finals] == ["One two", "three four"]
        call.session.note(SpeechStopped(call.at))
        await call.hush(1.0)
        assert len(call.finals) == 2
    assert "input_audio_buffer.clear" not in fake.listening[0].received


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
async def test_audio_is_sent_at_the_rate_that_was_promised(rate: int) -> None:
    fake = FakeTogether(script=[PHRASE])
    async with hearing(fake, AudioFormat(Encoding.ALAW, 8000), sample_rate=rate) as heard:
        await heard.call.say(PHRASE)
        await heard.call.hush(1.5)
        assert await heard.call.hears(PHRASE)
    [connection] = fake.listening
    assert sum(connection.sizes) == pytest.approx(3.0 * rate * 2, rel=0.02)
    assert max(connection.sizes) <= rate * 2


async def test_words_spoken_while_the_connection_was_lost_are_waited_for() -> None:
    lost_again = SttFault(drop_after=0.1)
    fake = FakeTogether(script=[PHRASE], faults=[SttFault(drop_after=1.1), lost_again, lost_again])
    async with hearing(fake) as heard:
        await heard.call.say(PHRASE)
        await heard.call.hush(3.0)
        assert await heard.call.hears(PHRASE)
        assert [each.text for each in heard.call.finals] == [PHRASE]
    assert len(fake.listening) == 4
