from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import anyio
import attrs

from dialog_core.audio import AudioFormat
from dialog_core.errors import LineError, ProviderError
from dialog_core.factory import Services
from dialog_core.line import is_address
from dialog_core.net.media_stream import MediaStream
from dialog_core.net.owed import Owed
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import Ability, CallInfo, CarrierTranscript, LineEvent, Recording
from dialog_telnyx.calls import KnownCall
from dialog_telnyx.inbound import Inbound, swapped
from dialog_telnyx.packing import Packing
from dialog_telnyx.protocol import Envelopes, wrap_mark
from dialog_telnyx.rest import Saved, TelnyxRest
from dialog_telnyx.settings import Codec, TelnyxSettings
from dialog_telnyx.webhooks import Heard, Payload, pack_state, seconds_between, unpack_state
from dialog_telnyx.wire import Phase, Wire

__all__ = ["ABILITIES", "Carrier", "TelnyxLine"]

ABILITIES = frozenset(Ability.ALL) - {Ability.OUTBOUND}
DIGITS = re.compile(r"[0-9A-D*#wW]{1,100}")
RECORDING = "recording"
"""Key of a recording's id in the client state."""


@attrs.frozen
class Carrier:
    """What a line uses outside itself."""

    settings: TelnyxSettings
    rest: TelnyxRest
    services: Services


