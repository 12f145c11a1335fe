from __future__ import annotations

from contextlib import suppress

import pytest
from dialog_telnyx.session import TelnyxVoIP
from dialog_telnyx.testing import Account, FakeTelnyx, place_call

from dialog_core.audio import AudioFrame
from dialog_core.errors import LineError
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation
from dialog_core.protocols import Line, LineEvent, LineStopped
from dialog_core.testing.phones import PlainDoor, application
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

pytestmark = [pytest.mark.anyio, real_loop, pytest.mark.requirement("A.25")]

SPEECH = bytes(range(160)) * 10


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
                await phone.silent(0.1)
                assert SPEECH in b"".join(audio for _, audio in phone.played)
                assert phone.warnings == []
            async with place_call(services, url, telnyx=fake) as phone:
                await phone.silent(0.1)
                await door.lines[-1].hang_up()
                assert await phone.over() == "normal_clearing"
            async with place_call(services, url, telnyx=fake) as phone:
                await phone.silent(0.1)
                await phone.vanish()
                assert await phone.over() == "normal_clearing"
    assert ends == [LineStopped("hangup"), LineStopped("hangup"), LineStopped("lost")]
    assert observed == []
