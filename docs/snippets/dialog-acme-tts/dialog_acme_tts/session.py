"""A request for each segment; its answer is played while it streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
import httpx
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_acme_tts.protocol import PROVIDER, body, refusal, unavailable
from dialog_acme_tts.settings import AcmeSettings
from dialog_core import TELEPHONE, AudioFormat, AudioOut, Services, SettingsError, SpeakText
from dialog_core.errors import SettingsProblem
from dialog_core.observe.observations import ProviderTimed

__all__ = ["Acme", "AcmeSession", "AcmeVoice"]

SEGMENTS = 8
"""Segments that may wait to be spoken; then the agent's text waits too."""


@attrs.frozen
class Acme:
    """The component: made for each call, it opens the call's session."""

    settings: AcmeSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[AcmeSession]:
        """Nothing to open: the process's HTTP client keeps the connections."""
        if fmt != TELEPHONE:
            problem = SettingsProblem("tts.use", "acme-tts speaks mu-law at 8 kHz; use another one")
            raise SettingsError(problem)
        yield AcmeSession(self.settings, self.services, fmt)


@attrs.frozen
class AcmeSession:
    """One call's speech."""

    settings: AcmeSettings
    services: Services
    fmt: AudioFormat

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[AcmeVoice]:  # noqa: ARG002 - a request knows no reply
        """A voice for one reply; leaving the block closes its request, which stops Acme."""
        send, receive = anyio.create_memory_object_stream[SpeakText](SEGMENTS)
        with send, receive:
            yield AcmeVoice(self, send, receive)


@attrs.define(eq=False)
class AcmeVoice:
    """One reply."""

    session: AcmeSession
    _send: MemoryObjectSendStream[SpeakText]
    _receive: MemoryObjectReceiveStream[SpeakText]

    async def speak(self, segment: SpeakText) -> None:
        """Queue a segment; waits while many are queued."""
        await self._send.send(segment)

    async def finish(self) -> None:
        """No more segments come."""
        self._send.close()

    async def audio(self) -> AsyncIterator[AudioOut]:
        """The segments' audio in order, each ended by a piece that says so."""
        async for segment in self._receive:
            if any(letter.isalnum() for letter in segment.text):
                async for data in self._spoken(segment):
                    yield AudioOut(segment.reply, segment.index, data)
            yield AudioOut(segment.reply, segment.index, b"", last=True)

    async def _spoken(self, segment: SpeakText) -> AsyncIterator[bytes]:
        """One segment's audio as it comes, in whole samples."""
        session, settings = self.session, self.session.settings
        clock, width = session.services.clock, session.fmt.width
        started, first, rest = clock.monotonic(), None, b""
        try:
            async with session.services.http.stream(
                "POST",
                settings.url,
                json=body(segment.text, settings.voice, session.fmt),
                headers={"authorization": f"Key {settings.api_key.reveal()}"},
                timeout=httpx.Timeout(settings.first_audio),
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise refusal(response.status_code, response.headers.get("x-request-id"))
                if not response.headers.get("content-type", "").startswith("audio/"):
                    raise unavailable("answered with something else than audio")
                async for chunk in response.aiter_raw():
                    first = clock.monotonic() if first is None else first
                    rest += chunk
                    whole = len(rest) - len(rest) % width
                    yield rest[:whole]
                    rest = rest[whole:]
        except httpx.HTTPError as error:
            raise unavailable(f"{type(error).__name__} while speaking") from error
        if first is None:
            raise unavailable("answered without audio")
        timed = ProviderTimed("", PROVIDER, "tts", started, first, clock.monotonic())
        session.services.observe(timed)
