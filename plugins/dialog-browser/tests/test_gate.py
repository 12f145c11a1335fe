from __future__ import annotations

import anyio
import pytest
from dialog_browser.session import BrowserVoIP
from dialog_browser.settings import BrowserSettings
from dialog_browser.testing.page import PageRefused, ask, open_page, origin_of, socket_url, ticket
from dialog_browser.testing.stage import LOCAL, Stage, open_stage

from dialog_core.errors import HandshakeRefused
from dialog_core.fields import Secret

pytestmark = pytest.mark.anyio

PUBLIC = "https://voice.example.com"
ELSEWHERE = "https://evil.example"


async def why(stage: Stage, **options: str) -> str:
    with pytest.raises(PageRefused) as refused:
        await ticket(stage.services, stage.base, **options)
    return f"{refused.value.status} {refused.value.why}"


async def upgrade(stage: Stage, given: str, **headers: str) -> int:
    """The HTTP status of a refused upgrade."""
    with pytest.raises(HandshakeRefused) as refused:
        async with stage.services.connect(socket_url(stage.base, given), headers=headers):
            pass
    return refused.value.status


# --- who may talk


async def test_this_machine_may_talk_without_any_setting() -> None:
    async with open_stage() as stage, stage.call() as page:
        await page.answered()
        assert page.session["agent"] == "reception"


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:8080", "[::1]:8080", "voice.localhost"])
async def test_every_name_of_this_machine_will_do(host: str) -> None:
    async with open_stage(address=f"http://{host}") as stage, stage.call() as page:
        await page.answered()
        assert page.session


async def test_nobody_else_may_unless_a_setting_says_so() -> None:
    async with open_stage(public_url=PUBLIC) as stage:
        page = await stage.services.http.get(f"{stage.base}/")
        assert (page.status_code, "own machine only" in page.text) == (403, True)
        assert await why(stage) == "403 shut"
        assert await upgrade(stage, stage.door.issue("x"), origin=PUBLIC) == 403


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "cf-connecting-ip"])
async def test_a_tunnel_on_this_machine_does_not_make_its_visitors_local(header: str) -> None:
    async with open_stage() as stage:
        answer = await stage.services.http.post(
            f"{stage.base}/ticket", json={}, headers={"origin": LOCAL, header: "198.51.100.7"}
        )
    assert answer.status_code == 403


async def test_a_name_that_was_made_to_point_here_is_not_local() -> None:
    async with open_stage(address="http://rebound.example:8080") as stage:
        assert await why(stage) == "403 shut"


async def test_an_open_page_talks_to_everybody() -> None:
    async with open_stage(public_url=PUBLIC, open=True) as stage, stage.call() as page:
        await page.answered()
        assert page.session


async def test_who_knows_the_password_may_talk_from_elsewhere() -> None:
    async with open_stage(public_url=PUBLIC, password=Secret("swordfish")) as stage:
        html = await stage.services.http.get(f"{stage.base}/")
        assert 'data-password="yes"' in html.text
        assert await why(stage) == "401 password"
        assert await why(stage, password="sword") == "401 password"
        async with stage.call(password="swordfish") as page:
            await page.answered()
            assert page.session


async def test_after_too_many_wrong_passwords_everybody_waits_a_minute() -> None:
    password = Secret("swordfish")
    async with open_stage(public_url=PUBLIC, password=password, wrong_passwords=3) as stage:
        for _ in range(3):
            assert await why(stage, password="guess") == "401 password"
        assert await why(stage, password="swordfish") == "429 wait"
        await stage.wait(61)
        assert await ticket(stage.services, stage.base, password="swordfish")


# --- origins


@pytest.mark.requirement("D.14")
@pytest.mark.parametrize(
    "origin",
    [ELSEWHERE, "null", "", "https://voice.example.com.evil.example", "http://voice.example.com"],
)
async def test_pages_of_other_origins_get_no_ticket_and_no_socket(origin: str) -> None:
    async with open_stage(public_url=PUBLIC, open=True) as stage:
        assert await why(stage, origin=origin) == "403 origin"
        given = await ticket(stage.services, stage.base)
        assert await upgrade(stage, given, origin=origin) == 403
        async with stage.call(given=given) as page:
            await page.answered()


async def test_an_upgrade_without_an_origin_is_refused() -> None:
    async with open_stage() as stage:
        assert await upgrade(stage, await ticket(stage.services, stage.base)) == 403


