"""What Telnyx does on a call besides carrying it. It names none of that when it starts it, so we do."""

from __future__ import annotations

import uuid

import attrs

from dialog_core.carriers.owed import Owed
from dialog_core.carriers.verbs import asking
from dialog_core.errors import LineError
from dialog_core.line import CarrierTranscript, Recording
from dialog_telnyx.calls import KnownCall
from dialog_telnyx.rest import Saved, TelnyxRest
from dialog_telnyx.webhooks import Heard, Payload, pack_state, seconds_between, unpack_state

__all__ = ["Recordings", "Transcriptions"]

NAME = "recording"
"""Key of a recording's name in a call's client state."""


@attrs.define(eq=False)
class Recordings:
    """The recordings of a call: one at a time. Webhooks name the leg only; one is found again by when it began."""

    call: KnownCall
    rest: TelnyxRest
    owed: Owed
    _live: str = ""
    """Name of the one that is being made."""
    _began: dict[str, str] = attrs.field(factory=dict)
    """When each complete one began, by its name."""

    async def start(self) -> str:
        """Record both sides on two channels. Returns a name, which travels in the call's client state."""
        if self._live:
            raise LineError("cannot start a recording: Telnyx makes one at a time, and one is made")
        name = self._live = str(uuid.uuid4())
        body = {
            "format": "wav",
            "channels": "dual",
            "recording_track": "both",
            "client_state": pack_state({**self.call.said, NAME: name}),
        }
        try:
            with asking("start a recording"):
                await self.rest.command(self.call.id, "record_start", body)
        except LineError:
            self._live = ""
            raise
        self.owed.expect(name)
        return name

    async def stop(self, name: str) -> None:
        """End it; its webhook follows."""
        if name != self._live:
            raise LineError("cannot stop a recording: no such recording is being made")
        with asking("stop a recording"):
            await self.rest.command(self.call.id, "record_stop")

    async def delete(self, name: str) -> None:
        """Remove it. One that is already gone is a success."""
        with asking("delete a recording"):
            saved = await self._saved(name)
            if saved is not None:
                await self.rest.delete_recording(saved.id)
        self.owed.settle(name)

    async def fetch(self, name: str) -> bytes:
        """Asks for a fresh address: the one that the webhook told is good for ten minutes only."""
        with asking("fetch a recording"):
            saved = await self._saved(name)
            if saved is None or not saved.download_urls.wav:
                raise LineError("cannot fetch a recording: Telnyx has it no more, or not yet")
            return await self.rest.download(saved.download_urls.wav)

    def changed(self, payload: Payload, *, saved: bool) -> None:
        """A webhook says that one is complete, or failed."""
        name = (unpack_state(payload.client_state) or {}).get(NAME, "") or self._live
        if not name or not self.owed.is_new(name, "over"):
            return
        if self._live == name:
            self._live = ""
        self._began[name] = payload.recording_started_at
        url = payload.recording_urls.wav if payload.recording_urls else ""
        seconds = seconds_between(payload.recording_started_at, payload.recording_ended_at)
        self.owed.deliver(Recording(name, "completed" if saved else "failed", url, seconds))
        self.owed.settle(name)

    async def _saved(self, name: str) -> Saved | None:
        """What Telnyx keeps of it."""
        began = self._began.get(name)
        if began is None:
            raise LineError("no such recording of this call is complete")
        kept = await self.rest.recordings(self.call.leg)
        return next((each for each in kept if each.recording_started_at == began), None)


@attrs.define(eq=False)
class Transcriptions:
    """Telnyx's own transcription of a call: one at a time."""

    call: KnownCall
    rest: TelnyxRest
    owed: Owed
    engine: str
    _live: str = ""
    _heard: int = 0

    async def start(self) -> str:
        """Transcribe both sides. Returns a name."""
        body = {"transcription_engine": self.engine, "transcription_tracks": "both"}
        with asking("start a transcription"):
            await self.rest.command(self.call.id, "transcription_start", body)
        self._live = str(uuid.uuid4())
        return self._live

    async def stop(self, name: str) -> None:
        """End it."""
        if name != self._live:
            raise LineError("cannot stop a transcription: no such transcription is being made")
        with asking("stop a transcription"):
            await self.rest.command(self.call.id, "transcription_stop")
        self._live = ""

    def heard(self, heard: Heard) -> None:
        """A webhook says what was heard."""
        self._heard += 1
        self.owed.deliver(
            CarrierTranscript(
                heard.track, heard.transcript, heard.is_final, self._heard, heard.confidence
            )
        )
