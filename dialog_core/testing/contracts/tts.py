"""What every voice must do."""

from __future__ import annotations

import anyio
import anyio.abc
import pytest

from dialog_core.audio import AudioFormat, AudioOut, Encoding
from dialog_core.errors import SettingsError
from dialog_core.protocols import TtsSession
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.contract import calls_counted, memory_of, not_claimed, proves
from dialog_core.testing.contracts.kit import TtsAbility, TtsVendor
from dialog_core.testing.contracts.reply import Reply, speak
from dialog_core.testing.contracts.stage import Stage, awaits_of, on_sockets
from dialog_core.testing.contracts.tts_failures import LONG, TtsFailures
from dialog_core.testing.contracts.tts_scene import SHORT, TEXTS
from dialog_core.testing.pytest_plugin import real_loop

__all__ = ["TtsContract"]

CALLS_PER_SECOND = 10_000
"""Python functions that a second of speech may call: about 1 ms."""
BYTES_PER_SESSION = 400_000
UNLIKELY = AudioFormat(Encoding.PCM16, 12345)
ODD_TEXT = 'Is 3 < 5 & "you" > {me}? \\ It\'s 50% <b>so</b>.'
"""Characters that mean something to XML, JSON and templates."""


class TtsContract(TtsFailures):
    """Subclass it with a kit to test a text-to-speech component."""

    # --- life cycle

    async def test_a_session_opens_and_closes_without_a_word(self) -> None:
        async with self.stage() as stage, self.session(stage):
            await anyio.lowlevel.checkpoint()

    async def test_a_component_can_be_opened_again(self) -> None:
        async with self.stage() as stage:
            tts = stage.new()
            for _ in range(2):
                async with tts.open(self.fmt) as session:
                    self.check_whole(await self.speak(session, SHORT), [SHORT])

    async def test_a_voice_may_be_left_without_a_word(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            async with session.voice(1):
                pass
            async with session.voice(2) as voice:
                await voice.finish()
                assert [piece async for piece in voice.audio()] == []
            assert not stage.vendor.spoken()

    async def test_cancelled_at_any_await_it_leaves_nothing_running(self) -> None:
        async with self.stage() as stage:
            assert await awaits_of(stage, lambda: self.ordinary_reply(stage)) > 1

    async def ordinary_reply(self, stage: Stage[TtsVendor]) -> None:
        """A short reply from its beginning to its end."""
        async with self.session(stage) as session:
            await self.speak(session, "Hello.")

    @real_loop
    async def test_it_reaches_a_vendor_on_a_real_socket(self) -> None:
        self.needs_a_vendor()
        async with on_sockets(self.kit, self.kit.vendor()) as tts, tts.open(self.fmt) as session:
            with anyio.fail_after(self.kit.patience):
                self.check_whole(await self.speak(session, SHORT), [SHORT])

    # --- speaking

    async def test_every_format_is_what_it_is_said_to_be(self, fmt: AudioFormat) -> None:
        async with self.stage() as stage, self.session(stage, fmt) as session:
            self.check_whole(await speak(session, fmt, TEXTS[:2]), TEXTS[:2])

    async def test_other_formats_are_refused_at_once_or_spoken(self) -> None:
        async with self.stage() as stage:
            try:
                async with self.session(stage, UNLIKELY) as session:
                    self.check_whole(await speak(session, UNLIKELY, [SHORT]), [SHORT])
            except SettingsError:
                assert UNLIKELY not in self.kit.formats

    async def test_a_reply_is_spoken_segment_by_segment(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            self.check_whole(await self.speak(session, *TEXTS), TEXTS)
            if not self.kit.local:
                assert " ".join(stage.vendor.spoken()).split() == " ".join(TEXTS).split()

    async def test_a_segment_is_spoken_to_its_end_before_there_is_another(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            async with self.reply(session) as reply:
                await reply.say(SHORT)
                with anyio.fail_after(self.kit.patience):
                    assert await reply.ends(0)
                self.check_length(reply.data, SHORT, self.fmt)
                await reply.say(TEXTS[1], 1)
                await reply.voice.finish()
                await reply.over.wait()
            assert reply.lasts == [0, 1]

    @pytest.mark.parametrize("text", ["", "  ", "...", "-- !?"])
    async def test_text_with_nothing_to_say_is_one_empty_piece(self, text: str) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            reply = await self.speak(session, text)
            assert reply.pieces == [AudioOut(1, 0, b"", last=True)]
            assert reply.error is None
            assert not "".join(stage.vendor.spoken()).strip()

    async def test_text_with_nothing_to_say_keeps_its_place(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            reply = await self.speak(session, SHORT, "...", TEXTS[1])
            assert reply.error is None
            assert reply.lasts == [0, 1, 2]
            assert not reply.of(1)
            self.check_length(reply.of(2), TEXTS[1], self.fmt)

    async def test_text_is_text_whatever_its_characters_mean_elsewhere(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            reply = await self.speak(session, ODD_TEXT)
            assert reply.error is None
            assert reply.lasts == [0]
            if not self.kit.local:
                assert "".join(stage.vendor.spoken()).split() == ODD_TEXT.split()

    async def test_replies_follow_each_other(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            for number in (1, 2, 3):
                self.check_whole(await self.speak(session, SHORT, number=number), [SHORT])

    async def test_two_calls_speak_at_once(self) -> None:
        async with self.stage() as stage:
            async with self.session(stage) as one, self.session(stage) as other:
                replies: list[tuple[Reply, tuple[str, ...]]] = []

                async def say(session: TtsSession, *texts: str) -> None:
                    replies.append((await self.speak(session, *texts), texts))

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(say, one, *TEXTS)
                    tasks.start_soon(say, other, SHORT, SHORT)
            assert len(replies) == 2  # noqa: PLR2004 - calls
            for reply, texts in replies:
                self.check_whole(reply, texts)

    # --- cancelling

    async def test_a_reply_left_before_any_audio_is_cancelled(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            async with self.reply(session) as reply:
                await reply.say(LONG)
            self.check_whole(await self.speak(session, SHORT, number=2), [SHORT])

    async def test_a_reply_left_while_it_sounds_is_cancelled_and_stays_silent(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            async with self.reply(session) as reply:
                await reply.say(LONG)
                assert await reply.sounds()
            after = await self.speak(session, SHORT, number=2)
            self.check_whole(after, [SHORT])
            if not self.kit.local:
                assert stage.vendor.cancelled() == 1

    async def test_a_reply_that_was_spoken_is_not_cancelled(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            self.check_whole(await self.speak(session, SHORT), [SHORT])
            self.check_whole(await self.speak(session, SHORT, number=2), [SHORT])
            assert stage.vendor.cancelled() == 0

    async def test_a_reply_nobody_listens_to_can_be_left(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            async with session.voice(1) as voice:
                with anyio.move_on_after(2.0):
                    for index in range(20):
                        await Reply(voice, 1, self.fmt).say(LONG, index)
            self.check_whole(await self.speak(session, SHORT, number=2), [SHORT])

    # --- abilities

    @proves(TtsAbility.WORD_TIMES)
    async def test_word_times_rise_and_lie_inside_the_audio(self) -> None:
        async with self.stage() as stage, self.session(stage) as session:
            reply = await self.speak(session, *TEXTS)
            if not self.claims(TtsAbility.WORD_TIMES):
                assert not reply.words
                return
            spoken = "".join(word.text for word in reply.words)
            assert "".join(spoken.split()) == "".join("".join(TEXTS).split())
            times = [time for word in reply.words for time in (word.start, word.end)]
            assert times == sorted(times)
            assert times[0] >= 0
            assert times[-1] <= reply.seconds + 0.02

    @proves(TtsAbility.LANGUAGE)
    async def test_the_language_reaches_the_vendor(self) -> None:
        if not self.claims(TtsAbility.LANGUAGE):
            not_claimed(TtsAbility.LANGUAGE)
        async with self.stage() as stage, self.session(stage, **self.kit.german) as session:
            self.check_whole(await self.speak(session, SHORT), [SHORT])
            languages = stage.vendor.languages()
            assert languages
            assert all(tag.lower().startswith("de") for tag in languages)

    # --- budget

    async def test_a_second_of_speech_costs_little(self) -> None:
        plugin = choose(self.kit).plugin
        assert plugin is not None
        async with self.stage() as stage, self.session(stage) as session:
            await self.speak(session, SHORT)
            with calls_counted(plugin.module) as calls:
                reply = await self.speak(session, LONG, number=2)
            assert calls.count / reply.seconds < CALLS_PER_SECOND

    async def test_a_session_takes_little_memory(self) -> None:
        async with self.stage() as stage:
            async with self.session(stage) as session:
                await self.speak(session, SHORT)
            sessions = 10
            async with anyio.create_task_group() as tasks:
                with memory_of() as grown:
                    for _ in range(sessions):
                        await tasks.start(self.hold, stage)
                    assert grown() / sessions < BYTES_PER_SESSION
                tasks.cancel_scope.cancel()

    async def hold(
        self, stage: Stage[TtsVendor], *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        """Keep a call open that has spoken."""
        async with self.session(stage) as session:
            await self.speak(session, SHORT)
            task_status.started()
            await anyio.sleep_forever()
