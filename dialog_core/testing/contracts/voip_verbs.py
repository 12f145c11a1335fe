from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar

import anyio
import anyio.lowlevel
import pytest

from dialog_core.errors import LineError
from dialog_core.line import Ability, LineStopped, Recording
from dialog_core.protocols import Line
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.contract import Contract, not_claimed, proves
from dialog_core.testing.contracts.voip_kit import VoipKit, open_world
from dialog_core.testing.contracts.voip_media import SPEECH
from dialog_core.turns.events import Keypress

__all__ = ["VoipVerbs"]

TARGET = "+15550003333"
COMPLETED = "completed"
PATIENCE = 60.0

Verb = Callable[[Line], Awaitable[object]]
VERBS: Mapping[str, tuple[Verb, ...]] = {
    Ability.SEND_DIGITS: (lambda line: line.send_digits("1"),),
    Ability.TRANSFER: (lambda line: line.transfer(TARGET),),
    Ability.RECORD: (
        lambda line: line.start_recording(),
        lambda line: line.stop_recording("r1"),
        lambda line: line.delete_recording("r1"),
        lambda line: line.fetch_recording(Recording("r1", COMPLETED)),
    ),
    Ability.TRANSCRIBE: (
        lambda line: line.start_transcription(),
        lambda line: line.stop_transcription("t1"),
    ),
}
"""What a line is asked that does not have the ability."""


