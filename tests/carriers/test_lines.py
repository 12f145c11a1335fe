from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import attrs
import pytest

from dialog_core.carriers.lines import Lines, close
from dialog_core.carriers.messages import unreadable
from dialog_core.errors import LineError
from dialog_core.line import CallInfo, Progress
from dialog_core.testing.phones.door import PlainDoor

pytestmark = pytest.mark.anyio


@attrs.define(eq=False)
class Line:
    """A line as far as it is served."""

    info: CallInfo = attrs.field(factory=lambda: CallInfo("c1", "reception", "acme"))
    awaits_stream: bool = False
    transferred: bool = False
    closed: bool = False

    async def start_services(self) -> None:
        await anyio.sleep_forever()

    async def close(self) -> None:
        self.closed = True


@attrs.define
class World:
    line: Line = attrs.field(factory=Line)
    notes: list[str] = attrs.field(factory=list)
    found: list[Line | None] = attrs.field(factory=list)
    fails: bool = False
    door: PlainDoor = attrs.field(init=False)
    lines: Lines[Any] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.door = PlainDoor(self.answer)
        self.lines = Lines(self.door, self.note)

    def note(self, _call: str, what: str, _detail: str) -> None:
        self.notes.append(what)

    async def answer(self, _line: object) -> None:
        self.found = [self.lines.get(name) for name in ("c1", "leg", "")]
        if self.fails:
            raise LineError("the line failed")

    def admit(self) -> str | None:
        return self.lines.admit(self.door.issue("c1"), self.door.redeem)

    @property
    def states(self) -> list[Progress]:
        return [state.progress for state in self.door.states]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_call_is_found_by_its_names_while_it_lasts(fails: bool) -> None:
    world = World(fails=fails)
    await world.lines.run(world.line, "c1", "leg", "")
    assert world.found == [world.line, world.line, None]
    assert world.lines.get("c1") is None
    assert world.line.closed
    assert world.states == [Progress.ANSWERED, Progress.ENDED]


async def test_a_call_that_goes_on_without_us_has_not_ended() -> None:
    world = World(line=Line(transferred=True))
    await world.lines.run(world.line, "c1")
    assert world.states == [Progress.ANSWERED]


async def test_a_media_socket_wants_a_ticket_that_is_good() -> None:
    world = World()
    assert world.lines.admit("made up", world.door.redeem) is None
    assert world.notes == ["a media socket was refused"]
    assert world.admit() == "c1"


@pytest.mark.parametrize(("awaits", "admitted"), [(False, None), (True, "c1")])
async def test_a_call_has_one_media_socket_unless_its_stream_moves(
    awaits: bool, admitted: str | None
) -> None:
    world = World(line=Line(awaits_stream=awaits))
    world.lines = Lines(world.door, world.lines.note, {"c1": world.line})
    assert world.admit() == admitted


async def test_a_media_socket_begins_in_time_and_rightly() -> None:
    world = World()

    async def rightly() -> str:
        return "start"

    async def wrongly() -> str:
        raise unreadable("acme", "another message came before start")

    async def never() -> str:
        await anyio.sleep_forever()
        return "start"

    assert await world.lines.started("c1", rightly(), within=5.0) == "start"
    assert await world.lines.started("c1", wrongly(), within=5.0) is None
    assert await world.lines.started("c1", never(), within=5.0) is None
    assert world.notes == [
        "a media socket began wrongly",
        "a media socket did not start in time",
    ]


async def test_a_refusal_reaches_whoever_is_still_there() -> None:
    sent: list[Mapping[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def gone(_message: Any) -> None:
        raise OSError("gone")

    await close(send)
    await close(gone)
    assert sent == [{"type": "websocket.close", "code": 1008}]
