"""The page in a real browser, on real sockets: what it plays, what it shows, and what it says when something fails."""

from __future__ import annotations

import os
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from anyio.abc import TaskGroup
from dialog_browser.session import BrowserVoIP
from dialog_browser.settings import BrowserSettings
from dialog_browser.testing.chromium import Chromium, chromium_path, open_chromium, until
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialog_core.audio import AudioFrame
from dialog_core.factory import Services
from dialog_core.fields import Secret
from dialog_core.net.services import open_services
from dialog_core.protocols import Line, LineStopped, MarkReturned
from dialog_core.testing.phones import PlainDoor, application, drain
from dialog_core.testing.phones.door import Answer
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served
from dialog_core.turns.events import Keypress

pytestmark = [
    pytest.mark.anyio,
    real_loop,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        chromium_path() is None, reason="no Chromium is installed: apt-get install chromium"
    ),
]

PATIENCE = 90.0
"""Not a bound on anything that is shown: a slow machine may take its time."""
PATH = "/reception/browser"
TONE_RMS = 0.5 / 2**0.5
TOLERANCE = 0.25
FOLLOW = """window.loudest = 0;
setInterval(() => { loudest = Math.max(loudest, dialog.rms().agent); }, 5)"""
"""Keeps the level of the tone: at its ends the analyser's window is partly silence, so a moment may show less."""
STATE = "document.body.dataset.state"


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of silence and a tone that comes and goes, as speech does, for longer than any test takes."""
    time = np.arange(round(48_000 * PATIENCE)) / 48_000
    loud = 0.3 * np.sin(2 * np.pi * 220 * time) * (np.sin(2 * np.pi * 3 * time) > 0) * (time > 0.5)
    path = tmp_path_factory.mktemp("heard") / "microphone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((loud * 32_767).astype("<i2").tobytes())
    return path


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    async with open_services(observe=lambda _observation: None) as opened:
        yield opened


@asynccontextmanager
async def serving(
    services: Services, answer: Answer = drain, **settings: Any
) -> AsyncIterator[tuple[PlainDoor, str]]:
    """A server on a real socket; yields its door and the page's address."""
    door = PlainDoor(answer, path=PATH)
    voip = BrowserVoIP(BrowserSettings(**settings), services)
    async with served(application(voip, door)) as address:
        yield door, f"{address}{PATH}/"


@pytest.fixture
def pictures() -> Path | None:
    """Where screenshots are kept; nowhere unless the environment says so."""
    folder = os.environ.get("DIALOG_BROWSER_PICTURES")
    return Path(folder) if folder else None


async def keep(browser: Chromium, pictures: Path | None, name: str) -> None:
    """Look at the page: it must be drawn; keep the picture where one wants it."""
    picture = await browser.picture()
    assert len(picture) > 5000
    if pictures is not None:
        await anyio.Path(pictures / f"{name}.png").write_bytes(picture)


async def trouble(browser: Chromium, url: str) -> str:
    """Open a page, press Talk, and wait for what it explains: a word that the page keeps for tests."""
    with anyio.fail_after(PATIENCE):
        await browser.open(url)
        await browser.click("#talk")
        return await explained(browser)


async def explained(browser: Chromium) -> str:
    with anyio.fail_after(PATIENCE):
        await browser.until("!document.querySelector('#trouble').hidden")
    says = await browser.script("document.querySelector('#trouble').innerText")
    assert len(says.split()) > 8
    assert await browser.script("!document.querySelector('#talk').disabled")
    return str(await browser.script("document.querySelector('#trouble').dataset.kind"))


def tone(seconds: float, rate: int = 16_000) -> bytes:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * 440 * time) * 32_767).astype("<i2").tobytes()


