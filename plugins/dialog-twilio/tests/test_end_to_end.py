from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import accumulate

import anyio
import attrs
import pytest
from dialog_twilio.session import TwilioVoIP
from dialog_twilio.testing import (
    Account,
    FakeTwilio,
    Phone,
    PlainDoor,
    application,
    light_connect,
    place_call,
)

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.errors import HandshakeRefused, LineError, SocketError
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation
from dialog_core.protocols import DirectLine, Line, LineEvent, LineStopped
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served
from dialog_core.turns.events import Keypress

pytestmark = [pytest.mark.anyio, real_loop]

SPEECH = bytes(range(160)) * 10


def heard(phone: Phone) -> bytes:
    """All that the caller has heard of the agent until now."""
    return b"".join(audio for _, audio in phone.played)


@pytest.mark.parametrize("client", ["ordinary", "light"])
async def test_calls_over_real_sockets_hear_send_digits_and_end_in_every_way(client: str) -> None:
    ends: list[LineEvent] = []

    async def answer(line: Line) -> None:
        async with anyio.create_task_group() as tasks:
            async for event in line.events():
                if isinstance(event, AudioFrame):
                    with suppress(
                        LineError
                    ):  # the caller may be gone, with frames still to be read
                        await line.play(event.data)
                    if event.at == pytest.approx(0.2):
                        tasks.start_soon(line.send_digits, "1")
                else:
                    ends.append(event)

    observed: list[Observation] = []
    account = Account()
    fake = FakeTwilio(account)
    async with served(fake) as rest, open_services(observe=observed.append) as services:
        phones = attrs.evolve(services, connect=light_connect) if client == "light" else services
        voip = TwilioVoIP(account.settings(api_url=rest), services)
        door = PlainDoor(answer, path="/reception/twilio")
        async with served(application(voip, door)) as base:
            url = f"{base}{door.path}/voice"
            async with place_call(phones, url, twilio=fake) as phone:
                await phone.silent(0.3)
                await phone.say(SPEECH)
                await phone.until(lambda: phone.digits and SPEECH in heard(phone))
                assert phone.digits == "1"
                assert SPEECH in heard(phone)
            async with place_call(phones, url, twilio=fake) as phone:
                await phone.until(lambda: len(door.lines) == 2)
                await door.lines[-1].hang_up()
                assert await phone.over() == "completed"
                assert phone.warnings == []
            async with place_call(phones, url, twilio=fake) as phone:
                await phone.until(lambda: len(door.lines) == 3)
                await phone.vanish()
                assert await phone.over() == "completed"
    assert ends == [LineStopped("hangup"), LineStopped("hangup"), LineStopped("lost")]
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
    fake = FakeTwilio(account)
    async with served(fake) as rest, open_services(observe=lambda _: None) as services:
        voip = TwilioVoIP(account.settings(api_url=rest), services)
        door = PlainDoor(answer, path="/reception/twilio")
        async with served(application(voip, door)) as base:
            url = f"{base}{door.path}/voice"
            async with place_call(services, url, twilio=fake) as phone:
                yield phone


async def test_the_light_client_tells_a_refusal_from_a_lost_server() -> None:
    account = Account()
    async with open_services(observe=lambda _: None) as services:
        door = PlainDoor(path="/reception/twilio")
        voip = TwilioVoIP(account.settings(), services)
        async with served(application(voip, door)) as base:
            url = base.replace("http", "ws") + f"{door.path}/media/x"
            with pytest.raises(HandshakeRefused) as caught:
                async with light_connect(url):
                    pass
        with pytest.raises(SocketError, match="cannot connect"):
            async with light_connect(url):
                pass
        with pytest.raises(SocketError, match="ws only"):
            async with light_connect("wss://127.0.0.1/x"):
                pass
    assert caught.value.status == 403
