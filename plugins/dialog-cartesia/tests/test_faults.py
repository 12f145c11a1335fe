from __future__ import annotations

import anyio
import pytest
from dialog_cartesia.session import Cartesia
from dialog_cartesia.testing import FakeCartesia, Fault, Flushes, Script
from dialog_cartesia.testing_stage import new_settings, speech, stage

from dialog_core.audio import TELEPHONE, AudioOut
from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.observe.observations import Trouble
from dialog_core.testing.speech import lasts, pass_time, say, segment, sound, until_last, words
from dialog_core.testing.vendor import in_memory

pytestmark = pytest.mark.anyio

LONG = "These are quite a few words."


def troubles(observed: list[object]) -> list[str]:
    return [each.what for each in observed if isinstance(each, Trouble)]


@pytest.mark.requirement("D.16")
async def test_after_a_lost_socket_the_rest_is_said_again_without_repeating_what_was_heard() -> (
    None
):
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.DROP, after=5))
    async with stage(fake) as on:
        pieces = await say(on.session, LONG, "And more.")
    assert lasts(pieces) == [0, 1]
    assert sound(pieces, 0) == speech(fake, LONG)
    assert sound(pieces, 1) == speech(fake, "And more.")
    assert [word.text for word in words(pieces)] == [*LONG.split(), "And", "more."]
    assert len(fake.handshakes) == 2


@pytest.mark.requirement("D.16")
async def test_segments_that_are_complete_are_not_said_again() -> None:
    fake = FakeCartesia()
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        await voice.speak(segment(0, "Hello."))
        await until_last(pieces, stream)
        fake.scripts.append(Script())
        await voice.speak(segment(1, LONG))
        fake.drop_sockets()
        await voice.finish()
        pieces += [piece async for piece in stream]
    assert lasts(pieces) == [0, 1]
    assert sound(pieces, 1) == speech(fake, LONG)
    assert fake.transcripts.count("Hello. ") == 1


async def test_a_socket_lost_between_segments_is_replaced_by_the_next() -> None:
    fake = FakeCartesia()
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        await voice.speak(segment(0, "Hello."))
        await until_last(pieces, stream)
        fake.drop_sockets()
        await fake.until(lambda fake: not fake.sockets)
        await voice.speak(segment(1, "There."))
        await voice.finish()
        pieces += [piece async for piece in stream]
    assert sound(pieces) == speech(fake, "Hello. There.")


@pytest.mark.requirement("D.16")
async def test_every_reply_on_a_lost_socket_goes_on() -> None:
    fake = FakeCartesia()
    said: list[bytes] = []

    async with stage(fake) as on:

        async def call(reply: int) -> None:
            said.append(sound(await say(on.session, LONG, reply=reply)))

        async with anyio.create_task_group() as tasks:
            for reply in range(5):
                tasks.start_soon(call, reply)
            await fake.until(lambda fake: fake.chunks >= 12)
            fake.drop_sockets()
    assert said == [speech(fake, LONG)] * 5
    assert len(fake.handshakes) == 2


async def test_a_reply_whose_socket_is_lost_twice_fails() -> None:
    fake = FakeCartesia()
    fake.scripts += (Script(Fault.DROP, after=1), Script(Fault.DROP, after=1))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable, match="lost again"):
            await say(on.session, LONG)


async def test_a_vendor_that_ends_a_context_early_is_asked_again() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.EARLY_DONE))
    async with stage(fake) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, "Hello."))
        [first, *_] = pieces = [await anext(voice.audio())]
    assert sound(pieces)
    assert first.index == 0
    assert len(fake.transcripts) == 2


@pytest.mark.requirement("B.25")
async def test_completing_without_audio_is_an_error() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.SILENT))
    async with stage(fake) as on:
        with pytest.raises(ProviderError, match="completed without audio"):
            await say(on.session, "Hello.")


@pytest.mark.requirement("A.30", "B.25")
@pytest.mark.parametrize("mode", list(Flushes))
async def test_a_reply_that_the_vendor_never_finishes_ends_by_itself(mode: Flushes) -> None:
    fake = FakeCartesia(flushes=mode)
    fake.scripts.append(Script(Fault.NO_DONE, after=-1))
    async with stage(fake, finish_timeout=0.5) as on:
        with anyio.fail_after(10):
            pieces = await say(on.session, "Hello.")
        assert "a reply was never finished by the vendor" in troubles([*on.observed])
    assert pieces[-1] == AudioOut(1, 0, b"", last=True)
    assert sound(pieces) == speech(fake, "Hello.")


@pytest.mark.requirement("A.30")
async def test_a_reply_that_never_began_is_an_error_not_an_end() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.STALL))
    async with stage(fake, first_audio=4.0) as on:
        with pytest.raises(ProviderUnavailable, match="no audio within 4 s"):
            await say(on.session, "Hello.")


async def test_a_later_segment_without_audio_is_an_error_too() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.STALL, after=len(speech(fake, "One.")) // 800 + 1))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable, match=r"no (more )?audio within"):
            await say(on.session, "One.", "Two.", "Three.")


async def test_a_reply_that_stops_in_a_word_is_an_error_not_an_end() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.STALL, after=3))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable, match="no more audio within"):
            await say(on.session, LONG)