class Played:
    """Plays a tone, waits for its mark, plays a long one and clears it while it sounds."""

    def __init__(self) -> None:
        self.marks: list[str] = []
        self.digits: list[str] = []
        self.stopped: list[str] = []
        self.loudest = 0.0
        self.go_on = anyio.Event()
        self.clear = anyio.Event()

    async def __call__(self, line: Line) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.listen, line)
            await line.play(tone(1.0))
            await line.mark("first")
            await self.go_on.wait()
            for _ in range(50):
                await line.play(tone(0.2))
            await line.mark("cleared")
            await self.clear.wait()
            await line.clear()
            await line.mark("after")

    async def listen(self, line: Line) -> None:
        async for event in line.events():
            match event:
                case AudioFrame(data=data):
                    samples = np.frombuffer(data, "<i2") / 32_768
                    self.loudest = max(self.loudest, float(np.abs(samples).max()))
                case MarkReturned(name=name):
                    self.marks.append(name)
                case Keypress(digit=digit):
                    self.digits.append(digit)
                case LineStopped(reason=reason):
                    self.stopped.append(reason)


@pytest.mark.requirement("D.14")
@pytest.mark.parametrize("codec", ["opus", "pcm16"])
async def test_what_is_played_sounds_and_what_is_cleared_is_silent_at_once(
    codec: str, services: Services, microphone: Path
) -> None:
    played = Played()
    async with (
        serving(services, played) as (_, url),
        open_chromium(services, microphone=microphone) as browser,
    ):
        with anyio.fail_after(PATIENCE):
            await browser.open(url)
            if codec == "pcm16":
                await browser.script("delete window.AudioDecoder")
            await browser.script(FOLLOW)
            await browser.click("#talk")
            await browser.until("loudest > 0.2")
            await until(lambda: played.marks == ["first"])
            await browser.until("dialog.rms().agent < 0.001")
            played.go_on.set()
            await browser.until("dialog.rms().agent > 0.2")
            await browser.until(f"loudest > {TONE_RMS * (1 - TOLERANCE)}")
            played.clear.set()
            await until(lambda: "after" in played.marks)
            await browser.until("dialog.rms().agent < 0.001")
            assert await browser.script("dialog.codec()") == codec
            await browser.script("document.querySelector('#keypad').open = true")
            await browser.script("document.querySelector('.keys button:nth-child(5)').click()")
            await until(lambda: played.digits == ["5"])
            await browser.click("#hang-up")
            await browser.until(f"{STATE} === 'ended'")
            await until(lambda: played.stopped == ["hangup"])
            loudest = await browser.script("loudest")
        assert browser.complaints == []
    assert loudest == pytest.approx(TONE_RMS, rel=TOLERANCE)
    assert played.marks == ["first", "after"]
    assert played.loudest > 0.05


async def test_a_muted_microphone_is_silent_and_can_be_opened_again(
    services: Services, microphone: Path
) -> None:
    levels: list[tuple[float, float]] = []

    async def answer(line: Line) -> None:
        async for event in line.events():
            if isinstance(event, AudioFrame):
                samples = np.frombuffer(event.data, "<i2") / 32_768
                levels.append((event.at, float(np.abs(samples).max(initial=0.0))))

    def heard(seconds: float) -> float:
        return max(level for at, level in levels if at > levels[-1][0] - seconds)

    async with (
        serving(services, answer) as (_, url),
        open_chromium(services, microphone=microphone) as browser,
    ):
        with anyio.fail_after(PATIENCE):
            await browser.open(url)
            await browser.click("#talk")
            await until(lambda: levels and heard(0.3) > 0.02)
            await browser.click("#mute")
            await until(lambda: heard(0.5) == 0.0)
            assert (
                await browser.script("document.querySelector('#state').innerText")
                == "You are muted"
            )
            assert await browser.script("document.querySelector('#mute').ariaPressed") == "true"
            await browser.click("#mute")
            await until(lambda: heard(0.1) > 0.02)
        assert browser.complaints == []


# --- what fails, and what the page says


async def test_a_visitor_without_a_microphone_is_told_to_connect_one(
    services: Services, pictures: Path | None
) -> None:
    async with serving(services) as (door, url), open_chromium(services) as browser:
        assert await trouble(browser, url) == "nothing"
        await keep(browser, pictures, "no-microphone")
    assert door.tickets == {}