async def test_a_listed_site_may_call() -> None:
    async with open_stage(public_url=PUBLIC, open=True, origins=(ELSEWHERE,)) as stage:
        given = await ticket(stage.services, stage.base, origin=ELSEWHERE)
        url = socket_url(stage.base, given)
        async with stage.services.connect(url, headers={"origin": ELSEWHERE}) as socket:
            await socket.send('{"type": "config", "rate": 8000}')
            assert '"session"' in str(await socket.receive())


async def test_the_usual_port_may_be_written_or_not() -> None:
    async with open_stage(public_url=f"{PUBLIC}:443", open=True) as stage:
        assert await ticket(stage.services, stage.base, origin=PUBLIC)


async def test_this_machine_may_use_its_own_address_beside_a_public_one() -> None:
    async with open_stage(public_url=PUBLIC) as stage:
        local = f"{LOCAL}{stage.door.path}"
        async with open_page(stage.services, local) as page:
            await page.answered()
            assert page.session


# --- tickets


async def test_a_ticket_opens_one_socket() -> None:
    async with open_stage() as stage:
        given = await ticket(stage.services, stage.base)
        async with stage.call(given=given) as page:
            await page.answered()
        assert await upgrade(stage, given, origin=origin_of(stage.base)) == 403
        assert await upgrade(stage, "made-up", origin=origin_of(stage.base)) == 403
        assert "a socket was refused" in stage.troubles()


async def test_a_ticket_that_expired_opens_nothing() -> None:
    async with open_stage() as stage:
        given = await ticket(stage.services, stage.base)
        stage.door.expire()
        assert await upgrade(stage, given, origin=origin_of(stage.base)) == 403


async def test_a_full_server_says_so_and_gives_no_ticket() -> None:
    async with open_stage() as stage:
        given = await ticket(stage.services, stage.base)
        stage.door.room = False
        assert await why(stage) == "503 full"
        assert await upgrade(stage, given, origin=origin_of(stage.base)) == 403


async def test_a_wish_that_is_too_large_or_unreadable_is_refused() -> None:
    async with open_stage() as stage:
        headers = {"origin": LOCAL}
        post = stage.services.http.post
        large = await post(f"{stage.base}/ticket", content=b"x" * 100_000, headers=headers)
        odd = await post(f"{stage.base}/ticket", content=b"[" * 1000, headers=headers)
        assert (large.status_code, odd.status_code) == (413, 400)
        assert (await ask(stage.services, stage.base)).status_code == 200


# --- config


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"type": "stop"}, "the first message is not config"),
        ({"type": "config", "rate": 12_345}, "rate must be one of"),
        ({"type": "config"}, "not one of the protocol"),
    ],
)
async def test_a_call_that_begins_wrongly_is_ended_with_the_reason(
    config: dict[str, object], reason: str
) -> None:
    async with open_stage() as stage, stage.call(config=config) as page:
        assert reason in await page.over()
        assert stage.door.lines == []


async def test_a_page_that_says_nothing_is_not_waited_for() -> None:
    async with open_stage() as stage:
        given = await ticket(stage.services, stage.base)
        url = socket_url(stage.base, given)
        async with stage.services.connect(url, headers={"origin": LOCAL}) as socket:
            with anyio.fail_after(BrowserSettings().start_wait + 1):
                assert "no config message" in str(await socket.receive())


# --- the page's files and the banner


async def test_the_page_and_its_files_are_served_with_strict_headers() -> None:
    async with open_stage() as stage:
        page = await stage.services.http.get(f"{stage.base}/")
        assert "reception" in page.text
        for name in ("page.css", "page.js", "player.js", "microphone.js"):
            asset = await stage.services.http.get(f"{stage.base}/{name}")
            assert asset.status_code == 200
            assert len(asset.content) > 200
        missing = await stage.services.http.get(f"{stage.base}/settings.py")
    assert missing.status_code == 404
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("base", "settings", "steps"),
    [
        ("http://127.0.0.1:8080", {}, ["Open http://127.0.0.1:8080/a/browser/ in a browser"]),
        (PUBLIC, {}, ["this server's local address", "set a password"]),
        (PUBLIC, {"password": Secret("x")}, [f"Open {PUBLIC}/a/browser/"]),
        ("http://voice.example.com", {"open": True}, ["Open http", "https pages only", "Anybody"]),
    ],
)
async def test_the_banner_says_where_to_talk(
    base: str, settings: dict[str, object], steps: list[str]
) -> None:
    async with open_stage() as stage:
        voip = BrowserVoIP(BrowserSettings(**settings), stage.services)  # type: ignore[arg-type] # by name
        told = voip.next_steps(f"{base}/a/browser")
    assert [step in text for step, text in zip(steps, told, strict=True)] == [True] * len(steps)
