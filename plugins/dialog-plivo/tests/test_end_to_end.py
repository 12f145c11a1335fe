from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import accumulate

import pytest
from dialog_plivo.session import PlivoVoIP
from dialog_plivo.testing import Account, FakePlivo, Phone, place_call

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.errors import LineError
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation
from dialog_core.protocols import DirectLine, Line, LineEvent, LineStopped
from dialog_core.testing.phones.door import PlainDoor, application
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served
from dialog_core.turns.events import Keypress

pytestmark = [pytest.mark.anyio, real_loop]

SPEECH = bytes(range(160)) * 10


def heard(phone: Phone) -> bytes:
    """All that the caller has heard of the agent until now."""
    return b"".join(audio for _, audio in phone.played)


async def test_calls_over_real_sockets_hear_send_digits_and_end_in_every_way() -> None:
    ends: list[LineEvent] = []

    async def answer(line: Line) -> None:
        async for event in line.events():
            if isinstance(event, AudioFrame):
                with suppress(LineError):  # the caller may be gone, with frames still to be read
                    await line.play(event.data)
            else:
                ends.append(event)

    observed: list[Observation] = []
    account = Account()
    fake = FakePlivo(account)
    async with served(fake) as rest, open_services(observe=observed.append) as services:
        voip = PlivoVoIP(account.settings(api_url=rest), services)
        door = PlainDoor(answer, path="/reception/plivo")
        async with served(application(voip, door)) as base:
            url = f"{base}{door.path}/answer"
            async with place_call(services, url, plivo=fake) as phone:
                await phone.silent(0.1)
                await phone.say(SPEECH)
                await door.lines[-1].send_digits("1")
                await phone.until(lambda: phone.digits and SPEECH in heard(phone))
                assert phone.digits == "1"
                assert SPEECH in heard(phone)
            async with place_call(services, url, plivo=fake) as phone:
                await phone.until(lambda: len(door.lines) == 2)
                await door.lines[-1].hang_up()
                assert await phone.over() == "completed"
                assert phone.warnings == []
            async with place_call(services, url, plivo=fake) as phone:
                await phone.until(lambda: len(door.lines) == 3)
                await door.lines[-1].transfer("+15550003333")
                await phone.heard_silence(0.1)
                assert phone.live
            async with place_call(services, url, plivo=fake) as phone:
                await phone.until(lambda: len(door.lines) == 4)
                await phone.vanish()
                assert await phone.over() == "completed"
    reasons = ("hangup", "hangup", "transferred", "lost")
    assert ends == [LineStopped(reason) for reason in reasons]
    assert observed == []


async def test_audio_can_be_diverted_from_within_the_sockets_read() -> None:
    fed: list[AudioFrame] = []
    told: list[LineEvent] = []

    async def answer(line: Line) -> None:
        assert isinstance(line, DirectLine)
        line.divert(fed.append)
        async for event in line.events():
            told.append(event)
            if isinstance(event, Keypress):
                await line.hang_up()

    async with on_a_real_socket(answer) as phone:
        await phone.say(SPEECH)
        await phone.press("5")
        assert await phone.over() == "completed"
    heard = b"".join(frame.data for frame in fed)
    assert SPEECH in heard
    assert phone.sent.startswith(heard)
    *starts, _ = accumulate((TELEPHONE.seconds(len(frame.data)) for frame in fed), initial=0.0)
    assert [frame.at for frame in fed] == pytest.approx(starts)
    assert [type(event) for event in told if not isinstance(event, AudioFrame)] == [
        Keypress,
        LineStopped,
    ]


async def test_what_goes_wrong_with_diverted_audio_ends_that_call_only() -> None:
    raised: list[str] = []
    fed: list[AudioFrame] = []

    def fail(frame: AudioFrame) -> None:
        fed.append(frame)
        raise OverflowError("too loud")

    async def answer(line: Line) -> None:
        assert isinstance(line, DirectLine)
        line.divert(fail)
        try:
            async for _ in line.events():
                pass
        except OverflowError as error:
            raised.append(str(error))
            await line.hang_up()

    async with on_a_real_socket(answer) as phone:
        await phone.say(SPEECH)
        assert await phone.over() == "completed"
    assert raised == ["too loud"]
    assert len(fed) == 1, "and at once"


@asynccontextmanager
async def on_a_real_socket(answer: Callable[[Line], Awaitable[None]]) -> AsyncIterator[Phone]:
    account = Account()
    fake = FakePlivo(account)
    async with served(fake) as rest, open_services(observe=lambda _: None) as services:
        voip = PlivoVoIP(account.settings(api_url=rest), services)
        door = PlainDoor(answer, path="/reception/plivo")
        async with served(application(voip, door)) as base:
            url = f"{base}{door.path}/answer"
            async with place_call(services, url, plivo=fake) as phone:
                yield phone
