"""A real browser as a caller: Chromium without a window, whose microphone is a WAV file, driven by its DevTools.

::

    async with open_chromium(services, microphone=Path("caller.wav")) as browser:
        await browser.open("http://127.0.0.1:8080/dentist/browser/")
        await browser.click("#talk")
        await browser.until("document.body.dataset.state === 'speaking'")

Source: "Chrome DevTools Protocol", domains Page, Runtime, Input and Browser.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import anyio
import attrs

from dialog_core.factory import Services
from dialog_core.protocols import WebSocket

__all__ = ["Chromium", "chromium_path", "open_chromium", "until"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
START_SECONDS = 30.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.05


def chromium_path() -> str | None:
    """Where Chromium is installed; None if it is not."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class ScriptFailed(Exception):
    """The browser refused a command, or the page's script raised."""


@attrs.define(eq=False)
class Chromium:
    """A browser with one page; made by :func:`open_chromium`."""

    socket: WebSocket
    complaints: list[str] = attrs.field(factory=list)
    """What the page's scripts raised, and what the browser refused them."""
    _commands: int = 0
    _using: anyio.Lock = attrs.field(factory=anyio.Lock)

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result. Raises: ScriptFailed."""
        async with self._using:
            self._commands += 1
            number = self._commands
            await self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
            while True:
                answer: dict[str, Any] = json.loads(await self.socket.receive())
                if answer.get("id") == number:
                    break
                self._note(answer)
        if "error" in answer:
            raise ScriptFailed(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        if event.get("method") == "Log.entryAdded" and params["entry"]["source"] == "security":
            self.complaints.append(params["entry"]["text"])

    async def open(
        self, url: str, *, wide: int = 900, high: int = 900, phone: bool = False
    ) -> None:
        """Show a page in a window of this size, and wait until it is loaded."""
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=wide, height=high, deviceScaleFactor=2 if phone else 1, mobile=phone,
        )  # fmt: skip
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def script(self, expression: str) -> Any:
        """The value of an expression in the page. Raises: ScriptFailed."""
        answer = await self.command(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise ScriptFailed(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression in the page is true."""
        while not await self.script(expression):  # noqa: ASYNC110 - the browser cannot set an event
            await anyio.sleep(POLL_SECONDS)

    async def click(self, selector: str) -> None:
        """Click as a visitor does, which browsers want before they make sound."""
        box = await self.script(
            f"(b => [b.x + b.width / 2, b.y + b.height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.command(
                "Input.dispatchMouseEvent",
                type=kind, x=box[0], y=box[1], button="left", clickCount=1,
            )  # fmt: skip

    async def type(self, text: str) -> None:
        """Type where the focus is."""
        await self.command("Input.insertText", text=text)

    async def permit(self, url: str, *, microphone: bool) -> None:
        """Answer the question whether this site may use the microphone."""
        await self.command(
            "Browser.setPermission",
            permission={"name": "microphone"},
            setting="granted" if microphone else "denied",
            origin=url,
        )

    async def prefer(self, scheme: str) -> None:
        """Prefer a ``dark`` or a ``light`` page."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.command("Emulation.setEmulatedMedia", features=features)

    async def picture(self) -> bytes:
        """What is to be seen, as a PNG file."""
        return b64decode((await self.command("Page.captureScreenshot", format="png"))["data"])


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process brings about."""
    while not condition():  # noqa: ASYNC110 - nobody could set an event
        await anyio.sleep(POLL_SECONDS)


@asynccontextmanager
async def open_chromium(
    services: Services,
    *,
    microphone: Path | None = None,
    ask: bool = False,
    flags: Sequence[str] = (),
) -> AsyncIterator[Chromium]:
    """Start Chromium; leaving the block ends it. Needs asyncio.

    microphone: a WAV file that it hears once, from the moment the page opens its microphone; None for no microphone.
    ask: let `permit` decide whether the page may have it, instead of allowing it.
    """
    path = chromium_path()
    assert path is not None, "no Chromium is installed"
    heard = [
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    allowed = [] if ask else ["--use-fake-ui-for-media-stream"]
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        command = [
            path, *FLAGS, f"--user-data-dir={folder}", *(heard if microphone else []), *allowed, *flags,
            "about:blank",
        ]  # fmt: skip
        async with await anyio.open_process(command, stdout=DEVNULL, stderr=DEVNULL) as process:
            try:
                with anyio.fail_after(START_SECONDS):
                    port = await port_in(Path(folder))
                    pages = (await services.http.get(f"http://127.0.0.1:{port}/json/list")).json()
                page = next(each for each in pages if each["type"] == "page")
                async with services.connect(page["webSocketDebuggerUrl"]) as socket:
                    browser = Chromium(socket)
                    for domain in ("Page", "Runtime", "Log"):
                        await browser.command(f"{domain}.enable")
                    yield browser
            finally:
                process.terminate()
                with anyio.move_on_after(STOP_SECONDS, shield=True):
                    await process.wait()


async def port_in(folder: Path) -> int:
    """The port that DevTools listens on, once Chromium has written it down."""
    file = anyio.Path(folder) / "DevToolsActivePort"
    while True:
        if await file.exists() and (lines := (await file.read_text()).split()):
            return int(lines[0])
        await anyio.sleep(POLL_SECONDS)
