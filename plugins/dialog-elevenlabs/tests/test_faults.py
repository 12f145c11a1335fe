from __future__ import annotations

import anyio
import pytest
from dialog_elevenlabs.testing import FakeElevenLabs, Fault, Script
from dialog_elevenlabs.testing_stage import speech, stage
from starlette.responses import JSONResponse, Response

from dialog_core.audio import AudioOut
from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.testing.speech import lasts, say, segment, sound, until_last, words

pytestmark = pytest.mark.anyio

LONG = "These are quite a few words."


def troubles(observed: list[Observation]) -> list[str]:
    return [each.what for each in observed if isinstance(each, Trouble)]


# --- a lost socket


@pytest.mark.requirement("D.16")
async def test_after_a_lost_socket_the_rest_is_said_again_without_repeating_what_was_heard() -> (
    None
):
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.DROP, after=5))
    async with stage(fake) as on:
        pieces = await say(on.session, LONG, "And more.")
    assert lasts(pieces) == [0, 1]
    assert sound(pieces, 0) == speech(fake, LONG)
    assert sound(pieces, 1) == speech(fake, "And more.")
    assert [word.text for word in words(pieces)] == [*LONG.split(), "And", "more."]
    assert len(fake.handshakes) == 2


@pytest.mark.requirement("D.16")
async def test_every_reply_on_a_lost_socket_goes_on() -> None:
    fake = FakeElevenLabs()
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


async def test_a_socket_lost_between_segments_is_replaced_by_the_next() -> None:
    fake = FakeElevenLabs()
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


async def test_a_reply_whose_socket_is_lost_twice_fails() -> None:
    fake = FakeElevenLabs()
    fake.scripts += (Script(Fault.DROP, after=1), Script(Fault.DROP, after=1))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable, match="lost again"):
            await say(on.session, LONG)


async def test_a_vendor_that_ends_a_context_early_is_asked_again() -> None:
    fake = FakeElevenLabs()
    fake.scripts += (Script(Fault.EARLY_FINAL), Script())
    async with stage(fake) as on, on.session.voice(1) as voice:
        stream = voice.audio()
        pieces: list[AudioOut] = []
        await voice.speak(segment(0, "Hello."))
        await until_last(pieces, stream)
        await voice.speak(segment(1, "There."))
        await voice.finish()
        pieces += [piece async for piece in stream]
    assert sound(pieces) == speech(fake, "Hello. There.")
    assert len(fake.openings) == 2


# --- no end, no audio


@pytest.mark.requirement("A.30", "B.25")
async def test_completing_without_audio_is_an_error() -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.SILENT))
    async with stage(fake) as on:
        with pytest.raises(ProviderError, match="completed without audio"):
            await say(on.session, "Hello.")


@pytest.mark.requirement("A.30")
async def test_a_reply_that_the_vendor_never_finishes_ends_by_itself() -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.NO_FINAL))
    async with stage(fake, finish_timeout=0.5) as on:
        with anyio.fail_after(10):
            pieces = await say(on.session, "Hello.")
        assert "a reply was never finished by the vendor" in troubles(on.observed)
    assert pieces[-1] == AudioOut(1, 0, b"", last=True)
    assert sound(pieces) == speech(fake, "Hello.")


@pytest.mark.requirement("A.30")
async def test_a_reply_that_never_began_is_an_error_not_an_end() -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.STALL))
    async with stage(fake, first_audio=4.0) as on:
        with pytest.raises(ProviderUnavailable, match="no audio within 4 s"):
            await say(on.session, "Hello.")


@pytest.mark.parametrize("after", [3, 28])
async def test_a_reply_that_stops_in_its_middle_is_an_error_not_an_end(after: int) -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.STALL, after=after))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable, match=r"no (more )?audio within"):
            await say(on.session, LONG, "Two and a bit.", "Three.")


async def test_a_socket_that_fell_silent_is_given_up_with_the_reply() -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.STALL))
    async with stage(fake) as on:
        with pytest.raises(ProviderUnavailable):
            await say(on.session, "Hello.", reply=1)
        assert sound(await say(on.session, "Hello.", reply=2)) == speech(fake, "Hello.")
    assert len(fake.handshakes) == 2


