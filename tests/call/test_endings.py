"""How a call ends, and what reaches the agent afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.errors import LineError
from dialog_core.messages import Utterance
from dialog_core.observe.observations import CallEnded, Trouble
from dialog_core.protocols import Ability, CarrierTranscript, Recording
from dialog_core.testing.calls import InCall, in_call
from dialog_core.testing.line import FakeLine
from dialog_core.turns.records import BrokenOff, Said

pytestmark = pytest.mark.anyio

GOODBYE = "Thank you very much for calling us today, and goodbye."


@attrs.define
class Ending:
    """Says goodbye and does what the test wants."""

    act: Callable[[Call], Awaitable[object]]
    text: str = GOODBYE
    seen: list[object] = attrs.field(factory=list)

    async def reply(self, _turn: Utterance, call: Call) -> AsyncIterator[str]:
        yield self.text
        try:
            self.seen.append(await self.act(call))
        except LineError as error:
            self.seen.append(str(error))

    async def keypress(self, digit: str, _call: Call) -> None:
        self.seen.append(digit)

    async def recording(self, recording: Recording, call: Call) -> None:
        await anyio.sleep(2.0)
        self.seen.append((recording.status, await call.fetch_recording(recording)))

    async def carrier_transcript(self, transcript: CarrierTranscript, _call: Call) -> None:
        self.seen.append(transcript.text)

    async def closed(self, call: Call) -> None:
        self.seen.append(("closed", [recording.status for recording in call.recordings]))


def ended(call: InCall) -> str:
    last = call.observed[-1]
    assert isinstance(last, CallEnded)
    return last.reason


async def after_goodbye(agent: Ending, line: FakeLine) -> InCall:
    async with in_call(line, agent) as call:
        await line.say("Bye.")
        with anyio.move_on_after(15):
            await call.over.wait()
    return call


@pytest.mark.requirement("A.23", "C.7")
async def test_a_hang_up_waits_until_the_goodbye_was_heard_even_if_the_caller_speaks_in_it() -> (
    None
):
    line = FakeLine()
    agent = Ending(lambda call: call.hang_up(reason="done"))
    async with in_call(line, agent) as call:
        await line.say("Bye.")
        await line.wait(1.5)
        await line.say("Bye bye, and thank you.")
        await call.over.wait()
    assert [record.heard for record in call.records if isinstance(record, Said)] == [GOODBYE]
    assert line.done == [("hang_up", "")]
    assert ended(call) == "done"


async def test_a_hang_up_now_cuts_what_is_being_said() -> None:
    agent, line = Ending(lambda call: call.hang_up(after="now")), FakeLine()
    call = await after_goodbye(agent, line)
    assert [type(record) for record in call.records][-1] is BrokenOff
    assert sum(len(piece.audio) for piece in line.played) < 8000


async def test_hanging_up_again_is_harmless() -> None:
    async def twice(call: Call) -> None:
        await call.hang_up()
        await call.hang_up()

    agent, line = Ending(twice), FakeLine()
    call = await after_goodbye(agent, line)
    assert line.done == [("hang_up", "")]
    assert ended(call) == "agent hung up"


@pytest.mark.requirement("A.23")
async def test_a_transfer_hands_the_caller_over_when_the_reply_was_heard() -> None:
    agent, line = Ending(lambda call: call.transfer("+15550003333")), FakeLine()
    call = await after_goodbye(agent, line)
    assert line.done == [("transfer", "+15550003333")]
    assert ended(call) == "transferred"
    assert [type(record) for record in call.records][-1] is Said


@attrs.define(eq=False)
class Unwilling(FakeLine):
    """Its carrier refuses transfers."""

    async def transfer(self, number: str) -> None:
        raise LineError(f"no route to {number}")


async def test_a_refused_transfer_is_apologised_for_and_the_call_goes_on() -> None:
    agent, line = Ending(lambda call: call.transfer("+15550003333")), Unwilling()
    async with in_call(line, agent) as call:
        await line.say("Bye.")
        await line.listen(quiet=2.0)
        agent.act, agent.text = (lambda call: call.hang_up()), "Then goodbye."
        await line.say("Never mind.")
        await call.over.wait()
    said = [record.heard for record in call.records if isinstance(record, Said)]
    assert said == [GOODBYE, "Sorry, something went wrong.", "Then goodbye."]
    assert [t.what for t in call.observed if isinstance(t, Trouble)] == ["could not end the call"]


@pytest.mark.requirement("A.11")
async def test_the_lines_verbs_are_the_calls() -> None:
    async def verbs(call: Call) -> None:
        await call.send_digits("12#")
        recording = await call.start_recording()
        await call.stop_recording(recording)
        await call.delete_recording(recording)
        transcription = await call.start_transcription()
        await call.stop_transcription(transcription)

    line = FakeLine()
    await after_goodbye(Ending(verbs), line)
    assert line.done == [
        ("send_digits", "12#"), ("start_recording", ""), ("stop_recording", "recording-1"),
        ("delete_recording", "recording-1"), ("start_transcription", ""),
        ("stop_transcription", "transcription-1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "ability"),
    [
        (lambda call: call.transfer("+1"), Ability.TRANSFER),
        (lambda call: call.send_digits("1"), Ability.SEND_DIGITS),
        (lambda call: call.start_recording(), Ability.RECORD),
        (lambda call: call.start_transcription(), Ability.TRANSCRIBE),
    ],
)
async def test_what_the_line_cannot_do_is_refused_with_what_it_can(
    act: Callable[[Call], Awaitable[object]], ability: str
) -> None:
    line, agent = FakeLine(abilities=frozenset({Ability.KEYPRESS})), Ending(act)
    await after_goodbye(agent, line)
    assert agent.seen[0] == f"fake cannot {ability}; it can: keypress"
    assert line.done == []


async def nothing(_call: Call) -> None:
    pass


@pytest.mark.requirement("A.10", "A.38", "A.51")
async def test_recordings_and_transcripts_after_the_hang_up_reach_the_agent_before_it_is_closed() -> (
    None
):
    agent, line = Ending(nothing), FakeLine()
    async with in_call(line, agent):
        line.owe()
        line.hang_up_by_caller()
        await line.wait(30.0)
        line.deliver(CarrierTranscript("caller", "hello", final=True))
        line.deliver(Recording("r1", "completed", "https://carrier.example/r1"))
        line.settle()
    assert agent.seen == ["hello", ("completed", b"RIFF"), ("closed", ["completed"])]


@pytest.mark.requirement("A.10")
async def test_keys_reach_the_agent_in_order() -> None:
    agent, line = Ending(nothing), FakeLine()
    async with in_call(line, agent):
        for digit in "42#":
            line.press(digit)
        await line.wait(1.0)
    assert agent.seen[:3] == ["4", "2", "#"]


@pytest.mark.requirement("D.17", "B.40", "A.36")
async def test_a_line_that_vanishes_in_the_middle_of_a_reply_ends_everything() -> None:
    agent, line = Ending(nothing), FakeLine()
    async with in_call(line, agent) as call:
        await line.say("Hello.")
        await line.wait(1.5)
        line.vanish()
        with anyio.fail_after(5):
            await call.over.wait()
    [record] = [record for record in call.records if isinstance(record, BrokenOff)]
    assert GOODBYE.startswith(record.heard)
    assert record.error == "lost"
    assert ended(call) == "lost"
    assert agent.seen[-1] == ("closed", [])


async def test_an_idle_caller_is_asked_and_then_let_go() -> None:
    class Asking(Ending):
        async def silence(self, times: int, _call: Call) -> AsyncIterator[str]:
            yield f"Are you there? {times}."

    line = FakeLine()
    async with in_call(line, Asking(nothing)) as call:
        with anyio.fail_after(60):
            await call.over.wait()
    said = [record.heard for record in call.records if isinstance(record, Said)]
    assert said == ["Are you there? 1.", "Are you there? 2."]
    assert ended(call) == "silence"


async def test_a_call_that_is_cancelled_from_outside_is_still_closed() -> None:
    agent, line = Ending(nothing), FakeLine()
    async with line.calling():
        with anyio.move_on_after(2.0):
            async with in_call(line, agent) as call:
                await line.wait(10.0)
    assert agent.seen == [("closed", [])]
    assert line.done == [("hang_up", "")]
    assert isinstance(call.observed[-1], CallEnded)
