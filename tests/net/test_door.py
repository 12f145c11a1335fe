from __future__ import annotations

import attrs
import pytest
from starlette.requests import Request

from dialog_core.errors import LineError, TicketError
from dialog_core.net.call_states import CallStates
from dialog_core.net.door import PLACE_SECONDS, Door, Tickets
from dialog_core.net.room import Room
from dialog_core.net.settings import ServerSettings
from dialog_core.protocols import Line


@attrs.define
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


async def answer(_line: Line) -> None:
    pass


def door(settings: ServerSettings | None = None, clock: Clock | None = None) -> Door:
    clock = clock or Clock()
    return Door(
        "reception",
        "/reception/acme",
        settings or ServerSettings(),
        Room(2),
        Tickets(b"k" * 32, 60.0, clock),
        CallStates(clock),
        answer,
    )


def request(scheme: str = "http", root_path: str = "/reception/acme", **headers: str) -> Request:
    raw = {"host": "inside:8080"} | {name.replace("_", "-"): v for name, v in headers.items()}
    return Request(
        {
            "type": "http",
            "scheme": scheme,
            "path": "/reception/acme/incoming",
            "root_path": root_path,
            "query_string": b"a=b",
            "headers": [(name.encode(), value.encode()) for name, value in raw.items()],
            "server": ("127.0.0.1", 8080),
        }
    )


@pytest.mark.parametrize(
    ("settings", "asked", "expected"),
    [
        (ServerSettings(), request(), "ws://inside:8080/reception/acme/media"),
        (ServerSettings(), request("https"), "wss://inside:8080/reception/acme/media"),
        (ServerSettings(), request("wss"), "wss://inside:8080/reception/acme/media"),
        (
            ServerSettings(public_url="https://voice.example.com"),
            request(),
            "wss://voice.example.com/reception/acme/media",
        ),
        (
            ServerSettings(public_url="http://voice.example.com:81/calls"),
            request("https"),
            "ws://voice.example.com:81/calls/reception/acme/media",
        ),
        (
            ServerSettings(),
            request(x_forwarded_proto="https", x_forwarded_host="evil.example"),
            "ws://inside:8080/reception/acme/media",
        ),
        (
            ServerSettings(trust_forwarded=True),
            request(x_forwarded_proto="https, http", x_forwarded_host="voice.example, inner"),
            "wss://voice.example/reception/acme/media",
        ),
        (
            ServerSettings(trust_forwarded=True),
            request(x_forwarded_proto="gopher"),
            "ws://inside:8080/reception/acme/media",
        ),
        (
            ServerSettings(),
            request(root_path="/voice/reception/acme"),
            "ws://inside:8080/voice/reception/acme/media",
        ),
        (
            ServerSettings(),
            request(root_path=""),
            "ws://inside:8080/reception/acme/media",
        ),
    ],
)
def test_addresses_are_those_by_which_the_world_reaches_us(
    settings: ServerSettings, asked: Request, expected: str
) -> None:
    assert door(settings).url(asked, "/media", websocket=True) == expected
    plain = expected.replace("wss://", "https://").replace("ws://", "http://")
    assert door(settings).url(asked, "/media") == plain


def test_a_ticket_is_good_once() -> None:
    front = door()
    ticket = front.issue("CA1")
    assert front.redeem(ticket) == "CA1"
    with pytest.raises(TicketError, match="used already"):
        front.redeem(ticket)


def test_a_ticket_is_good_for_a_minute() -> None:
    clock = Clock()
    front = door(clock=clock)
    ticket = front.issue("CA1")
    clock.now += 61
    with pytest.raises(TicketError, match="expired"):
        front.redeem(ticket)


def test_two_tickets_of_one_call_differ() -> None:
    front = door()
    assert front.issue("CA1") != front.issue("CA1")


def test_used_tickets_are_forgotten_when_they_have_expired() -> None:
    clock = Clock()
    front = door(clock=clock)
    for _ in range(10):
        front.redeem(front.issue("CA1"))
        clock.now += 20
    assert len(front.tickets._used) <= 4


def test_a_ticket_keeps_a_place_for_a_moment() -> None:
    clock = Clock()
    front = door(clock=clock)
    front.issue("CA1")
    front.issue("CA2")
    assert not front.has_room()
    clock.now += PLACE_SECONDS
    assert front.has_room()


def test_a_draining_process_has_no_room() -> None:
    front = door()
    front.room.draining = True
    assert not front.has_room()


def test_before_any_request_came_only_a_public_url_gives_an_address() -> None:
    public = ServerSettings(public_url="https://voice.example.com")
    assert door(public).url(None, "/in") == "https://voice.example.com/reception/acme/in"
    with pytest.raises(LineError, match=r"server\.public_url"):
        door().url(None, "/in")