async def test_the_audio_before_an_error_is_not_lost() -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.FAIL, after=3, error="system_busy"))
    pieces: list[AudioOut] = []
    async with stage(fake) as on, on.session.voice(1) as voice:
        await voice.speak(segment(0, LONG))
        stream = voice.audio()
        pieces += [await anext(stream) for _ in range(3)]
        with pytest.raises(ProviderUnavailable, match="scripted failure"):
            await anext(stream)
    assert sound(pieces) == speech(fake, LONG)[: 3 * 800]


# --- odd messages


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.WRONG_CONTEXT, Fault.NEW_KIND])
async def test_what_concerns_nobody_harms_nobody(fault: Fault) -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(fault, after=1))
    async with stage(fake) as on:
        assert sound(await say(on.session, LONG)) == speech(fake, LONG)


async def test_an_unknown_kind_of_message_is_told_once() -> None:
    fake = FakeElevenLabs()
    fake.scripts += (Script(Fault.NEW_KIND, after=1), Script(Fault.NEW_KIND, after=1))
    async with stage(fake) as on:
        await say(on.session, LONG)
        await say(on.session, LONG)
        assert troubles(on.observed) == ["an unknown kind of message was skipped"]


@pytest.mark.parametrize("fault", [Fault.BAD_AUDIO, Fault.BAD_TIMES])
async def test_a_message_that_cannot_be_read_fails_its_reply_only(fault: Fault) -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(fault, after=1))
    async with stage(fake) as on:
        with pytest.raises(ProviderProtocolError):
            await say(on.session, LONG)
        assert sound(await say(on.session, "Fine.")) == speech(fake, "Fine.")
    assert len(fake.handshakes) == 1


# --- refusals


async def test_an_error_of_one_reply_leaves_the_other_alone() -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.FAIL, after=1, error="quota_exceeded"))
    async with stage(fake) as on:
        with pytest.raises(ProviderRejected, match="quota_exceeded"):
            await say(on.session, "Broken.")
        assert sound(await say(on.session, "Fine.")) == speech(fake, "Fine.")
    assert len(fake.handshakes) == 1


async def test_a_socket_closed_for_good_reason_is_a_refusal_with_that_reason() -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.NAMELESS, error="quota_exceeded"))
    async with stage(fake) as on:
        with pytest.raises(ProviderRejected, match="quota_exceeded: scripted failure"):
            await say(on.session, LONG)


async def test_a_socket_closed_for_a_passing_reason_is_replaced() -> None:
    fake = FakeElevenLabs()
    fake.scripts.append(Script(Fault.NAMELESS, after=2, error="input_timeout_exceeded"))
    async with stage(fake) as on:
        assert sound(await say(on.session, LONG)) == speech(fake, LONG)
    assert len(fake.handshakes) == 2


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (JSONResponse({"detail": {"status": "quota_exceeded"}}, 401), ProviderRejected),
        (JSONResponse({"detail": {"status": "system_busy"}}, 429), ProviderUnavailable),
        (Response("down", 503), ProviderUnavailable),
    ],
)
async def test_a_refused_handshake_says_whether_to_try_again(
    response: Response, error: type[ProviderError]
) -> None:
    fake = FakeElevenLabs()
    fake.refusals += (response, response)
    async with stage(fake) as on:
        with pytest.raises(error) as caught:
            await say(on.session, "Hello.")
        assert caught.value.status == response.status_code


async def test_a_voice_that_does_not_exist_is_a_refusal_with_that_reason() -> None:
    fake = FakeElevenLabs(voices=frozenset({"other"}))
    async with stage(fake) as on:
        with pytest.raises(ProviderRejected, match="voice_not_found"):
            await say(on.session, "Hello.")


async def test_a_session_opens_although_the_vendor_refuses() -> None:
    fake = FakeElevenLabs()
    fake.refusals.append(Response("down", 503))
    async with stage(fake) as on:
        await fake.until(lambda fake: fake.handshakes)
        assert sound(await say(on.session, "Hello.")) == speech(fake, "Hello.")