class TelnyxLine:
    """A call over a Telnyx media stream; see :class:`dialog_core.protocols.Line`.

    Telnyx names no recording and no transcription when it starts one. So a call has one of each at a time, by names of
    ours: that of a recording travels in the call's client state.
    """

    abilities = ABILITIES
    buffers = True

    def __init__(
        self, info: CallInfo, call: KnownCall, carrier: Carrier, stream: MediaStream[Envelopes]
    ) -> None:
        settings = carrier.settings
        self.info = info
        self.fmt: AudioFormat = settings.codec.fmt
        self._call = call
        self._carrier = carrier
        self._wire = Wire(stream)
        self._owed = Owed(self._drop)
        self._packing = Packing(self.fmt)
        self._swap = settings.codec is Codec.L16 and settings.big_endian
        self._recorded: dict[str, str] = {}
        self._recording = ""
        self._transcription = ""
        self._heard = 0
        clock = carrier.services.clock
        self._inbound = Inbound(self._wire, self._owed, clock, settings, self.note)

    # what the server calls

    @property
    def transferred(self) -> bool:
        """True if the call goes on without us."""
        return self._wire.reason == "transferred"

    async def start_services(self) -> None:
        """Start what the settings ask for on every call; a failure is noted, and the call goes on."""
        settings = self._carrier.settings
        async with anyio.create_task_group() as tasks:
            if settings.record:
                tasks.start_soon(self._try, self.start_recording, "recording was not started")
            if settings.transcribe:
                tasks.start_soon(
                    self._try, self.start_transcription, "transcription was not started"
                )

    def hung_up(self) -> None:
        """Telnyx says that the call is over."""
        self._wire.hung_up = True

    def recording_changed(self, payload: Payload, *, saved: bool) -> None:
        """A recording is complete, or failed."""
        state = unpack_state(payload.client_state) or {}
        name = state.get(RECORDING, "") or self._recording
        if not name or not self._owed.is_new(name, "over"):
            return
        if self._recording == name:
            self._recording = ""
        self._recorded[name] = payload.recording_started_at
        url = payload.recording_urls.wav if payload.recording_urls else ""
        seconds = seconds_between(payload.recording_started_at, payload.recording_ended_at)
        status = "completed" if saved else "failed"
        self._owed.deliver(Recording(name, status, url, seconds))
        self._owed.settle(name)

    def transcribed(self, heard: Heard) -> None:
        """Telnyx's transcription heard something."""
        self._heard += 1
        self._owed.deliver(
            CarrierTranscript(
                heard.track, heard.transcript, heard.is_final, self._heard, heard.confidence
            )
        )

    async def close(self) -> None:
        """Close the media socket; end a call that nobody has ended, since Telnyx would keep it."""
        await self._wire.stream.close()
        if not (self.transferred or self._wire.hung_up):
            with anyio.move_on_after(self._carrier.settings.rest_deadline, shield=True):
                await self._end()

    def note(self, what: str, detail: str) -> None:
        """Record a trouble of this call."""
        self._carrier.services.observe(Trouble(self.info.id, "telnyx.line", what, detail))

    # what the call uses

    def events(self) -> AsyncIterator[LineEvent]:
        return self._inbound

    async def play(self, audio: bytes) -> None:
        stream = self._stream()
        for piece in self._packing.push(audio):
            await self._send(stream, piece)

    async def mark(self, name: str) -> None:
        stream = self._stream()
        if rest := self._packing.flush():
            await self._send(stream, rest)
        await stream.send(stream.envelopes.mark(wrap_mark(self._wire.generation, name)))

    async def clear(self) -> None:
        """Without a stream there is nothing to clear, so this never fails."""
        wire = self._wire
        wire.generation += 1
        self._packing.clear()
        if wire.phase is not Phase.STOPPED:
            with suppress(LineError):
                await wire.stream.send(wire.stream.envelopes.clear)

    async def hang_up(self) -> None:
        wire = self._wire
        if wire.hung_up or wire.phase in {Phase.ENDING, Phase.LEAVING}:
            return
        if wire.reason in {"hangup", "transferred"}:
            return
        if wire.phase is not Phase.STOPPED:
            wire.phase = Phase.ENDING
        await self._end()

    async def transfer(self, number: str) -> None:
        """The stream stops as soon as Telnyx has begun to call the other."""
        if not is_address(number):
            raise LineError(
                "a transfer wants an E.164 number or a SIP address, such as +15550001111"
            )
        self._stream()
        settings, wire = self._carrier.settings, self._wire
        if wire.phase is not Phase.LIVE:
            raise LineError(f"cannot transfer: the line is {wire.phase.value}")
        body: dict[str, object] = {"to": number, "timeout_secs": settings.transfer_timeout}
        if settings.transfer_caller_id:
            body["from"] = settings.transfer_caller_id
        wire.phase = Phase.LEAVING
        self._call.transferring = True
        try:
            with self._asking("transfer"):
                await self._carrier.rest.command(self.info.id, "transfer", body)
        except BaseException:
            wire.phase = Phase.LIVE
            self._call.transferring = False
            raise
        try:
            await self._carrier.rest.command(self.info.id, "streaming_stop")
        except ProviderError as error:
            self.note("the media stream was not stopped; its socket is closed instead", str(error))
            await wire.stream.close()

    async def send_digits(self, digits: str) -> None:
        if not DIGITS.fullmatch(digits):
            raise LineError("digits are 1 to 100 of 0123456789*#ABCD, and w for half a second")
        self._stream()
        with self._asking("send digits"):
            await self._carrier.rest.command(self.info.id, "send_dtmf", {"digits": digits})

    async def start_recording(self) -> str:
        if self._recording:
            raise LineError("cannot start a recording: Telnyx makes one at a time, and one is made")
        name = self._recording = str(uuid.uuid4())
        body = {
            "format": "wav",
            "channels": "dual",
            "recording_track": "both",
            "client_state": pack_state({**self._call.said, RECORDING: name}),
        }
        try:
            with self._asking("start a recording"):
                await self._carrier.rest.command(self.info.id, "record_start", body)
        except LineError:
            self._recording = ""
            raise
        self._owed.expect(name)
        return name

    async def stop_recording(self, recording: str) -> None:
        if recording != self._recording:
            raise LineError("cannot stop a recording: no such recording is being made")
        with self._asking("stop a recording"):
            await self._carrier.rest.command(self.info.id, "record_stop")

    async def delete_recording(self, recording: str) -> None:
        with self._asking("delete a recording"):
            saved = await self._saved(recording)
            if saved is not None:
                await self._carrier.rest.delete_recording(saved.id)
        self._owed.settle(recording)

    async def fetch_recording(self, recording: Recording) -> bytes:
        """Asks for a fresh address: the one that was told is good for ten minutes only."""
        with self._asking("fetch a recording"):
            saved = await self._saved(recording.id)
            if saved is None or not saved.download_urls.wav:
                raise LineError("cannot fetch a recording: Telnyx has it no more, or not yet")
            return await self._carrier.rest.download(saved.download_urls.wav)

    async def start_transcription(self) -> str:
        body = {
            "transcription_engine": self._carrier.settings.transcription_engine,
            "transcription_tracks": "both",
        }
        with self._asking("start a transcription"):
            await self._carrier.rest.command(self.info.id, "transcription_start", body)
        self._transcription = str(uuid.uuid4())
        return self._transcription

    async def stop_transcription(self, transcription: str) -> None:
        if transcription != self._transcription:
            raise LineError("cannot stop a transcription: no such transcription is being made")
        with self._asking("stop a transcription"):
            await self._carrier.rest.command(self.info.id, "transcription_stop")
        self._transcription = ""

    # inside

    def _stream(self) -> MediaStream[Envelopes]:
        """The stream to send on. Raises: LineError."""
        if self._wire.phase is Phase.STOPPED:
            raise LineError(f"the line has stopped: {self._wire.reason}")
        return self._wire.stream

    async def _send(self, stream: MediaStream[Envelopes], audio: bytes) -> None:
        await stream.send(stream.envelopes.media(swapped(audio) if self._swap else audio))

    async def _end(self) -> None:
        """Ask Telnyx to end the call."""
        try:
            await self._carrier.rest.hang_up(self.info.id)
        except ProviderError as error:
            self.note("hanging up was refused", str(error))
        else:
            self._wire.hung_up = True

    async def _saved(self, recording: str) -> Saved | None:
        """What Telnyx keeps of a recording, by when it began."""
        began = self._recorded.get(recording)
        if began is None:
            raise LineError("no such recording of this call is complete")
        kept = await self._carrier.rest.recordings(self._call.leg)
        return next((each for each in kept if each.recording_started_at == began), None)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except ProviderError as error:
            raise LineError(f"cannot {what}: {error}") from error

    async def _try(self, start: Callable[[], Awaitable[str]], what: str) -> None:
        try:
            await start()
        except LineError as error:
            self.note(what, str(error))

    def _drop(self) -> None:
        self._carrier.services.observe(Counted(self.info.id, "carrier callbacks dropped", 1))
