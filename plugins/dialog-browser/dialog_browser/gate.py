"""Who may talk: shut by default, and when in doubt."""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import attrs
from starlette.requests import HTTPConnection

from dialog_browser.settings import BrowserSettings
from dialog_core.factory import Clock
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.protocols import FrontDoor

__all__ = ["Gate"]

FORWARDED = frozenset(
    {
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "cf-connecting-ip",
    }
)
"""Signs of a proxy or a tunnel on this machine, whose visitors look local."""
MINUTE = 60.0


@attrs.define(eq=False)
class Gate:
    """Lets a request in, or says why not."""

    settings: BrowserSettings
    door: FrontDoor
    clock: Clock
    observe: Callable[[Observation], None]
    _wrong: deque[float] = attrs.field(factory=deque)
    """When the latest wrong passwords came."""

    @property
    def wants_password(self) -> bool:
        """Whether the page has to ask for one."""
        return bool(self.settings.password)

    def is_open_to(self, request: HTTPConnection) -> bool:
        """Whether a visitor may have the page."""
        return self.settings.open or self.wants_password or is_local(request)

    def knows_origin(self, request: HTTPConnection) -> bool:
        """Whether the page that asks is ours, or of a site that the settings name. None or ``null`` never is."""
        origin = request.headers.get("origin", "").lower()
        ours = {origin_of(self.door.url(request, "/")), *map(str.lower, self.settings.origins)}
        if is_local(request):
            ours.add(f"{secure(request)}://{request.headers['host'].lower()}")
        if origin in ours:
            return True
        self.refuse("a page of another origin was refused", origin[:200])
        return False

    def must_wait(self) -> bool:
        """True after too many wrong passwords."""
        now = self.clock.monotonic()
        while self._wrong and self._wrong[0] <= now - MINUTE:
            self._wrong.popleft()
        return len(self._wrong) >= self.settings.wrong_passwords

    def is_right(self, password: str) -> bool:
        """Whether this is the password, if there is one."""
        if not self.wants_password:
            return True
        right = self.settings.password.reveal().encode()
        if hmac.compare_digest(right, password.encode("utf-8", "replace")):
            return True
        self._wrong.append(self.clock.monotonic())
        self.refuse("a wrong password was refused", "")
        return False

    def refuse(self, what: str, detail: str) -> None:
        """Note a refusal."""
        self.observe(Trouble("", "browser.page", what, detail))


def is_local(request: HTTPConnection) -> bool:
    """Whether a request was made on this machine, by somebody who sits at it.

    The peer's address alone does not tell: a tunnel's visitors come from loopback too, with a public Host or marks of
    forwarding, and so does a page of another site whose name was made to point here.
    """
    peer = request.client.host if request.client is not None else ""
    host = request.headers.get("host", "")
    forwarded = any(name in FORWARDED for name in request.headers)
    return not forwarded and is_loopback(peer) and is_loopback(hostname(host))


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def hostname(host: str) -> str:
    """The name in a Host header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """Scheme, host and port, as browsers write them."""
    try:
        parts = urlsplit(url.lower())
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        host = parts.netloc.removesuffix(f":{usual}")
    except ValueError:
        return ""
    return f"{parts.scheme}://{host}"


def secure(request: HTTPConnection) -> str:
    """The scheme of the page that sent a request, which for a socket is not the request's own."""
    return "https" if request.scope.get("scheme") in {"https", "wss"} else "http"
