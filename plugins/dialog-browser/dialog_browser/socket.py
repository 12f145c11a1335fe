from __future__ import annotations

from importlib.util import find_spec

import anyio
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from dialog_browser.gate import Gate
from dialog_browser.line import VOIP, BrowserLine
from dialog_browser.protocol import OPUS, RATES, Config, Ended, broken, parse
from dialog_browser.settings import BrowserSettings
from dialog_browser.sound import Codec, Plain
from dialog_browser.stream import GONE_ERRORS, PageSocket
from dialog_core.audio import AudioFormat, Encoding
from dialog_core.errors import LineError, ProviderProtocolError, TicketError
from dialog_core.factory import Services
from dialog_core.line import Progress
from dialog_core.observe.observations import Trouble
from dialog_core.protocols import CallInfo, FrontDoor

__all__ = ["TalkSocket", "has_opus"]

VIOLATION = 1008
METADATA_MOST = 300
"""Characters kept of what a browser says of itself."""


def has_opus() -> bool:
    """Whether the extra ``dialog-browser[opus]`` is installed."""
    return find_spec("av") is not None


class TalkSocket:
    """The talk route, as bare ASGI: a known origin with a ticket is a call."""

    def __init__(
        self, settings: BrowserSettings, services: Services, door: FrontDoor, gate: Gate
    ) -> None:
        self._settings = settings
        self._services = services
        self._door = door
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket to the end of its call."""
        await receive()
        upgrade = HTTPConnection(scope)
        call = self._admitted(upgrade)
        socket = PageSocket(receive, send, send_wait=self._settings.send_wait)
        if call is None:
            await socket.close(VIOLATION)  # before it is accepted, this is HTTP 403
            return
        try:
            await send({"type": "websocket.accept"})
        except GONE_ERRORS:
            return
        config = await self._configured(socket, call)
        if config is None:
            await socket.close(VIOLATION)
            return
        await self._answer(upgrade, socket, call, config)

    def _admitted(self, upgrade: HTTPConnection) -> str | None:
        """The call of an upgrade; None if it must be refused."""
        if not self._gate.is_open_to(upgrade):
            self._gate.refuse("a socket from elsewhere was refused", "")
            return None
        if not self._gate.knows_origin(upgrade):
            return None
        try:
            call = self._door.redeem(upgrade.path_params["ticket"])
        except TicketError as error:
            self._gate.refuse("a socket was refused", str(error))
            return None
        if not self._door.has_room():
            self._gate.refuse("a call was refused: the server is full", "")
            return None
        return call

    async def _configured(self, socket: PageSocket, call: str) -> Config | None:
        """Wait for the config message; None if it is late, unreadable or asks for what cannot be."""
        why = "no config message came in time"
        with anyio.move_on_after(self._settings.start_wait):
            try:
                return read_config(dict(await socket.receive()))
            except ProviderProtocolError as error:
                why = error.reason
        self._services.observe(Trouble(call, "browser.line", "a page's socket began wrongly", why))
        try:
            await socket.tell(Ended(f"error: {why}"))
        except LineError:
            return None
        return None

    async def _answer(
        self, upgrade: HTTPConnection, socket: PageSocket, call: str, config: Config
    ) -> None:
        """Run a call to its end."""
        settings, services = self._settings, self._services
        fmt = AudioFormat(Encoding.PCM16, settings.rate)
        codec = new_codec(config, fmt)
        info = self._describe(upgrade, call, config)
        line = BrowserLine(info, fmt, socket, config, codec, (settings, services))
        try:
            await line.greet()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(line.tell)
                self._door.report(call, Progress.ANSWERED)
                await self._door.answer(line)
                tasks.cancel_scope.cancel()
        except LineError as error:
            line.note("a page left before its call began", str(error))
        finally:
            self._door.report(call, Progress.ENDED)
            await line.close()

    def _describe(self, upgrade: HTTPConnection, call: str, config: Config) -> CallInfo:
        headers = {"Origin": "origin", "UserAgent": "user-agent", "Language": "accept-language"}
        said = {name: upgrade.headers.get(header, "") for name, header in headers.items()}
        said |= {
            "Rate": str(config.rate),
            "Address": upgrade.client.host if upgrade.client is not None else "",
        }
        kept = {name: value[:METADATA_MOST] for name, value in said.items() if value}
        return CallInfo(call, self._door.agent, VOIP, metadata=kept)


def read_config(raw: dict[str, object]) -> Config:
    """The first message. Raises: ProviderProtocolError."""
    text = raw.get("text")
    config = parse(text) if isinstance(text, str) else None
    if not isinstance(config, Config):
        raise broken("the first message is not config")
    if config.rate not in RATES:
        raise broken(f"rate must be one of {', '.join(map(str, RATES))}, not {config.rate}")
    return config


def new_codec(config: Config, fmt: AudioFormat) -> Codec:
    """The first of the page's codecs that we have; plain samples are understood by every page."""
    if OPUS in config.codecs and has_opus():
        from dialog_browser.opus import OpusEncoder  # noqa: PLC0415 - the extra, only where used

        return OpusEncoder(fmt.rate)
    return Plain(fmt)