async def test_a_visitor_who_blocked_the_microphone_is_told_how_to_allow_it(
    services: Services, microphone: Path, pictures: Path | None
) -> None:
    async with (
        serving(services) as (door, url),
        open_chromium(services, microphone=microphone, ask=True) as browser,
    ):
        await browser.permit(url.removesuffix(f"{PATH}/"), microphone=False)
        assert await trouble(browser, url) == "denied"
        await keep(browser, pictures, "denied")
    assert door.tickets == {}


class Cable:
    """A server whose connections can be cut, all at once and without a goodbye."""

    def __init__(self, app: ASGIApp) -> None:
        self.cut = anyio.Event()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_if_whole(message: Message) -> None:
            if not self.cut.is_set():
                await send(message)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, tasks)
            await self._app(scope, receive, send_if_whole)
            tasks.cancel_scope.cancel()

    async def _watch(self, tasks: TaskGroup) -> None:
        await self.cut.wait()
        tasks.cancel_scope.cancel()


async def test_a_full_server_a_lost_line_and_a_stopped_server_are_told_apart(
    services: Services, microphone: Path, pictures: Path | None
) -> None:
    door = PlainDoor(path=PATH)
    cable = Cable(application(BrowserVoIP(BrowserSettings(), services), door))
    async with open_chromium(services, microphone=microphone) as browser:
        async with served(cable) as address:
            door.room = False
            assert await trouble(browser, f"{address}{PATH}/") == "full"
            await keep(browser, pictures, "full")
            door.room = True
            await browser.click("#talk")
            with anyio.fail_after(PATIENCE):
                await browser.until(f"{STATE} === 'listening'")
            assert await browser.script("document.querySelector('#trouble').hidden")
            cable.cut.set()
            assert await explained(browser) == "lost"
            await keep(browser, pictures, "lost")
        await browser.click("#talk")
        with anyio.fail_after(PATIENCE):
            await browser.until("document.querySelector('#trouble').dataset.kind === 'unreachable'")
            await browser.until("!document.querySelector('#talk').disabled")
        await keep(browser, pictures, "unreachable")


async def test_a_server_that_stops_ends_the_call_in_good_order(
    services: Services, microphone: Path
) -> None:
    async with open_chromium(services, microphone=microphone) as browser:
        async with serving(services) as (_, url):
            with anyio.fail_after(PATIENCE):
                await browser.open(url)
                await browser.click("#talk")
                await browser.until(f"{STATE} === 'listening'")
        with anyio.fail_after(PATIENCE):
            await browser.until(f"{STATE} === 'ended'")


async def test_a_password_is_asked_for_and_checked(
    services: Services, microphone: Path, pictures: Path | None
) -> None:
    async with (
        serving(services, password=Secret("swordfish"), wrong_passwords=1) as (_, url),
        open_chromium(services, microphone=microphone) as browser,
    ):
        assert await trouble(browser, url) == "asked"
        await keep(browser, pictures, "password")
        await browser.type("swordfish")
        await browser.click("#talk")
        with anyio.fail_after(PATIENCE):
            await browser.until(f"{STATE} === 'listening'")
            await browser.click("#hang-up")
            await browser.until(f"{STATE} === 'ended'")
        await browser.script("document.querySelector('#password').value = 'guess'")
        await browser.click("#talk")
        assert await explained(browser) == "password"
        await browser.click("#talk")
        with anyio.fail_after(PATIENCE):
            await browser.until("document.querySelector('#trouble').dataset.kind === 'wait'")


async def test_an_address_that_is_not_secure_is_explained_before_anything_is_asked(
    services: Services, microphone: Path, pictures: Path | None
) -> None:
    flags = ["--host-resolver-rules=MAP voice.example 127.0.0.1"]
    async with (
        serving(services, open=True) as (_, url),
        open_chromium(services, microphone=microphone, flags=flags) as browser,
    ):
        port = url.removesuffix(f"{PATH}/").rpartition(":")[2]
        with anyio.fail_after(PATIENCE):
            await browser.open(f"http://voice.example:{port}{PATH}/")
            assert await explained(browser) == "insecure"
        await keep(browser, pictures, "insecure")