class VoipVerbs(Contract):
    """What may be asked of a line besides audio: what is claimed works, what is not is refused by its name."""

    kit: ClassVar[VoipKit]

    async def test_abilities_can_be_listed_without_a_call(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            of_line = world.line.abilities
        assert choose(self.kit).factory.abilities >= self.kit.abilities
        assert world.voip.abilities == self.kit.abilities
        assert of_line == self.kit.abilities - {Ability.OUTBOUND}

    async def test_what_is_not_claimed_is_refused_by_its_name(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            for ability in VERBS.keys() - self.kit.abilities:
                for verb in VERBS[ability]:
                    with pytest.raises(LineError, match=ability):
                        await verb(world.line)
            await phone.say(SPEECH)
            assert world.clerk.of(LineStopped) == []

    @proves(Ability.KEYPRESS)
    async def test_keys_that_the_caller_presses_arrive_in_order(self) -> None:
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            await phone.press("5*#0")
            await phone.silent(0.2)
            keys = "".join(key.digit for key in world.clerk.of(Keypress))
        assert keys == ("5*#0" if Ability.KEYPRESS in self.kit.abilities else "")

    @proves(Ability.SEND_DIGITS)
    async def test_digits_are_played_and_the_call_goes_on(self) -> None:
        if not self.claims(Ability.SEND_DIGITS):
            not_claimed(Ability.SEND_DIGITS)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            await world.line.send_digits("1w2#")
            await world.play(SPEECH)
            await phone.heard_speech()
            await phone.heard_silence(0.2)
            await phone.say(SPEECH)
            await phone.silent(0.1)
            assert phone.digits.replace("w", "") == "12#"
            assert SPEECH in b"".join(audio for _, audio in phone.played)
            assert SPEECH in world.clerk.heard
            assert world.clerk.of(LineStopped) == []

    @pytest.mark.parametrize("digits", ["", "12a", "1" * 200, "1 2"])
    async def test_what_no_keypad_has_is_refused(self, digits: str) -> None:
        if not self.claims(Ability.SEND_DIGITS):
            not_claimed(Ability.SEND_DIGITS)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            with pytest.raises(LineError, match="digits"):
                await world.line.send_digits(digits)
        assert phone.digits == ""

    @proves(Ability.TRANSFER)
    async def test_a_transferred_caller_leaves_the_line(self) -> None:
        if not self.claims(Ability.TRANSFER):
            not_claimed(Ability.TRANSFER)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            await world.line.transfer(TARGET)
            await world.clerk.has(LineStopped)
            await world.clerk.idle()
            await world.line.hang_up()
            with anyio.fail_after(PATIENCE):
                while phone.transferred_to is None:
                    await anyio.lowlevel.checkpoint()
            assert phone.transferred_to == TARGET
            assert phone.live
        assert world.clerk.of(LineStopped) == [LineStopped("transferred")]

    @proves(Ability.TRANSFER)
    async def test_a_refused_transfer_leaves_the_caller_with_the_agent(self) -> None:
        if not self.claims(Ability.TRANSFER):
            not_claimed(Ability.TRANSFER)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            world.carrier.refuse()
            with pytest.raises(LineError, match="transfer"):
                await world.line.transfer(TARGET)
            await world.play(SPEECH)
            await phone.heard_speech()
            await phone.heard_silence(0.2)
            assert phone.transferred_to is None
            assert SPEECH in b"".join(audio for _, audio in phone.played)
            assert world.clerk.of(LineStopped) == []

    @pytest.mark.parametrize("number", ["", "555 1234", "+0123", "http://h", '+1555"/><x'])
    async def test_nobody_can_be_transferred_to_what_is_no_number(self, number: str) -> None:
        if not self.claims(Ability.TRANSFER):
            not_claimed(Ability.TRANSFER)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            with pytest.raises(LineError, match="number"):
                await world.line.transfer(number)
            assert phone.transferred_to is None

    @proves(Ability.RECORD)
    async def test_a_recording_is_made_stopped_fetched_and_deleted(self) -> None:
        if not self.claims(Ability.RECORD):
            not_claimed(Ability.RECORD)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            recording = await world.line.start_recording()
            await phone.say(SPEECH)
            await world.line.stop_recording(recording)
            await self.recorded(world.clerk.of, world.clerk.has)
            (made,) = [each for each in world.clerk.of(Recording) if each.status == COMPLETED]
            wav = await world.line.fetch_recording(made)
            await world.line.delete_recording(made.id)
            with pytest.raises(LineError):
                await world.line.fetch_recording(made)
        assert made.id == recording
        assert wav[:4] == b"RIFF"
        assert len(wav) > len(SPEECH)

    @proves(Ability.RECORD)
    async def test_what_the_carrier_owes_comes_after_the_end_of_the_stream(self) -> None:
        if not self.claims(Ability.RECORD):
            not_claimed(Ability.RECORD)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            await world.line.start_recording()
            await phone.say(SPEECH)
            await phone.hang_up()
            await world.clerk.idle()
            after = world.clerk.events[world.clerk.events.index(LineStopped("hangup")) :]
        assert [each.status for each in after if isinstance(each, Recording)] == [COMPLETED]

    async def test_a_refused_recording_is_an_error_and_the_call_goes_on(self) -> None:
        if not self.claims(Ability.RECORD):
            not_claimed(Ability.RECORD)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            world.carrier.refuse()
            with pytest.raises(LineError, match="recording"):
                await world.line.start_recording()
            await phone.say(SPEECH)
            assert world.clerk.of(LineStopped) == []

    @proves(Ability.TRANSCRIBE)
    async def test_the_carriers_transcription_starts_and_stops(self) -> None:
        if not self.claims(Ability.TRANSCRIBE):
            not_claimed(Ability.TRANSCRIBE)
        async with open_world(self.kit) as world, world.call() as phone:
            await phone.silent(0.1)
            transcription = await world.line.start_transcription()
            await phone.silent(0.1)
            await world.line.stop_transcription(transcription)
        assert transcription
        assert phone.warnings == []

    async def recorded(
        self, of: Callable[[type[Recording]], list[Recording]], has: Callable[..., Awaitable[None]]
    ) -> None:
        """Wait until a recording is complete."""
        with anyio.fail_after(PATIENCE):
            while not any(each.status == COMPLETED for each in of(Recording)):
                await has(Recording, len(of(Recording)) + 1)
