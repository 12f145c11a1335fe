"""What every recogniser must do."""

from __future__ import annotations

import anyio
import anyio.abc
import pytest

from dialog_core.audio import AudioFormat, AudioFrame, Encoding
from dialog_core.call.clock import SystemClock
from dialog_core.errors import SettingsError
from dialog_core.testing.contracts.caller import calling, same_words
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.contract import calls_counted, memory_of
from dialog_core.testing.contracts.door import Failure
from dialog_core.testing.contracts.kit import SttVendor
from dialog_core.testing.contracts.stage import Stage, awaits_of, on_sockets
from dialog_core.testing.contracts.stt_abilities import SttAbilities
from dialog_core.testing.contracts.stt_failures import SttFailures
from dialog_core.testing.contracts.stt_scene import AT_ONCE
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped

__all__ = ["SttContract"]

CALLS_PER_SECOND = 8000
"""Python functions that a second of audio may call, the vendor's answers included: about 1 ms."""
BYTES_PER_SESSION = 400_000
UNLIKELY = AudioFormat(Encoding.PCM16, 12345)


class SttContract(SttAbilities, SttFailures):
    """Subclass it with a kit to test a speech-to-text component."""

    # --- life cycle

    async def test_a_session_opens_and_closes_without_a_word(self) -> None:
        async with self.stage() as stage, stage.new().open(self.kit.formats[0]):
            await anyio.lowlevel.checkpoint()

    async def test_a_component_can_be_opened_again(self) -> None:
        async with self.stage() as stage:
            stt = stage.new()
            for _ in range(2):
                async with calling(
                    stt, self.kit, stage.services.clock, self.kit.formats[0]
                ) as call:
                    await call.say(self.phrase)
                    await call.hush(1.5)
                    assert await call.hears(self.phrase)

    async def test_two_calls_at_once_do_not_hear_each_other(self) -> None:
        async with self.stage() as stage, self.call(stage) as one, self.call(stage) as other:
            await other.hush(1.0)
            await one.say(self.phrase)
            await one.hush(1.5)
            assert await one.hears(self.phrase)
            assert not other.finals

    async def test_opening_does_not_wait_for_the_vendor(self) -> None:
        self.needs_a_vendor()
        async with self.stage() as stage:
            stage.vendor.door.fail(Failure.MUTE, times=None)
            began = stage.now()
            async with stage.new().open(self.kit.formats[0]):
                assert stage.now() - began < AT_ONCE

    async def test_cancelled_at_any_await_it_leaves_nothing_running(self) -> None:
        async with self.stage() as stage:
            assert await awaits_of(stage, lambda: self.ordinary_call(stage)) > 1

    @real_loop
    async def test_it_reaches_a_vendor_on_a_real_socket(self) -> None:
        self.needs_a_vendor()
        vendor = self.kit.vendor()
        vendor.will_hear(*self.kit.phrases)
        fmt = self.kit.formats[0]
        async with (
            on_sockets(self.kit, vendor) as stt,
            calling(stt, self.kit, SystemClock(), fmt) as call,
        ):
            call.in_time = False
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)

    # --- recognition

    async def test_a_phrase_is_settled_once_in_every_format(self, fmt: AudioFormat) -> None:
        async with self.stage() as stage, self.call(stage, fmt) as call:
            await call.hush(0.5)
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)
            await call.hush(1.0)
            assert same_words(call.heard, self.phrase)

    async def test_phrases_are_settled_in_their_order(self) -> None:
        first, second = self.kit.phrases
        async with self.stage() as stage, self.call(stage) as call:
            for phrase in (first, second):
                await call.say(phrase)
                await call.hush(1.5)
            assert await call.hears(f"{first} {second}")
            times = [each.at for each in call.finals]
            assert times == sorted(times)

    async def test_other_formats_are_refused_at_once_or_taken(self) -> None:
        async with self.stage() as stage:
            try:
                async with self.call(stage, UNLIKELY) as call:
                    await call.say(self.phrase)
                    await call.hush(1.5)
                    assert await call.hears(self.phrase)
            except SettingsError:
                assert UNLIKELY not in self.kit.formats

    @pytest.mark.parametrize("samples", [1, 7, 333, 4000])
    async def test_how_audio_is_cut_does_not_matter(self, samples: int) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase, cut=samples * call.fmt.width)
            await call.hush(1.5)
            assert await call.hears(self.phrase)

    async def test_silence_says_nothing(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            await call.hush(4.0)
            await call.rest(0.5)
            assert not [each for each in call.transcripts if each.text.strip()]
            assert not call.count(EndOfTurn)

    async def test_a_cough_is_owed_no_words(self) -> None:
        """The line's detector heard voice, the vendor no words: nobody is to be thought dead for that."""
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase)
            await call.hush(1.5)
            door = stage.vendor.door
            sockets, uploads = door.sockets, door.opened - door.sockets
            call.session.note(SpeechStarted(call.at))
            await call.hush(0.5)
            call.session.note(SpeechStopped(call.at))
            await call.hush(12.0)
            assert await call.hears(self.phrase)
            assert door.sockets == sockets
            assert door.opened - door.sockets <= uploads + (not sockets), "a cough is sent once"

    async def test_times_are_the_calls_own(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            call.at = 40.0
            await call.hush(1.0)
            began = call.at
            await call.say(self.phrase)
            ended = call.at
            await call.hush(1.5)
            assert await call.hears(self.phrase)
            self.check_times(call, began, ended)

    async def test_silence_with_nothing_pending_costs_nothing(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            await call.hush(0.5)
            call.session.note(SpeechStarted(call.at))
            call.session.note(SpeechStopped(call.at))
            call.session.note(SpeechStopped(call.at))
            await call.hush(1.0)
            assert not call.finals
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)

    # --- budget

    async def test_a_second_of_audio_costs_little(self) -> None:
        plugin = choose(self.kit).plugin
        assert plugin is not None
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase)
            with calls_counted(plugin.module) as calls:
                await call.hush(4.0)
            assert calls.count / 4 < CALLS_PER_SECOND

    async def test_feeding_never_waits_and_keeps_little(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            if not self.kit.local:
                stage.vendor.door.fail(Failure.MUTE, times=None)
            await call.hush(1.0)
            began, frame = stage.now(), call.fmt.silence(0.02)
            with memory_of() as grown:
                for _ in range(3000):
                    call.session.feed(AudioFrame(call.at, bytes(frame)))
                    call.at += 0.02
                assert grown() < BYTES_PER_SESSION * 2
            assert self.kit.local or stage.now() - began < AT_ONCE

    async def test_a_session_takes_little_memory(self) -> None:
        async with self.stage() as stage:
            async with self.call(stage) as call:
                await call.hush(0.2)
            sessions = 10
            async with anyio.create_task_group() as tasks:
                with memory_of() as grown:
                    for _ in range(sessions):
                        await tasks.start(self.hold, stage)
                    assert grown() / sessions < BYTES_PER_SESSION
                tasks.cancel_scope.cancel()

    async def hold(
        self, stage: Stage[SttVendor], *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        """Keep a call open."""
        async with self.call(stage) as call:
            await call.hush(0.2)
            task_status.started()
            await anyio.sleep_forever()
