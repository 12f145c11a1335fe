"""What a voice does when its vendor fails."""

from __future__ import annotations

from contextlib import suppress

import pytest

from dialog_core.errors import ProviderError, ProviderRejected, ProviderUnavailable
from dialog_core.testing.contracts.contract import not_claimed, proves
from dialog_core.testing.contracts.door import Failure
from dialog_core.testing.contracts.kit import TtsAbility
from dialog_core.testing.contracts.tts_scene import SHORT, TEXTS, TtsScene

__all__ = ["TtsFailures"]

LONG = "This is a rather long sentence, which the voice is going to speak for several seconds at least. "


class TtsFailures(TtsScene):
    """A reply is whole, or it ends in a ProviderError: never in silence, and never without an end."""

    async def test_a_wrong_key_is_an_error(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage:
            stage.vendor.door.fail(Failure.REFUSED, times=None)
            async with self.session(stage) as session:
                reply = await self.speak(session, SHORT)
            assert isinstance(reply.error, ProviderRejected)
            assert reply.error.stage == "tts"

    @pytest.mark.parametrize("failure", [Failure.BUSY, Failure.DOWN, Failure.DROP, Failure.MUTE])
    async def test_a_vendor_that_is_gone_becomes_an_error_in_time(self, failure: Failure) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage:
            stage.vendor.door.fail(failure, times=None)
            async with self.session(stage) as session:
                began = stage.now()
                reply = await self.speak(session, SHORT)
                assert stage.now() - began <= self.kit.patience
            assert isinstance(reply.error, ProviderUnavailable)
            assert reply.error.stage == "tts"
            assert not reply.data

    @pytest.mark.parametrize("failure", [Failure.DROP, Failure.MUTE, Failure.DOWN])
    async def test_a_vendor_that_dies_while_speaking_becomes_an_error_in_time(
        self, failure: Failure
    ) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage, self.session(stage) as session:
            async with self.reply(session) as reply:
                await reply.say(LONG)
                assert await reply.sounds()
                stage.vendor.door.fail(failure, times=None)
                began = stage.now()
                with suppress(ProviderError):  # it may tell of the failure as well
                    await reply.voice.finish()
                await reply.over.wait()
                assert stage.now() - began <= self.kit.patience
            assert reply.error is not None
            assert 0 not in reply.lasts

    @proves(TtsAbility.RESUMES)
    async def test_a_connection_lost_while_speaking_costs_nothing(self) -> None:
        self.needs_a_vendor()
        if not self.claims(TtsAbility.RESUMES):
            not_claimed(TtsAbility.RESUMES)
        async with self.stage() as stage, self.session(stage) as session:
            async with self.reply(session) as reply:
                await reply.say(LONG)
                assert await reply.sounds()
                stage.vendor.door.fail(Failure.DROP)
                await reply.say(SHORT, 1)
                await reply.voice.finish()
                await reply.over.wait()
            assert reply.error is None
            assert reply.lasts == [0, 1]
            whole = self.kit.seconds_per_character or 0.0
            assert reply.seconds >= 0.9 * whole * len(LONG + SHORT)

    async def test_an_end_without_audio_is_an_error(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage, self.session(stage) as session:
            stage.vendor.door.fail(Failure.LYING, times=None)
            reply = await self.speak(session, SHORT)
            assert reply.error is not None
            assert not reply.lasts

    async def test_garbage_ends_in_an_error_or_in_the_whole_reply(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage, self.session(stage) as session:
            stage.vendor.door.fail(Failure.GARBAGE)
            reply = await self.speak(session, *TEXTS)
            if reply.error is None:
                self.check_whole(reply, TEXTS)

    async def test_a_slow_vendor_is_waited_for(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage, self.session(stage) as session:
            stage.vendor.door.fail(Failure.SLOW, seconds=1.0)
            reply = await self.speak(session, *TEXTS)
            self.check_whole(reply, TEXTS)

    async def test_after_a_failure_the_next_reply_is_spoken(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage:
            stage.vendor.door.fail(Failure.DOWN, times=None)
            async with self.session(stage) as session:
                failed = await self.speak(session, SHORT)
                assert failed.error is not None
                stage.vendor.door.mend()
                reply = await self.speak(session, *TEXTS, number=2)
                self.check_whole(reply, TEXTS)

    async def test_opening_does_not_fail_or_wait_because_the_vendor_is_away(self) -> None:
        self.needs_a_vendor()
        for failure in (Failure.MUTE, Failure.DOWN):
            async with self.stage() as stage:
                stage.vendor.door.fail(failure, times=None)
                began = stage.now()
                async with self.session(stage), self.session(stage):
                    assert stage.now() - began < 0.05  # noqa: PLR2004 - at once
