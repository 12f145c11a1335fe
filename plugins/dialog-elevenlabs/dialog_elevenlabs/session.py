"""ElevenLabs text-to-speech: a call's session on the process's shared sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from dialog_core.audio import TELEPHONE, AudioFormat
from dialog_core.factory import Services
from dialog_core.speech.manner import Unheeded
from dialog_elevenlabs.pool import shared_pool
from dialog_elevenlabs.protocol import NAME
from dialog_elevenlabs.settings import ElevenLabsSettings
from dialog_elevenlabs.voice import Channel, ElevenLabsVoice

__all__ = ["ElevenLabs", "ElevenLabsSession"]


@attrs.frozen
class ElevenLabs:
    """ElevenLabs as :class:`dialog_core.protocols.TextToSpeech`."""

    settings: ElevenLabsSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[ElevenLabsSession]:
        """See :class:`dialog_core.protocols.TextToSpeech`; a socket begins to connect, nobody waits for it.

        Raises: SettingsError for a format that is not offered.
        """
        pool = await shared_pool(self.settings, self.services, fmt)
        unheeded = Unheeded(NAME, self.services.observe)
        with pool.in_use():
            yield ElevenLabsSession(Channel(self.settings, self.services, fmt, pool, unheeded))

    async def warm(self) -> None:
        """Open the socket of telephone calls. Raises: ProviderError."""
        await (await shared_pool(self.settings, self.services, TELEPHONE)).warm()


@attrs.frozen
class ElevenLabsSession:
    """One call's synthesis on the shared sockets."""

    channel: Channel

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[ElevenLabsVoice]:
        """A voice for one reply. Leaving the block closes its context, not the socket."""
        voice = ElevenLabsVoice(self.channel, reply)
        try:
            yield voice
        finally:
            await voice.leave()
