from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import anyio
import pytest

from dialog_core.audio import AudioFrame
from dialog_core.errors import LineError
from dialog_core.line import LineStopped, MarkReturned
from dialog_core.testing.contracts.contract import Contract
from dialog_core.testing.contracts.voip_kit import VoipKit, open_world

__all__ = ["SPEECH", "VoipMedia"]

SPEECH = bytes(range(1, 127)) * 32
"""Half a second in which every place can be told from every other, nearly."""
SECONDS = len(SPEECH) / 8000
GARBAGE = ("{", "[]", '{"event":"unheard-of"}', '{"event":"media"}', '{"event":"media","media":{}}')
MANY = 150
HUGE = 70_000
FRAME = 160
NEARLY_A_FRAME = 0.019


class VoipMedia(Contract):
    """Audio both ways, marks, clear, and whatever else may come on a media socket."""

    kit: ClassVar[VoipKit]

    async def test_what_the_caller_says_arrives_whole_and_on_time(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.say(SPEECH, at=0.5)
            await phone.silent(0.1)
            heard = world.clerk.heard
            frames = world.clerk.of(AudioFrame)
        assert heard.find(SPEECH) == pytest.approx(0.5 * 8000, abs=FRAME)
        assert [frame.at for frame in frames] == pytest.approx(
            [FRAME * index / 8000 for index in range(len(frames))]
        )
        assert phone.warnings == []

    @pytest.mark.parametrize("nbytes", [1, 37, 160, 400, 4000])
    async def test_what_the_agent_says_is_heard_whole_however_it_is_cut(self, nbytes: int) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            for start in range(0, len(SPEECH), nbytes):
                await world.play(SPEECH[start : start + nbytes])
            await world.line.mark("end")
            await world.clerk.has(MarkReturned)
            await phone.silent(0.1)
            assert SPEECH in b"".join(audio for _, audio in phone.played)
        assert phone.warnings == []

    async def test_marks_return_in_order_when_what_was_before_them_has_been_heard(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            began = phone.now
            await world.play(SPEECH)
            await world.line.mark("one")
            await world.play(SPEECH)
            await world.line.mark("two")
            await world.clerk.has(MarkReturned)
            first = phone.now - began
            await world.clerk.has(MarkReturned, 2)
            second = phone.now - began
        assert world.clerk.of(MarkReturned) == [MarkReturned("one"), MarkReturned("two")]
        assert SECONDS <= first < SECONDS + 0.2
        assert 2 * SECONDS <= second < 2 * SECONDS + 0.2

    async def test_a_mark_with_nothing_before_it_returns_at_once(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            began = phone.now
            await world.line.mark("now")
            await world.clerk.has(MarkReturned)
            assert phone.now - began < SECONDS / 2

    async def test_what_is_cleared_is_not_heard_and_its_marks_never_return(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            await world.play(SPEECH * 4)
            await world.line.mark("gone")
            await phone.silent(0.2)
            await world.line.clear()
            await world.play(SPEECH)
            await world.line.mark("after")
            await world.clerk.has(MarkReturned)
            await phone.silent(2.5)
            heard = b"".join(audio for _, audio in phone.played)
        assert world.clerk.of(MarkReturned) == [MarkReturned("after")]
        assert SPEECH in heard
        assert len(heard) < 2 * len(SPEECH)
        assert len(phone.clears) == 1

    async def test_a_mark_already_heard_is_not_taken_back_by_a_later_clear(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            for name in ("one", "two", "three"):
                await world.play(SPEECH)
                await world.line.mark(name)
                await phone.silent(SECONDS + 0.1)
                await world.line.clear()
        assert [mark.name for mark in world.clerk.of(MarkReturned)] == ["one", "two", "three"]

    async def test_audio_that_comes_out_of_order_or_twice_never_turns_time_back(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.2)
            phone.jumble()
            await phone.silent(0.5)
            times = [frame.at for frame in world.clerk.of(AudioFrame)]
            assert world.clerk.of(LineStopped) == []
        assert all(before < after - NEARLY_A_FRAME for before, after in pairwise(times))
        assert times[-1] == pytest.approx(0.7, abs=0.1)

    async def test_what_cannot_be_read_is_skipped_and_noted(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            for message in (*GARBAGE, b"\x00\xff", "x" * HUGE):
                await phone.send_raw(message)
            await phone.say(SPEECH)
            await phone.silent(0.1)
            heard = world.clerk.heard
        assert SPEECH in heard
        assert world.troubles()

    async def test_a_socket_that_says_nothing_readable_is_given_up(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            for _ in range(MANY):
                await phone.send_raw("{")
            await world.clerk.has(LineStopped)
            await world.clerk.idle()
        assert world.clerk.of(LineStopped)[0].reason.startswith("error")

    async def test_calls_at_once_do_not_hear_each_other(self) -> None:
        async with open_world(self.kit) as world, world.call() as one:
            await one.silent(0.1)
            first = world.line
            async with world.call() as two:
                await two.silent(0.1)
                second = world.line
                assert second is world.line
                await world.play(SPEECH)
                await two.heard_speech()
                await two.heard_silence(0.2)
                assert b"".join(audio for _, audio in one.played) == b""
                assert SPEECH in b"".join(audio for _, audio in two.played)
        assert {first.info.id, second.info.id} == {one.call_id, two.call_id}

    async def test_after_the_end_audio_is_an_error_and_clearing_is_harmless(self) -> None:
        async with open_world(self.kit) as world:
            async with world.call() as phone:
                await phone.silent(0.1)
            await world.clerk.idle()
            with anyio.fail_after(60):
                await world.line.clear()
                with pytest.raises(LineError):
                    await world.play(SPEECH)
                with pytest.raises(LineError):
                    await world.line.mark("late")
