from __future__ import annotations

import pytest
from dialog_twilio.testing import TwilioCarrier, kits
from dialog_twilio.webhooks import read_progress

from dialog_core.errors import LineError, ProviderProtocolError
from dialog_core.line import Ability, Progress
from dialog_core.testing.contracts.voip_kit import VoipWorld, open_world
from dialog_core.testing.phones import Outcome

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("D.20")]

KIT = kits()[0]
SID = "CA00000000000000000000000000000001"
CALLEE = "+15550004444"


def twilio(world: VoipWorld) -> TwilioCarrier:
    assert isinstance(world.carrier, TwilioCarrier)
    return world.carrier


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        ("queued", None),
        ("initiated", None),
        ("ringing", Progress.RINGING),
        ("in-progress", Progress.ANSWERED),
        ("completed", Progress.ENDED),
        ("busy", Progress.BUSY),
        ("no-answer", Progress.NO_ANSWER),
        ("canceled", Progress.NO_ANSWER),
        ("failed", Progress.FAILED),
        ("something new", None),
    ],
)
def test_what_twilio_says_of_a_call_is_a_state_of_ours(
    status: str, progress: Progress | None
) -> None:
    told = read_progress({"CallSid": SID, "CallStatus": status})
    assert (told.progress, told.reason) == (progress, status)
    assert read_progress({"CallSid": SID, "SipResponseCode": "486"}).reason == "486"


def test_a_state_of_no_call_is_twilios_fault() -> None:
    with pytest.raises(ProviderProtocolError, match="CallSid"):
        read_progress({"CallStatus": "ringing"})


async def test_a_call_is_asked_for_once_with_all_its_steps() -> None:
    async with open_world(KIT) as world:
        twilio(world).expect(Outcome.BUSY)
        call = await world.dial(CALLEE)
        await world.door.reached(call)
        (request,) = twilio(world).twilio.requests
    assert request.path == "/Calls.json"
    assert request.form["StatusCallbackEvent"] == "initiated ringing answered completed"
    assert request.form["Url"].startswith("https://voice.example.com/reception/twilio/outbound/")
    assert (request.form["To"], request.form["From"]) == (CALLEE, "+15550002222")


@pytest.mark.parametrize("route", ["/status", "/outbound/x"])
async def test_webhooks_of_our_calls_must_be_signed_too(route: str) -> None:
    async with open_world(KIT) as world:
        url = f"https://voice.example.com{world.door.path}{route}"
        answer = await world.services.http.post(url, data={"CallSid": SID})
    assert answer.status_code == 403


async def test_a_status_that_cannot_be_read_is_noted() -> None:
    async with open_world(KIT) as world, world.call() as phone:
        await phone.silent(0.1)
        exchange = twilio(world).twilio.phones[phone.call_id].exchange
        url = f"https://voice.example.com{world.door.path}/status"
        fields = {"AccountSid": twilio(world).twilio.account.sid, "CallStatus": "ringing"}
        assert (await exchange.post(url, fields)).status_code == 400
    assert "a webhook cannot be read" in world.troubles()


async def test_an_answer_that_was_lost_places_no_second_call() -> None:
    async with open_world(KIT) as world:
        twilio(world).twilio.lose_answer()
        with pytest.raises(LineError, match="cannot place a call"):
            await world.dial(CALLEE)
        assert len(twilio(world).twilio.requests) == 1


async def test_without_a_number_to_show_no_call_can_be_placed() -> None:
    async with open_world(KIT, dial_from="") as world:
        assert Ability.OUTBOUND not in world.voip.abilities
        with pytest.raises(LineError, match="twilio cannot outbound: set dial_from"):
            await world.dial(CALLEE)


async def test_what_was_said_of_a_call_stands_beside_what_twilio_says() -> None:
    async with open_world(KIT) as world:
        call = await world.dial(CALLEE, order="17")
        phone = await world.carrier.dialled()
        await phone.silent(0.1)
        assert world.line.info.metadata["order"] == "17"
        assert world.line.info.metadata["Direction"] == "outbound-api"
        await phone.hang_up()
        assert (await world.door.reached(call)).progress is Progress.ENDED
