"""Plivo's own package against our signatures, our XML and our pretended REST interface."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import pytest
from dialog_plivo import xml
from dialog_plivo.signature import is_signed, sign
from dialog_plivo.testing import Account, FakePlivo, new_uuid, open_stage

from dialog_core.carriers.documents import element
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

pytest.importorskip("plivo")

from plivo import RestClient, plivoxml  # type: ignore[import-untyped]
from plivo.exceptions import (  # type: ignore[import-untyped]
    AuthenticationError,
    ResourceNotFoundError,
    ValidationError,
)
from plivo.rest import client as plivo_client  # type: ignore[import-untyped]
from plivo.utils import validate_v3_signature  # type: ignore[import-untyped]
from plivo.utils.signature_v3 import (  # type: ignore[import-untyped]
    construct_get_url,
    construct_post_url,
    get_signature_v3,
)

pytestmark = pytest.mark.certify

TOKEN = Account().token
NONCE = "12345678901234567890"
FORM = {"CallUUID": new_uuid(), "From": "15550001111", "City": "SAN JOSÉ", "Blank": ""}
URLS = [
    "https://h.example.com/answer",
    "https://h.example.com/answer?x=1&a=%2B2&a=1&blank=",
    "https://h.example.com:8443/answer",
]


def theirs(method: str, url: str, form: dict[str, str]) -> str:
    """The signature as Plivo's package makes it."""
    build = construct_get_url if method == "GET" else construct_post_url
    signature: bytes = get_signature_v3(TOKEN.encode(), build(url, dict(form)).decode(), NONCE)
    return signature.decode()


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("form", [FORM, {}])
def test_plivo_accepts_our_signatures_of_forms_and_we_accept_theirs(
    url: str, form: dict[str, str]
) -> None:
    ours = sign(TOKEN, "POST", url, NONCE, form.items())
    assert validate_v3_signature("POST", url, NONCE, TOKEN, f"AAAA,{ours}", dict(form))
    assert is_signed(TOKEN, "POST", url, NONCE, theirs("POST", url, form), form.items())


@pytest.mark.parametrize("url", [*URLS, "http://h.example.com/media/t"])
def test_plivo_accepts_our_signatures_of_gets_and_upgrades_and_we_accept_theirs(url: str) -> None:
    assert validate_v3_signature("GET", url, NONCE, TOKEN, sign(TOKEN, "GET", url, NONCE))
    assert is_signed(TOKEN, "GET", url, NONCE, theirs("GET", url, {}))


@pytest.mark.anyio
async def test_plivos_package_accepts_what_the_pretended_plivo_posts() -> None:
    account = Account()
    url = "https://h.example.com/answer?tenant=42"
    headers = httpx.Headers(account.sign("POST", url, FORM.items()))
    given = headers["X-Plivo-Signature-V3"]
    nonce = headers["X-Plivo-Signature-V3-Nonce"]
    assert validate_v3_signature("POST", url, nonce, account.token, given, dict(FORM))


def canonical(document: str) -> Any:
    def shape(element: ET.Element) -> Any:
        children = [shape(child) for child in element]
        return element.tag, dict(element.attrib), (element.text or "").strip(), children

    return shape(ET.fromstring(document))  # noqa: S314 - written by the two builders


def test_our_stream_is_the_stream_that_plivos_builder_writes() -> None:
    built = plivoxml.ResponseElement()
    built.add(plivoxml.WaitElement(length=2))
    built.add(
        plivoxml.StreamElement(
            "wss://h/m/t?a=1&b=2",
            bidirectional=True,
            keepCallAlive=True,
            contentType="audio/x-mulaw;rate=8000",
            statusCallbackUrl="https://h/s?a=1&b=2",
            statusCallbackMethod="POST",
            extraHeaders="From=15550001111",
        )
    )
    built.add(plivoxml.HangupElement())
    stream = xml.stream(
        "wss://h/m/t?a=1&b=2",
        status_callback="https://h/s?a=1&b=2",
        headers={"From": "15550001111"},
    )
    ours = xml.document(xml.wait(2), stream, xml.hang_up())
    assert canonical(ours) == canonical(built.to_string())


