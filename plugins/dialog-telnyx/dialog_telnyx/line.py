from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import attrs

from dialog_core.audio import AudioFormat, AudioFrame
from dialog_core.carriers.oddities import Oddities
from dialog_core.carriers.owed import Grace, Owed
from dialog_core.carriers.verbs import asking, check_digits, check_target, start_services
from dialog_core.carriers.wire import Phase, Wire
from dialog_core.errors import LineError, ProviderError
from dialog_core.factory import Services
from dialog_core.net.media_stream import MediaStream
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import Ability, CallInfo, LineEvent, Recording
from dialog_telnyx.calls import KnownCall
from dialog_telnyx.frames import Frames
from dialog_telnyx.inbound import Inbound
from dialog_telnyx.packing import Packing
from dialog_telnyx.protocol import Envelopes
from dialog_telnyx.rest import TelnyxRest
from dialog_telnyx.services import Recordings, Transcriptions
from dialog_telnyx.settings import Codec, TelnyxSettings

__all__ = ["ABILITIES", "Carrier", "TelnyxLine"]

ABILITIES = frozenset(Ability.ALL) - {Ability.OUTBOUND}


@attrs.frozen
class Carrier:
    """What a line uses outside itself."""

    settings: TelnyxSettings
    rest: TelnyxRest
    services: Services


class TelnyxLine:
    """A call over a Telnyx media stream; see :class:`dialog_core.protocols.Line`.

    Telnyx echoes marks also when it cleared them; those are dropped.
    """

    abilities = ABILITIES
    buffers = True
    awaits_stream = False

    def __init__(
        self, info: CallInfo, call: KnownCall, carrier: Carrier, stream: MediaStream[Envelopes]
    ) -> None:
        settings = carrier.settings
        self.info = info
        self.fmt: AudioFormat = settings.codec.fmt
        self._call = call
        self._carrier = carrier
        self._wire = Wire(stream)
        swap = settings.codec is Codec.L16 and settings.big_endian
        self._packing = Packing(self.fmt, swap)
        owed, rest = Owed(self._drop), carrier.rest
        self.recordings = Recordings(call, rest, owed)
        self.transcriptions = Transcriptions(call, rest, owed, settings.transcription_engine)
        grace = Grace(carrier.services.clock, settings.callback_wait)
        frames, oddities = Frames(self.fmt, swap), Oddities(self.note)
        self._inbound = Inbound(call, self._wire, owed, grace, frames, oddities)

    # what the server calls

    @property
    def transferred(self) -> bool:
        """True if the call goes on without us."""
        return self._wire.reason == "transferred"

    async def start_services(self) -> None:
        """Start what the settings ask for on every call; a failure is noted, and the call goes on."""
        settings = self._carrier.settings
        await start_services(self, record=settings.record, transcribe=settings.transcribe)

    async def close(self) -> None:
        """Close the media socket; end a call that nobody has ended, since Telnyx would keep it."""
        await self._wire.stream.close()
        if not (self.transferred or self._call.over):
            with anyio.move_on_after(self._carrier.settings.rest_deadline, shield=True):
                await self._end()

    def note(self, what: str, detail: str) -> None:
        """Record a trouble of this call."""
        self._carrier.services.observe(Trouble(self.info.id, "telnyx.line", what, detail))

    # what the call uses

    def events(self) -> AsyncIterator[LineEvent]:
        return self._inbound

    def divert(self, feed: Callable[[AudioFrame], None]) -> None:
        self._inbound.divert(feed)

    async def play(self, audio: bytes) -> None:
        stream = self._wire.sending()
        for piece in self._packing.push(audio):
            await stream.send(stream.envelopes.media(piece))

    async def mark(self, name: str) -> None:
        stream = self._wire.sending()
        if rest := self._packing.flush():
            await stream.send(stream.envelopes.media(rest))
        await self._wire.mark(name)

    async def clear(self) -> None:
        self._packing.clear()
        await self._wire.clear()

    async def hang_up(self) -> None:
        if self._wire.end() and not self._call.over:
            await self._end()

    async def transfer(self, number: str) -> None:
        """The stream stops as soon as Telnyx has begun to call the other."""
        check_target(number)
        self._wire.sending()
        settings, wire = self._carrier.settings, self._wire
        if wire.phase is not Phase.LIVE:
            raise LineError(f"cannot transfer: the line is {wire.phase.value}")
        body: dict[str, object] = {"to": number, "timeout_secs": settings.transfer_timeout}
        if settings.transfer_caller_id:
            body["from"] = settings.transfer_caller_id
        wire.phase = Phase.LEAVING
        self._call.transferring = True
        try:
            with asking("transfer"):
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
        check_digits(digits)
        self._wire.sending()
        with asking("send digits"):
            await self._carrier.rest.command(self.info.id, "send_dtmf", {"digits": digits})

    async def start_recording(self) -> str:
        return await self.recordings.start()

    async def stop_recording(self, recording: str) -> None:
        await self.recordings.stop(recording)

    async def delete_recording(self, recording: str) -> None:
        await self.recordings.delete(recording)

    async def fetch_recording(self, recording: Recording) -> bytes:
        return await self.recordings.fetch(recording.id)

    async def start_transcription(self) -> str:
        return await self.transcriptions.start()

    async def stop_transcription(self, transcription: str) -> None:
        await self.transcriptions.stop(transcription)

    # inside

    async def _end(self) -> None:
        """Ask Telnyx to end the call."""
        try:
            await self._carrier.rest.hang_up(self.info.id)
        except ProviderError as error:
            self.note("hanging up was refused", str(error))
        else:
            self._call.over = True

    def _drop(self) -> None:
        self._carrier.services.observe(Counted(self.info.id, "carrier callbacks dropped", 1))
