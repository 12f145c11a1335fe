from __future__ import annotations

from typing import ClassVar

import pytest

from dialog_core.line import LineStopped
from dialog_core.testing.contracts.contract import Contract
from dialog_core.testing.contracts.voip_kit import VoipKit, open_world
from dialog_core.testing.phones.phone import Seal

__all__ = ["VoipGate"]

REFUSED = (401, 403)
LONG = 2_000_000
TOO_LARGE = 413
SERVER_FAULT = 500


class VoipGate(Contract):
    """Who is let in, and how calls begin and end."""

    kit: ClassVar[VoipKit]

    async def test_a_call_says_who_calls_whom(self) -> None:
        numbers = {"caller": "+15550001234", "called": "+15550005678"}
        async with open_world(self.kit) as world, world.call(**numbers) as phone:
            await phone.silent(0.1)
            info = world.line.info
        assert (info.id, info.voip, info.agent) == (phone.call_id, self.kit.name, world.door.agent)
        known = numbers if self.kit.numbers else dict.fromkeys(numbers, "")
        assert {"caller": info.caller, "called": info.called} == known
        assert info.direction == "inbound"

    async def test_the_caller_hangs_up(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            await phone.hang_up()
            await world.clerk.idle()
            await world.line.hang_up()
        assert world.clerk.of(LineStopped) == [LineStopped("hangup")]
        assert phone.warnings == []

    async def test_the_agent_hangs_up_and_again_is_harmless(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            await world.line.hang_up()
            await world.line.hang_up()
            await phone.over()
            await world.clerk.idle()
            await world.line.hang_up()
        assert world.clerk.of(LineStopped) == [LineStopped("hangup")]

    async def test_the_phone_vanishes(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            await phone.vanish()
            await world.clerk.has(LineStopped)
            await world.clerk.idle()
            await world.line.hang_up()
            await phone.over()
        assert world.clerk.of(LineStopped) == [LineStopped("lost")]

    async def test_a_call_that_finds_no_room_is_refused(self) -> None:
        async with open_world(self.kit) as world:
            world.door.room = False
            async with world.call() as phone:
                await phone.over()
        assert world.door.lines == []

    @pytest.mark.parametrize("seal", list(Seal))
    async def test_only_what_the_carrier_signed_is_let_in(self, seal: Seal) -> None:
        if seal not in self.kit.seals:
            pytest.skip("this carrier does not sign so")
        async with open_world(self.kit) as world:
            status = await world.carrier.knock(seal)
            refused = world.troubles()
        if seal is Seal.GOOD:
            assert status // 100 == 2  # noqa: PLR2004 - any success
        else:
            assert status in REFUSED
            assert refused
            assert world.door.tickets == {}

    async def test_unsigned_webhooks_are_let_in_only_where_the_settings_say_so(self) -> None:
        if self.kit.unsigned is None:
            pytest.skip("there is no such setting")
        async with open_world(self.kit, None, **self.kit.unsigned) as world:
            assert await world.carrier.knock(Seal.MISSING) // 100 == 2  # noqa: PLR2004 - any success
            assert any("DANGER" in step for step in world.voip.next_steps("https://h"))

    async def test_an_endless_body_is_refused(self) -> None:
        async with open_world(self.kit) as world:
            assert await world.carrier.knock_loudly(LONG) == TOO_LARGE

    async def test_a_media_socket_wants_the_ticket_of_its_call_once(self) -> None:
        async with open_world(self.kit) as world:
            url = await world.carrier.media_url()
            path, _, _ticket = url.rpartition("/")
            assert not await world.carrier.connects(path)
            assert not await world.carrier.connects(f"{path}/")
            assert not await world.carrier.connects(f"{path}/forged")
            assert world.door.lines == []
            assert await world.carrier.connects(url)
            assert not await world.carrier.connects(url)
        assert len(world.door.lines) == 1

    async def test_a_media_socket_with_an_old_ticket_is_refused(self) -> None:
        async with open_world(self.kit) as world:
            url = await world.carrier.media_url()
            world.door.expire()
            assert not await world.carrier.connects(url)
        assert world.door.lines == []

    async def test_a_webhook_of_a_call_that_is_over_starts_nothing(self) -> None:
        async with open_world(self.kit) as world:
            async with world.call() as phone:
                await phone.silent(0.1)
            await world.clerk.idle()
            states = list(world.door.states)
            assert await world.carrier.tell_late(phone) < SERVER_FAULT
        assert len(world.door.lines) == 1
        assert world.door.states == states
