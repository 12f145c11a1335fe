from __future__ import annotations

import attrs
import pytest
from starlette.requests import Request
from starlette.responses import Response

from dialog_core.carriers.desk import (
    DONE,
    FIELDS_MOST,
    REFUSED,
    UNKNOWN,
    UNREADABLE,
    Desk,
    Fields,
    read_pairs,
)
from dialog_core.carriers.messages import unreadable
from dialog_core.observe.observations import Observation, Trouble


@attrs.frozen
class Gate:
    fields: Fields | None

    async def read(self, request: Request, path: str) -> Fields | None:
        return self.fields


@attrs.define
class World:
    fields: Fields | None
    observed: list[Observation] = attrs.field(factory=list)
    acted: list[str] = attrs.field(factory=list)

    @property
    def desk(self) -> Desk:
        return Desk("acme", Gate(self.fields), self.observed.append)

    @property
    def troubles(self) -> list[tuple[str, str]]:
        return [(each.where, each.what) for each in self.observed if isinstance(each, Trouble)]

    def act(self, call: str) -> Response | None:
        self.acted.append(call)
        return UNKNOWN if call == "gone" else None

    async def take(self) -> Response:
        return await self.desk.take(new_request(), "/status", read_call, self.act)


def new_request(callback_id: str = "") -> Request:
    return Request({"type": "http", "headers": [], "path_params": {"id": callback_id}})


def read_call(fields: Fields) -> str:
    if "call" not in fields:
        raise unreadable("acme", "a webhook names no call")
    return fields["call"]


@pytest.mark.anyio
async def test_what_the_gate_refuses_is_neither_read_nor_acted_on() -> None:
    world = World(None)
    assert await world.take() is REFUSED
    assert (world.acted, world.troubles) == ([], [])


@pytest.mark.anyio
async def test_what_cannot_be_read_is_noted_and_not_acted_on() -> None:
    world = World({})
    assert await world.take() is UNREADABLE
    assert world.acted == []
    assert world.troubles == [("acme.webhook", "a webhook cannot be read")]


@pytest.mark.anyio
async def test_an_action_may_answer_and_need_not() -> None:
    assert await World({"call": "c1"}).take() is DONE
    assert await World({"call": "gone"}).take() is UNKNOWN


@pytest.mark.parametrize(
    ("callback_id", "given", "fits"),
    [("secret", "secret", True), ("secret", "guess", False), (None, "secret", False)],
)
def test_a_callback_comes_to_the_address_that_was_made_for_its_call(
    callback_id: str | None, given: str, fits: bool
) -> None:
    world = World({})
    assert world.desk.is_for(callback_id, new_request(given), "c1") is fits
    assert bool(world.troubles) is not fits


def test_a_form_keeps_its_blanks_and_may_not_have_absurdly_many_fields() -> None:
    assert read_pairs("a=1&b=&a=2") == [("a", "1"), ("b", ""), ("a", "2")]
    assert read_pairs("&".join(["a=1"] * (FIELDS_MOST + 1))) is None