def test_our_other_verbs_are_those_that_plivos_builder_writes() -> None:
    built = plivoxml.ResponseElement()
    dial = plivoxml.DialElement(
        caller_id="+15550002222",
        timeout=30,
        action="https://h/after",
        method="POST",
        redirect=False,
    )
    dial.add(plivoxml.NumberElement("+15550003333"))
    built.add(dial)
    user = plivoxml.DialElement(action="https://h/after", method="POST", redirect=False, timeout=9)
    user.add(plivoxml.UserElement("sip:a@phone.plivo.com"))
    built.add(user)
    built.add(plivoxml.HangupElement(reason="busy"))
    action = "https://h/after"
    ours = xml.document(
        xml.dial("+15550003333", caller_id="+15550002222", timeout=30, action=action),
        xml.dial("sip:a@phone.plivo.com", caller_id="", timeout=9, action=action),
        element("Hangup", {"reason": "busy"}),
    )
    assert canonical(ours) == canonical(built.to_string())


@contextmanager
def client(account: Account, base: str) -> Iterator[Any]:
    """Plivo's client, towards another host: it has its hosts as constants of a module."""
    names = ["PLIVO_API_BASE_URI", "API_VOICE_BASE_URI"]
    names += ["API_VOICE_BASE_URI_FALLBACK_1", "API_VOICE_BASE_URI_FALLBACK_2"]
    real = {name: getattr(plivo_client, name) for name in names}
    for name in names:
        setattr(plivo_client, name, f"{base}/v1/Account")
    try:
        with RestClient(account.auth_id, account.token) as made:
            yield made
    finally:
        for name, value in real.items():
            setattr(plivo_client, name, value)


@pytest.mark.anyio
@real_loop
async def test_plivos_client_finds_our_rest_interface_to_be_plivos() -> None:
    async with open_stage() as stage, stage.call() as phone:
        await phone.silent(0.1)
        async with served(stage.plivo) as base:

            def control() -> tuple[str, str]:
                with client(stage.account, base) as plivo:
                    placed = plivo.calls.create(
                        from_="15550002222",
                        to_="15550004444",
                        answer_url=stage.url("/outbound/x"),
                        ring_timeout=30,
                    )
                    started = plivo.calls.record(
                        phone.exchange.call_uuid,
                        time_limit=600,
                        file_format="wav",
                        record_channel_type="stereo",
                    )
                    plivo.calls.record_stop(phone.exchange.call_uuid)
                    kept = plivo.recordings.get(started.recording_id)
                    assert kept.recording_url == started.url
                    plivo.recordings.delete(started.recording_id)
                    plivo.calls.transfer(
                        phone.exchange.call_uuid,
                        legs="aleg",
                        aleg_url=stage.url("/transfer?number=%2B15550003333"),
                        aleg_method="POST",
                    )
                    return str(placed.request_uuid), str(started.recording_id)

            request, recording = await anyio.to_thread.run_sync(control)
            called = await stage.callees.dialled()
            await called.silent(0.1)
            assert called.call_id == request

            def hang_up() -> None:
                with client(stage.account, base) as plivo:
                    plivo.calls.hangup(phone.exchange.call_uuid)

            await anyio.to_thread.run_sync(hang_up)
        assert recording not in stage.plivo.recordings
        assert await phone.over() == "completed"
        assert phone.transferred_to == "+15550003333"


@pytest.mark.anyio
@real_loop
async def test_plivos_client_understands_our_errors() -> None:
    fake = FakePlivo()
    async with served(fake) as base:

        def wrong() -> None:
            with client(fake.account, base) as plivo:
                with pytest.raises(ResourceNotFoundError, match="call not found"):
                    plivo.calls.hangup(new_uuid())
                with pytest.raises(ValidationError, match="file_format"):
                    plivo.calls.record(new_uuid(), file_format="ogg")
            with client(Account(token="other"), base) as stranger:
                with pytest.raises(AuthenticationError):
                    stranger.calls.hangup(new_uuid())

        await anyio.to_thread.run_sync(wrong)
