"""Everything that dialog raises on purpose, and whose fault it is.

::

    DialogError
      SettingsError             a settings file is wrong: where, what, what would do
      PluginError               a plugin broke its contract: which, how
      ProviderError             a vendor failed: provider, stage, status, request id, retryable
        ProviderUnavailable       connect, timeout, 5xx, 429: trying again may help
        ProviderRejected          credentials, quota, bad request: trying again is pointless
        ProviderProtocolError     it sent something we cannot read (theirs)
      LineError                 the caller's connection failed, or cannot do what was asked
      SocketError               a WebSocket failed; a provider session turns it into a ProviderError
        SocketClosed              the peer closed it, or it was lost (code 1006)
        HandshakeRefused          the server answered the upgrade with an ordinary HTTP response
      TicketError               a call ticket is forged, expired, used, or of another call
      LocalProtocolError        we misused an interface (ours: a bug)
        EventOverflow             a call fell so far behind that its event stream is full
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

__all__ = [
    "DialogError",
    "EventOverflow",
    "HandshakeRefused",
    "LineError",
    "LocalProtocolError",
    "PluginError",
    "ProviderError",
    "ProviderProtocolError",
    "ProviderRejected",
    "ProviderUnavailable",
    "SettingsError",
    "SettingsProblem",
    "SocketClosed",
    "SocketError",
    "TicketError",
]


class DialogError(Exception):
    """Root of the hierarchy; catching it catches all that dialog raises on purpose."""


@attrs.frozen
class SettingsProblem:
    """One thing that is wrong in a settings file."""

    path: str
    """Dotted path of the setting, such as ``agents.front.stt.use``."""
    message: str
    """What is wrong and what would do."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SettingsError(DialogError):
    """A settings file is wrong. Holds every problem found, not just the first."""

    def __init__(self, *problems: SettingsProblem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class PluginError(DialogError):
    """A plugin broke its contract."""

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(f"plugin {plugin!r}: {message}")
        self.plugin = plugin


class ProviderError(DialogError):
    """A vendor failed. The message holds ids and codes, never what a caller said."""

    retryable = False

    def __init__(
        self,
        provider: str,
        message: str,
        *,
        stage: str = "",
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        """provider: the plugin's name. stage: stt, llm, tts, voip. status: HTTP or close code."""
        details = [
            f"{key} {value}"
            for key, value in (("status", status), ("request", request_id))
            if value
        ]
        super().__init__(
            f"{provider} {stage}: {message}{f' ({chr(44).join(details)})' if details else ''}"
        )
        self.provider = provider
        self.reason = message
        self.stage = stage
        self.status = status
        self.request_id = request_id


class ProviderUnavailable(ProviderError):
    """The vendor cannot be reached, is too slow or asks us to come back later."""

    retryable = True


class ProviderRejected(ProviderError):
    """The vendor understood and refused: credentials, quota, a bad request."""


class ProviderProtocolError(ProviderError):
    """The vendor sent something that its protocol does not allow."""

    retryable = True


class LineError(DialogError):
    """The caller's connection failed, or its carrier cannot do what was asked."""


class SocketError(DialogError):
    """A WebSocket could not be opened or used."""


class SocketClosed(SocketError):
    """The WebSocket is closed. Code 1006 means it was lost without a close frame."""

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        super().__init__(f"closed with {code}{f' {reason!r}' if reason else ''}")
        self.code = code
        self.reason = reason


class HandshakeRefused(SocketError):
    """The server refused the upgrade with an HTTP response."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        """headers: names in lower case."""
        super().__init__(f"upgrade refused with HTTP {status}")
        self.status = status
        self.headers = dict(headers)
        self.body = body


class TicketError(DialogError):
    """A call ticket is forged, expired, already used, or belongs to another call."""


class LocalProtocolError(DialogError):
    """We misused one of our own interfaces."""


class EventOverflow(LocalProtocolError):
    """A call's event stream is full: its loop has stopped keeping up."""
