"""What a recogniser does when its vendor fails."""

from __future__ import annotations

import pytest

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame
from dialog_core.errors import ProviderError, ProviderRejected, ProviderUnavailable
from dialog_core.testing.contracts.caller import Caller, same_words
from dialog_core.testing.contracts.contract import not_claimed, proves
from dialog_core.testing.contracts.door import Failure
from dialog_core.testing.contracts.kit import SttAbility, SttVendor
from dialog_core.testing.contracts.stt_scene import SttScene
from dialog_core.testing.hearing import spoken
from dialog_core.turns.events import SpeechStarted, SpeechStopped

__all__ = ["SttFailures"]

LATEST = 30.0
"""Seconds of speech in which a vendor that is gone must have become an error."""
LONG = "I would like a table for two people by the window on Friday evening at eight please"
"""About as much audio as recognisers keep for a lost connection: 5 s."""
QUIET_BEFORE = 30.0
"""Seconds of silence, more than any recogniser keeps."""


class SttFailures(SttScene):
    """Words are kept where they can be, and each failure that costs words becomes a ProviderError."""

    @proves(SttAbility.RECONNECTS)
    async def test_a_connection_lost_in_the_middle_of_a_word_costs_no_words(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage, self.call(stage) as call:
            audio = self.kit.says(self.phrase, call.fmt)
            half = call.fmt.nbytes(call.fmt.seconds(len(audio)) / 2)
            call.session.note(SpeechStarted(call.at))
            await call.send(audio[:half])
            stage.vendor.door.fail(Failure.DROP)
            await call.send(audio[half:])
            call.session.note(SpeechStopped(call.at))
            await call.hush(2.5)
            if self.claims(SttAbility.RECONNECTS):
                assert await call.hears(self.phrase)
                assert stage.vendor.door.opened > 1
            else:
                assert await call.until(lambda: call.error is not None, within=LATEST)

    @proves(SttAbility.RECONNECTS)
    @pytest.mark.parametrize("share", [0.5, 0.9])
    async def test_a_connection_lost_late_in_a_call_tells_a_long_sentence_once(
        self, share: float
    ) -> None:
        self.needs_a_vendor()
        if not self.claims(SttAbility.RECONNECTS):
            not_claimed(SttAbility.RECONNECTS)
        async with self.stage(LONG) as stage, self.call(stage) as call:
            audio = self.says_long(stage.vendor, call.fmt)
            await call.hush(QUIET_BEFORE)
            cut = call.fmt.nbytes(call.fmt.seconds(len(audio)) * share)
            call.session.note(SpeechStarted(call.at))
            await call.send(audio[:cut])
            stage.vendor.door.fail(Failure.DROP)
            await call.send(audio[cut:])
            call.session.note(SpeechStopped(call.at))
            await call.hush(3.0)
            assert await call.hears(LONG)
            await call.hush(3.0)
            assert same_words(call.heard, LONG)

    def says_long(self, vendor: SttVendor, fmt: AudioFormat) -> bytes:
        """The long sentence; where the fake can tell, as words that stay the same wherever a connection begins."""
        if vendor.will_spell is None or fmt != TELEPHONE:
            return self.kit.says(LONG, fmt)
        words = LONG.split()
        vendor.will_spell(*words)
        return b"".join(frame.data for frame in spoken(LONG, words))

    @proves(SttAbility.RECONNECTS)
    async def test_times_are_the_calls_own_after_a_reconnect(self) -> None:
        self.needs_a_vendor()
        if not self.claims(SttAbility.RECONNECTS):
            not_claimed(SttAbility.RECONNECTS)
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase)
            await call.hush(2.0)
            assert await call.hears(self.phrase)
            stage.vendor.door.fail(Failure.DROP)
            await call.hush(3.0)
            before, began = len(call.finals), call.at
            await call.say(self.phrase)
            ended = call.at
            await call.hush(2.5)
            assert await call.until(lambda: len(call.finals) > before)
            self.check_times(call, began, ended)

    @proves(SttAbility.RECONNECTS)
    @pytest.mark.parametrize("failure", [Failure.BUSY, Failure.DOWN, Failure.DROP])
    async def test_a_connection_that_fails_at_first_is_tried_again(self, failure: Failure) -> None:
        self.needs_a_vendor()
        if not self.claims(SttAbility.RECONNECTS):
            not_claimed(SttAbility.RECONNECTS)
        async with self.stage() as stage:
            stage.vendor.door.fail(failure)
            async with self.call(stage) as call:
                await call.say(self.phrase)
                await call.hush(3.0)
                assert await call.hears(self.phrase)

    async def test_a_wrong_key_is_an_error_at_once_and_not_tried_again(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage:
            stage.vendor.door.fail(Failure.REFUSED, times=None)
            async with self.call(stage) as call:
                await call.say(self.phrase)
                await call.hush(1.0)
                assert await call.until(lambda: call.error is not None)
                assert isinstance(call.error, ProviderRejected)
                assert call.error.stage == "stt"
            assert stage.vendor.door.opened == 1

    @pytest.mark.parametrize("failure", [Failure.DOWN, Failure.BUSY, Failure.DROP, Failure.MUTE])
    async def test_a_vendor_that_is_gone_becomes_an_error(self, failure: Failure) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage:
            stage.vendor.door.fail(failure, times=None)
            async with self.call(stage) as call:
                error = await self.speak_until_it_fails(call)
                assert isinstance(error, ProviderUnavailable)
                assert error.stage == "stt"
                call.session.feed(AudioFrame(call.at, call.fmt.silence(0.02)))

    async def speak_until_it_fails(self, call: Caller) -> ProviderError | None:
        """Talk without end."""
        while call.error is None and call.at < LATEST:
            await call.say(self.phrase)
            await call.hush(0.3)
        return call.error

    async def test_a_slow_vendor_changes_no_times(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage, self.call(stage) as call:
            stage.vendor.door.fail(Failure.SLOW, after=1, seconds=1.5)
            await call.hush(1.0)
            began = call.at
            await call.say(self.phrase)
            ended = call.at
            await call.hush(4.0)
            assert await call.hears(self.phrase)
            self.check_times(call, began, ended)

    async def test_garbage_is_survived_or_told(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage, self.call(stage) as call:
            stage.vendor.door.fail(Failure.GARBAGE, after=1)
            await call.say(self.phrase)
            await call.hush(3.0)
            assert await call.hears(self.phrase) or call.error is not None

    async def test_impossible_times_stay_within_the_call(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage:
            if stage.vendor.door.lie is None:
                pytest.skip("not applicable: the fake vendor cannot lie")
            stage.vendor.door.fail(Failure.LYING, times=None)
            async with self.call(stage) as call:
                await call.say(self.phrase)
                await call.hush(3.0)
                await call.until(lambda: call.finals)
                assert call.events or call.error is not None
                assert all(0 <= event.at <= call.at for event in call.events)
                for transcript in call.transcripts:
                    times = [transcript.started or 0.0, transcript.at]
                    times += [t for word in transcript.words for t in (word.start, word.end)]
                    assert all(0 <= time <= call.at for time in times)
