"""Cartesia text-to-speech: a call's session on the process's shared socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from dialog_cartesia.parts import Channel
from dialog_cartesia.pool import shared_pool
from dialog_cartesia.protocol import NAME, generation
from dialog_cartesia.settings import CartesiaSettings
from dialog_cartesia.voice import CartesiaVoice
from dialog_core.audio import AudioFormat
from dialog_core.factory import Services
from dialog_core.speech.manner import Unheeded

__all__ = ["Cartesia", "CartesiaSession"]


@attrs.frozen
class Cartesia:
    """Cartesia as :class:`dialog_core.protocols.TextToSpeech`."""

    settings: CartesiaSettings
    services: Services

    @asynccontextmanager
    async def open(self, fmt: AudioFormat) -> AsyncIterator[CartesiaSession]:
        """See :class:`dialog_core.protocols.TextToSpeech`; the socket begins to connect, nobody waits for it.

        Raises: SettingsError for a sample rate that is not offered.
        """
        fields = generation(self.settings, fmt)
        pool = await shared_pool(self.settings, self.services)
        pool.connect_soon()
        unheeded = Unheeded(NAME, self.services.observe)
        yield CartesiaSession(Channel(self.settings, self.services, fmt, fields, pool, unheeded))


@attrs.frozen
class CartesiaSession:
    """One call's synthesis on the shared socket."""

    channel: Channel

    @asynccontextmanager
    async def voice(self, reply: int) -> AsyncIterator[CartesiaVoice]:
        """A voice for one reply. Leaving the block cancels its context, not the socket."""
        voice = CartesiaVoice(self.channel, reply)
        try:
            yield voice
        finally:
            await voice.leave()
