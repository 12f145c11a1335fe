from __future__ import annotations

from typing import ClassVar

import anyio
import pytest

from dialog_core.errors import LineError
from dialog_core.line import Ability, Progress
from dialog_core.testing.contracts.contract import Contract, not_claimed, proves
from dialog_core.testing.contracts.voip_kit import VoipKit, VoipWorld, open_world
from dialog_core.testing.contracts.voip_media import SPEECH
from dialog_core.testing.phones.phone import Outcome

__all__ = ["VoipStates"]

CALLEE = "+15550004444"
ANSWERED = [Progress.RINGING, Progress.ANSWERED, Progress.ENDED]
FINAL = {
    Outcome.BUSY: Progress.BUSY,
    Outcome.NO_ANSWER: Progress.NO_ANSWER,
    Outcome.FAILED: Progress.FAILED,
}
PATIENCE = 120


async def final(world: VoipWorld, call: str) -> list[Progress]:
    """All states of a call, once it is over."""
    with anyio.fail_after(PATIENCE):
        await world.door.reached(call)
    return [state.progress for state in world.door.states if state.call == call]


class VoipStates(Contract):
    """How far calls come, and calls that we place."""

    kit: ClassVar[VoipKit]

    @pytest.mark.requirement("D.20")
    async def test_a_call_that_comes_in_is_answered_and_ends(self) -> None:
        async with open_world(self.kit) as world:
            async with world.call() as phone:
                await phone.silent(0.1)
            states = await final(world, phone.call_id)
        assert states[-2:] == ANSWERED[-2:]
        assert states in (ANSWERED, ANSWERED[1:])

    async def test_a_carrier_that_cannot_call_says_so(self) -> None:
        async with open_world(self.kit) as world:
            if self.claims(Ability.OUTBOUND):
                assert Ability.OUTBOUND in world.voip.abilities
                return
            with pytest.raises(LineError, match=Ability.OUTBOUND):
                await world.dial(CALLEE)

    @proves(Ability.OUTBOUND)
    @pytest.mark.requirement("D.20")
    @pytest.mark.parametrize("unruly", [False, True], ids=["orderly", "unruly"])
    async def test_a_call_that_we_place_is_a_call_like_any_other(self, *, unruly: bool) -> None:
        if not self.claims(Ability.OUTBOUND):
            not_claimed(Ability.OUTBOUND)
        async with open_world(self.kit) as world:
            world.carrier.expect(Outcome.ANSWERED, unruly=unruly)
            call = await world.dial(CALLEE, order="17", Note="a & b")
            phone = await world.carrier.dialled()
            await phone.silent(0.1)
            info = world.line.info
            await world.play(SPEECH)
            await phone.heard_speech()
            await phone.heard_silence(0.2)
            await phone.say(SPEECH)
            await phone.silent(0.1)
            await phone.hang_up()
            states = await final(world, call)
            await world.clerk.idle()
        assert info.id == phone.call_id == call
        assert (info.direction, info.called) == ("outbound", CALLEE)
        assert (info.metadata["order"], info.metadata["Note"]) == ("17", "a & b")
        assert SPEECH in b"".join(audio for _, audio in phone.played)
        assert SPEECH in world.clerk.heard
        assert states in (ANSWERED, ANSWERED[1:])
        assert unruly or states == ANSWERED
        assert len(world.door.lines) == 1
        assert phone.warnings == []

    @proves(Ability.OUTBOUND)
    @pytest.mark.requirement("D.20")
    @pytest.mark.parametrize("outcome", FINAL, ids=lambda outcome: outcome.value)
    async def test_a_call_that_nobody_takes_ends_without_a_line(self, outcome: Outcome) -> None:
        if not self.claims(Ability.OUTBOUND):
            not_claimed(Ability.OUTBOUND)
        async with open_world(self.kit) as world:
            world.carrier.expect(outcome)
            call = await world.dial(CALLEE)
            phone = await world.carrier.dialled()
            states = await final(world, call)
            await phone.over()
        assert states[-1] is FINAL[outcome]
        assert Progress.ANSWERED not in states
        assert world.door.lines == []

    async def test_the_agent_may_end_a_call_that_it_placed(self) -> None:
        if not self.claims(Ability.OUTBOUND):
            not_claimed(Ability.OUTBOUND)
        async with open_world(self.kit) as world:
            call = await world.dial(CALLEE)
            phone = await world.carrier.dialled()
            await phone.silent(0.1)
            await world.line.hang_up()
            await phone.over()
            assert (await final(world, call))[-1] is Progress.ENDED

    async def test_a_call_that_the_carrier_refuses_to_place_is_an_error(self) -> None:
        if not self.claims(Ability.OUTBOUND):
            not_claimed(Ability.OUTBOUND)
        async with open_world(self.kit) as world:
            world.carrier.refuse()
            with pytest.raises(LineError, match="place a call"):
                await world.dial(CALLEE)
        assert world.door.states == []

    @pytest.mark.parametrize("number", ["", "555 1234", "+0123", "http://h"])
    async def test_what_is_no_number_is_not_called(self, number: str) -> None:
        if not self.claims(Ability.OUTBOUND):
            not_claimed(Ability.OUTBOUND)
        async with open_world(self.kit) as world:
            with pytest.raises(LineError, match="number"):
                await world.dial(number)
