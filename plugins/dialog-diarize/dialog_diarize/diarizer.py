"""The diarizer of a call: whose voice each stretch of speech is, by the voices heard before in it."""

from __future__ import annotations

from functools import partial

import attrs

from dialog_core.audio import Sound
from dialog_core.factory import Services
from dialog_core.models import model_folder
from dialog_diarize.files import CAMPPLUS, FILE
from dialog_diarize.settings import DiarizeSettings
from dialog_diarize.voiceprint import Voiceprints, open_voiceprints
from dialog_diarize.voices import Likeness, Voices

__all__ = ["VoiceDiarizer"]


@attrs.define(eq=False)
class VoiceDiarizer:
    """See :class:`dialog_core.speech.speakers.Diarizer`. All calls of a process share one network."""

    settings: DiarizeSettings
    services: Services
    wants_audio: float = attrs.field(init=False)
    _voices: Voices = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        settings = self.settings
        self.wants_audio = settings.longest
        likeness = Likeness(settings.same, settings.different)
        self._voices = Voices(likeness, settings.speakers, settings.enough)

    async def label(self, sound: Sound) -> int | None:
        """Whose voice it is. Raises: SettingsError, PluginError if the network cannot be loaded."""
        prints = await self._voiceprints()
        voice = await prints.hear(sound, shortest=self.settings.shortest)
        return None if voice is None else self._voices.number(voice.print, voice.seconds)

    async def warm(self) -> None:
        """Load the network. Raises: SettingsError if its weights are missing, PluginError if they are broken."""
        await self._voiceprints()

    async def _voiceprints(self) -> Voiceprints:
        settings = self.settings
        file = model_folder(CAMPPLUS, settings.folder, key="diarizer.folder") / FILE
        key = ("diarize", str(file), settings.threads, settings.at_once)
        opening = partial(
            open_voiceprints, file, threads=settings.threads, at_once=settings.at_once
        )
        return await self.services.shared.get(key, opening)
