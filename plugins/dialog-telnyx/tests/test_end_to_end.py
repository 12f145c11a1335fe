from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import accumulate

import pytest
from dialog_telnyx.session import TelnyxVoIP
from dialog_telnyx.testing import Account, FakeTelnyx, Phone, place_call

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.errors import LineError
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation
from dialog_core.protocols import DirectLine, Line, LineEvent, LineStopped
from dialog_core.testing.phones import PlainDoor, application
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served
from dialog_core.turns.events import Keypress

pytestmark = [pytest.mark.anyio, real_loop, pytest.mark.requirement("A.25")]

SPEECH = bytes(range(160)) * 10


def heard(phone: Phone) -> bytes:
    """All that the caller has heard of the agent until now."""
    return b"".join(audio for _, audio in phone.played)


async def test_calls_over_real_sockets_hear_and_end_in_every_way() -> None:
    ends: list[LineEvent] = []

    async def echo(line: Line) -> None:
        async for event in line.events():
            if isinstance(event, AudioFrame):
                with suppress(LineError):  # the caller may be gone, with frames still to be read
                    await line.play(event.data)
            else:
                ends.append(event)

    observed: list[Observation] = []
    account = Account()
    fake = FakeTelnyx(account)
    async with served(fake) as rest, open_services(observe=observed.append) as services:
        voip = TelnyxVoIP(account.settings(api_url=f"{rest}/v2"), services)
        door = PlainDoor(echo, path="/reception/telnyx")
        async with served(application(voip, door)) as base:
            url = f"{base}{door.path}/webhook"
            async with place_call(services, url, telnyx=fake) as phone:
                await phone.silent(0.2)
                await phone.say(SPEECH)
                await phone.until(lambda: SPEECH in heard(phone))
                assert SPEECH in heard(phone)
                assert phone.warnings == []
            async with place_call(services, url, telnyx=fake) as phone:
                await phone.until(lambda: len(door.lines) == 2)
                await door.lines[-1].hang_up()
                assert await phone.over() == "normal_clearing"
            async with place_call(services, url, telnyx=fake) as phone:
                await phone.until(lambda: len(door.lines) == 3)
                await phone.vanish()
                assert await phone.over() == "normal_clearing"
    assert ends == [LineStopped("hangup"), LineStopped("hangup"), LineStopped("lost")]
    assert observed == []


async def test_audio_can_be_diverted_from_within_the_sockets_read_in_its_order() -> None:
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
        await phone.silent(0.1)
        phone.jumble()
        await phone.say(SPEECH)
        await phone.press("5")
        assert await phone.over() == "normal_clearing"
    assert SPEECH in b"".join(frame.data for frame in fed)
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
        assert await phone.over() == "normal_clearing"
    assert raised == ["too loud"]
    assert len(fed) == 1, "and at once"


@asynccontextmanager
async def on_a_real_socket(answer: Callable[[Line], Awaitable[None]]) -> AsyncIterator[Phone]:
    account = Account()
    fake = FakeTelnyx(account)
    async with served(fake) as rest, open_services(observe=lambda _: None) as services:
        voip = TelnyxVoIP(account.settings(api_url=f"{rest}/v2"), services)
        door = PlainDoor(answer, path="/reception/telnyx")
        async with served(application(voip, door)) as base:
            url = f"{base}{door.path}/webhook"
            async with place_call(services, url, telnyx=fake) as phone:
                yield phone
