"""Twilio's signatures against the addresses that the server's own front door makes, proxies between included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
from dialog_twilio.testing import new_sid, place_call
from dialog_twilio.testing.verbs import Stream, read_twiml
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dialog_core.errors import HandshakeRefused
from dialog_core.factory import Services
from dialog_core.testing.vendor import in_memory
from tests.scenarios.staging import HOST, MINIMAL, Vendors, World, open_world

pytestmark = pytest.mark.anyio

VOICE = "/reception/twilio/voice"
INSIDE = "10.0.0.7:8080"
HONEST = {"x-forwarded-proto": "https", "x-forwarded-host": HOST}
Overrides = Sequence[tuple[str, object]]


def server(public_url: str = "", *, trust: bool = False) -> Overrides:
    return (("server.public_url", public_url), ("server.trust_forwarded", trust))


@attrs.frozen
class Proxy:
    """Ends TLS: the server behind it sees plain HTTP, and what this proxy says of the outside."""

    app: ASGIApp
    says: Mapping[str, str] = HONEST
    host: str = INSIDE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope).mutablecopy()
        for name, value in {**self.says, "host": self.host}.items():
            headers[name] = value
        scheme = "ws" if scope["type"] == "websocket" else "http"
        await self.app({**scope, "scheme": scheme, "headers": headers.raw}, receive, send)


@asynccontextmanager
async def behind(world: World, proxy: ASGIApp) -> AsyncIterator[Services]:
    """Services of the outside, for which the world's server is behind a proxy."""
    async with in_memory({**world.vendors.apps, HOST: proxy}) as outside:
        yield outside


def fields(world: World) -> dict[str, str]:
    account = world.vendors.twilio.account
    return {"AccountSid": account.sid, "CallSid": new_sid("CA"), "From": "+15550001111"}


async def ask(
    world: World, outside: Services, *, signed: str, sent: str = f"https://{HOST}{VOICE}"
) -> int:
    """The status of a webhook signed for one address and sent to another."""
    form = fields(world)
    headers = world.vendors.twilio.account.sign(signed, form.items())
    return (await outside.http.post(sent, data=form, headers=headers)).status_code


async def stream_url(world: World, voice: str = f"https://{HOST}{VOICE}") -> str:
    """The media address that a signed webhook is answered with."""
    form = fields(world)
    headers = world.vendors.twilio.account.sign(voice, form.items())
    response = await world.outside.http.post(voice, data=form, headers=headers)
    stream = read_twiml(response.content)[0]
    assert isinstance(stream, Stream)
    return stream.url


async def refusal(outside: Services, url: str, headers: Mapping[str, str]) -> int:
    with pytest.raises(HandshakeRefused) as caught:
        async with outside.connect(url, headers=headers):
            pass
    return caught.value.status


@pytest.mark.requirement("B.37")
@pytest.mark.parametrize(
    "overrides", [server(f"https://{HOST}"), server(trust=True)], ids=["configured", "forwarded"]
)
async def test_a_call_comes_through_a_proxy_that_ends_tls(overrides: Overrides) -> None:
    async with open_world(overrides=overrides) as world:
        async with behind(world, Proxy(world.server)) as outside:
            twilio = world.vendors.twilio
            url = f"https://{HOST}{VOICE}"
            async with place_call(outside, url, twilio=twilio) as phone:
                await phone.heard_speech()
    assert phone.warnings == []
    assert world.troubles == []
    assert phone.status == "completed"


@pytest.mark.requirement("A.15")
async def test_the_public_address_decides_whatever_a_request_says_of_itself() -> None:
    says = {"x-forwarded-proto": "http", "x-forwarded-host": "evil.example.com"}
    async with open_world(overrides=server(f"https://{HOST}", trust=True)) as world:
        async with behind(world, Proxy(world.server, says, "evil.example.com")) as outside:
            assert await ask(world, outside, signed=f"https://{HOST}{VOICE}") == 200
            assert await ask(world, outside, signed=f"http://evil.example.com{VOICE}") == 403


async def test_behind_a_plain_public_address_twilio_signs_http_and_ws() -> None:
    async with open_world(overrides=server(f"http://{HOST}")) as world:
        assert await ask(world, world.outside, signed=f"http://{HOST}{VOICE}") == 200
        assert await ask(world, world.outside, signed=f"https://{HOST}{VOICE}") == 403


@pytest.mark.requirement("A.15")
async def test_forwarded_headers_are_not_believed_unless_a_proxy_is_trusted() -> None:
    async with open_world(overrides=server(trust=False)) as world:
        async with behind(world, Proxy(world.server)) as outside:
            assert await ask(world, outside, signed=f"https://{HOST}{VOICE}") == 403
            assert await ask(world, outside, signed=f"http://{INSIDE}{VOICE}") == 200


async def test_of_forwarded_lists_the_first_item_counts() -> None:
    says = {"x-forwarded-proto": "https, http", "x-forwarded-host": f"{HOST}, {INSIDE}"}
    async with open_world(overrides=server(trust=True)) as world:
        async with behind(world, Proxy(world.server, says)) as outside:
            assert await ask(world, outside, signed=f"https://{HOST}{VOICE}") == 200


@pytest.mark.requirement("A.15")
@pytest.mark.parametrize(
    "host", ["other.example.com", "voice.example.com:99999", "voice.example.com:x", "[", ""]
)
async def test_a_wrong_host_is_refused_and_breaks_nothing(host: str) -> None:
    async with open_world(overrides=server()) as world:
        async with behind(world, Proxy(world.server, {}, host)) as outside:
            assert await ask(world, outside, signed=f"https://{HOST}{VOICE}") == 403
            url = f"wss://{HOST}/reception/twilio/media/ticket"
            signed = world.vendors.twilio.account.sign(url)
            assert await refusal(outside, url, signed) == 403


@pytest.mark.requirement("A.15")
async def test_an_upgrade_needs_a_signature_of_its_very_address_and_costs_no_ticket() -> None:
    async with open_world() as world:
        url, sign = await stream_url(world), world.vendors.twilio.account.sign
        assert await refusal(world.outside, url, {}) == 403
        assert await refusal(world.outside, url, sign(url.replace("wss:", "https:"))) == 403
        assert await refusal(world.outside, url, sign(url + "/")) == 403
        assert await refusal(world.outside, url, sign(url[:-1])) == 403
        async with world.outside.connect(url, headers=sign(url)):
            pass


@pytest.mark.requirement("A.15")
async def test_a_ticket_cannot_be_replayed_though_its_address_is_signed() -> None:
    async with open_world() as world:
        url = await stream_url(world)
        signed = world.vendors.twilio.account.sign(url)
        async with world.outside.connect(url, headers=signed):
            assert await refusal(world.outside, url, signed) == 403
        assert await refusal(world.outside, url, signed) == 403
    assert "a media socket was refused" in [trouble.what for trouble in world.troubles]


@pytest.mark.requirement("A.15")
async def test_a_ticket_of_one_agent_opens_no_other_agents_door(tmp_path: Path) -> None:
    text = MINIMAL.read_text()
    both = tmp_path / "dialog.toml"
    second = text[text.index("[agents.reception]") :].replace("reception", "kitchen")
    both.write_text(f"{text}\n{second}")
    async with open_world(Vendors(), file=both) as world:
        url = await stream_url(world)
        other = url.replace("/reception/", "/kitchen/")
        signed = world.vendors.twilio.account.sign(other)
        assert await refusal(world.outside, other, signed) == 403
        assert "another agent" in world.troubles[-1].detail
        async with world.outside.connect(url, headers=world.vendors.twilio.account.sign(url)):
            pass
