from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.carriers.wire import DOUBT_SECONDS, Phase, Wire
from dialog_core.errors import LineError, ProviderRejected, ProviderUnavailable
from dialog_core.net.media_stream import MediaStream

REFUSED = ProviderRejected("acme", "no", stage="voip", status=400)
LOST = ProviderUnavailable("acme", "no answer", stage="voip")


@attrs.frozen
class Words:
    clear: str = "clear"

    def mark(self, name: str) -> str:
        return name


@attrs.define
class Socket:
    sent: list[str] = attrs.field(factory=list)

    async def receive(self) -> Mapping[str, Any]:
        raise AssertionError("nobody reads here")

    async def send(self, message: Mapping[str, Any]) -> None:
        await anyio.lowlevel.checkpoint()
        self.sent.append(message["text"])

    def stream(self) -> MediaStream[Words]:
        return MediaStream(self.receive, self.send, Words())  # type: ignore[arg-type]


def new_wire(socket: Socket | None = None, *, return_wait: float = 0.0) -> Wire[Words]:
    return Wire((socket or Socket()).stream(), return_wait)


def refusing(error: Exception, *first: Callable[[], None]) -> Callable[[], Any]:
    async def request() -> None:
        await anyio.lowlevel.checkpoint()
        for do in first:
            do()
        raise error

    return request


async def granted() -> None:
    await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["", "end", "u7:end", "g1:end"])
async def test_a_mark_returns_by_the_name_it_was_sent_with(name: str) -> None:
    socket = Socket()
    wire = new_wire(socket)
    await wire.mark(name)
    assert wire.returned(socket.sent[0]) == name


@pytest.mark.anyio
async def test_a_mark_that_was_cleared_has_not_returned() -> None:
    socket = Socket()
    wire = new_wire(socket)
    await wire.mark("a")
    await wire.clear()
    await wire.mark("b")
    assert [wire.returned(each) for each in socket.sent] == [None, None, "b"]


@given(st.text(max_size=20).filter(lambda name: not name.startswith("g0:")))
def test_a_mark_of_somebody_else_has_not_returned(name: str) -> None:
    assert new_wire().returned(name) is None


def test_an_absurd_number_in_a_mark_is_nobodys_generation() -> None:
    assert new_wire().returned(f"g{'9' * 10_000}:end") is None


@pytest.mark.anyio
async def test_nothing_is_sent_on_a_line_that_has_stopped() -> None:
    socket = Socket()
    wire = new_wire(socket)
    wire.stop("lost")
    with pytest.raises(LineError, match="has stopped: lost"):
        await wire.mark("a")
    await wire.clear()
    assert socket.sent == []


@pytest.mark.anyio
async def test_a_redirection_that_is_refused_leaves_the_line_as_it_was() -> None:
    wire = new_wire()
    with pytest.raises(LineError, match=r"cannot transfer: .*no"):
        await wire.redirect(Phase.LEAVING, "transfer", refusing(REFUSED))
    assert wire.phase is Phase.LIVE
    await wire.redirect(Phase.LEAVING, "transfer", granted)
    assert (wire.phase, wire.cause("lost")) == (Phase.LEAVING, "transferred")
    with pytest.raises(LineError, match="cannot transfer: the line is leaving"):
        await wire.redirect(Phase.LEAVING, "transfer", granted)


@pytest.mark.anyio
async def test_the_end_of_the_stream_tells_that_a_request_without_an_answer_was_taken() -> None:
    wire = new_wire()
    await wire.redirect(Phase.LEAVING, "transfer", refusing(LOST, wire.stream.done.set))
    assert wire.phase is Phase.LEAVING


@pytest.mark.anyio
async def test_a_stream_that_goes_on_tells_that_it_was_not() -> None:
    wire = new_wire()
    began = anyio.current_time()
    with pytest.raises(LineError, match="cannot transfer"):
        await wire.redirect(Phase.LEAVING, "transfer", refusing(LOST))
    assert anyio.current_time() - began == pytest.approx(DOUBT_SECONDS)
    assert wire.phase is Phase.LIVE


@pytest.mark.anyio
async def test_the_end_of_a_stream_waits_until_it_is_known_why() -> None:
    wire = new_wire()
    told: list[str] = []
    answered = anyio.Event()

    async def end() -> None:
        await wire.settled()
        told.append(wire.cause("hangup"))

    async def request() -> None:
        await answered.wait()
        assert told == []

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wire.redirect, Phase.LEAVING, "transfer", request)
        await anyio.lowlevel.checkpoint()
        while wire.phase is Phase.LIVE:
            await anyio.lowlevel.checkpoint()
        tasks.start_soon(end)
        await anyio.wait_all_tasks_blocked()
        answered.set()
    assert told == ["transferred"]


@pytest.mark.anyio
async def test_a_stream_that_moves_is_waited_for() -> None:
    wire = new_wire(return_wait=5.0)
    await wire.redirect(Phase.MOVING, "send digits", granted)
    with pytest.raises(LineError, match="did not return"):
        wire.sending()
    other = Socket().stream()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wire.arrived)
        await anyio.wait_all_tasks_blocked()
        wire.rebind(other)
    assert (wire.sending(), wire.phase, wire.generation) == (other, Phase.LIVE, 1)


@pytest.mark.anyio
async def test_a_stream_that_does_not_return_is_not_waited_for_for_ever() -> None:
    wire = new_wire(return_wait=5.0)
    await wire.redirect(Phase.MOVING, "send digits", granted)
    await wire.arrived()
    assert wire.cause("lost") == "error: the stream did not return after digits"


def test_the_end_is_asked_for_once() -> None:
    wire = new_wire()
    assert wire.end()
    assert wire.cause("lost") == "hangup"
    assert not wire.end()


@pytest.mark.parametrize(
    ("reason", "asked"), [("hangup", False), ("transferred", False), ("lost", True)]
)
def test_a_call_that_only_lost_its_line_is_still_to_be_ended(reason: str, asked: bool) -> None:
    wire = new_wire()
    wire.stop(reason)
    assert wire.end() is asked
    assert wire.phase is Phase.STOPPED