async def test_a_listener_who_waits_before_the_text_comes_has_a_deadline_too() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.STALL))
    async with (
        stage(fake, first_audio=4.0) as on,
        on.session.voice(1) as voice,
        anyio.create_task_group() as tasks,
    ):

        async def listen() -> None:
            with pytest.raises(ProviderUnavailable, match="no audio within 4 s"):
                await anext(voice.audio())

        tasks.start_soon(listen)
        await anyio.wait_all_tasks_blocked()
        await voice.speak(segment(0, "Hello."))


async def test_a_socket_that_fell_silent_is_given_up_with_the_reply() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.STALL))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable):
            await say(on.session, "Hello.", reply=1)
        assert sound(await say(on.session, "Hello.", reply=2)) == speech(fake, "Hello.")
    assert len(fake.handshakes) == 2


async def test_the_audio_before_an_error_is_not_lost() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.FAIL, after=3, status=500))
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, LONG))
        stream = voice.audio()
        pieces += [await anext(stream) for _ in range(3)]
        with pytest.raises(ProviderUnavailable, match="req-1"):
            await anext(stream)
    assert sound(pieces) == speech(fake, LONG)[: 3 * 800]


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.WRONG_CONTEXT, Fault.NEW_KIND])
async def test_what_concerns_nobody_harms_nobody(fault: Fault) -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(fault, after=1))
    async with stage(fake) as on:
        assert sound(await say(on.session, LONG)) == speech(fake, LONG)


async def test_an_unknown_kind_of_message_is_told_once() -> None:
    fake = FakeCartesia()
    fake.scripts += (Script(Fault.NEW_KIND, after=1), Script(Fault.NEW_KIND, after=1))
    async with stage(fake) as on:
        await say(on.session, LONG)
        await say(on.session, LONG)
        assert troubles([*on.observed]) == ["an unknown kind of message was skipped"]


async def test_audio_that_cannot_be_read_fails_its_reply_only() -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.BAD_AUDIO, after=1))
    async with stage(fake) as on:
        with pytest.raises(ProviderProtocolError, match="'chunk' is malformed"):
            await say(on.session, LONG)
        assert sound(await say(on.session, "Fine.")) == speech(fake, "Fine.")
    assert len(fake.handshakes) == 1


@pytest.mark.parametrize("version", ["2025-04-16", "2026-03-01"])
async def test_an_error_without_a_context_reaches_the_only_reply(version: str) -> None:
    fake = FakeCartesia()
    fake.scripts.append(Script(Fault.NAMELESS, after=1, status=402))
    async with stage(fake, version=version) as on:
        with pytest.raises(ProviderRejected, match="scripted failure"):
            await say(on.session, LONG)


async def test_an_error_without_a_context_spares_replies_that_already_sound() -> None:
    fake = FakeCartesia()
    fake.scripts += (Script(), Script(Fault.NAMELESS, status=400))
    async with stage(fake) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        await voice.speak(segment(0, LONG))
        pieces = [await anext(stream)]
        with pytest.raises(ProviderRejected):
            await say(on.session, "Refused.", reply=2)
        await voice.finish()
        pieces += [piece async for piece in stream]
    assert sound(pieces) == speech(fake, LONG)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ProviderRejected),
        (401, ProviderRejected),
        (402, ProviderRejected),
        (429, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
async def test_a_refused_handshake_says_whether_to_try_again(
    status: int, error: type[ProviderError]
) -> None:
    fake = FakeCartesia()
    fake.refusals += (status, status)
    async with stage(fake) as on:
        with pytest.raises(error) as caught:
            await say(on.session, "Hello.")
        assert caught.value.status == status


async def test_a_session_opens_although_the_vendor_refuses() -> None:
    fake = FakeCartesia()
    fake.refusals.append(503)
    async with stage(fake) as on:
        await fake.until(lambda fake: not fake.refusals)
        assert sound(await say(on.session, "Hello.")) == speech(fake, "Hello.")


@pytest.mark.requirement("B.16")
async def test_connecting_takes_at_most_ten_seconds() -> None:
    async def deaf(_scope: object, _receive: object, _send: object) -> None:
        await anyio.sleep_forever()

    async with in_memory(deaf) as services:
        began = services.clock.monotonic()
        async with Cartesia(new_settings(FakeCartesia()), services).open(TELEPHONE) as session:
            with pytest.raises(ProviderUnavailable, match="within 10 s"):
                await say(session, "Hello.")
        assert services.clock.monotonic() - began == pytest.approx(10.0)


@pytest.mark.parametrize("pause", [1.2, 1.7, 2.6])
async def test_text_after_a_pause_is_spoken_though_no_flush_was_ever_answered(
    pause: float,
) -> None:
    fake = FakeCartesia(flushes=Flushes.NEVER)
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:

        async def listen() -> None:
            pieces.extend([piece async for piece in voice.audio()])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await voice.speak(segment(0, "First of all."))
            await pass_time(pause)
            await voice.speak(segment(1, "And then."))
            await voice.finish()
    assert sound(pieces, 0) == speech(fake, "First of all.")
    assert sound(pieces, 1) == speech(fake, "And then.")
    assert lasts(pieces) == [0, 1]


async def test_a_reply_refused_for_too_many_contexts_is_asked_for_again_once() -> None:
    fake = FakeCartesia()
    fake.scripts += (Script(Fault.FAIL, status=429),)
    async with stage(fake) as on:
        assert sound(await say(on.session, "Hello.")) == speech(fake, "Hello.")
        fake.scripts += (Script(Fault.FAIL, status=429), Script(Fault.FAIL, status=429))
        with pytest.raises(ProviderUnavailable) as caught:
            await say(on.session, "Hello.", reply=2)
    assert caught.value.status == 429
