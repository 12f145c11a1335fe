from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial

import attrs
from starlette.requests import HTTPConnection

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.carriers.oddities import Oddities
from dialog_core.carriers.owed import Grace, Owed
from dialog_core.carriers.verbs import asking, check_digits, check_target, start_services
from dialog_core.carriers.wire import Phase, Wire
from dialog_core.errors import LineError, ProviderError
from dialog_core.factory import Services
from dialog_core.net.media_stream import MediaStream
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import (
    Ability,
    CallInfo,
    CarrierTranscript,
    FrontDoor,
    LineEvent,
    Recording,
)
from dialog_twilio import twiml
from dialog_twilio.inbound import Inbound
from dialog_twilio.protocol import Envelopes
from dialog_twilio.rest import TwilioRest
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.webhooks import RecordingStatus, TranscriptionStatus

__all__ = ["ABILITIES", "Carrier", "TwilioLine"]

ABILITIES = frozenset(Ability.ALL) - {Ability.OUTBOUND}
SID = re.compile(r"(RE|GT)[0-9a-fA-F]{32}")


@attrs.frozen
class Carrier:
    """What a line uses outside itself: Twilio's REST interface, and our own addresses as Twilio knows them."""

    settings: TwilioSettings
    rest: TwilioRest
    services: Services
    door: FrontDoor
    connection: HTTPConnection
    """The upgrade that brought the call; addresses are derived from it where none is configured."""

    def url(self, path: str) -> str:
        """Public address of a webhook of ours."""
        return self.door.url(self.connection, path)

    def stream(self, call: str) -> str:
        """TwiML that opens a new media stream of this call, and hangs up after it."""
        path = f"/media/{self.door.issue(call)}"
        url = self.door.url(self.connection, path, websocket=True)
        status = self.url("/stream-status")
        name = self.settings.stream_name
        return twiml.connect(url, name=name, status_callback=status) + twiml.hang_up()


class TwilioLine:
    """A call over a Twilio media stream; see :class:`dialog_core.protocols.Line`.

    Twilio echoes a mark when it was played and also when `clear` threw it away, without telling which, so echoes of
    marks from before a `clear` are dropped, the few that were played and on their way at that moment among them.
    """

    fmt = TELEPHONE
    abilities = ABILITIES
    buffers = True

    def __init__(self, info: CallInfo, carrier: Carrier, stream: MediaStream[Envelopes]) -> None:
        self.info = info
        self.callback_id = secrets.token_urlsafe(12)
        """Last part of the addresses that this call's callbacks come to."""
        self._carrier = carrier
        settings = carrier.settings
        self._wire = Wire(stream, settings.reconnect_wait)
        self._owed = Owed(self._drop)
        grace = Grace(carrier.services.clock, settings.callback_wait)
        self._inbound = Inbound(self._wire, self._owed, grace, Oddities(self.note))

    # what the server calls

    @property
    def awaits_stream(self) -> bool:
        """True while the stream is to return on another socket."""
        return self._wire.phase is Phase.MOVING

    @property
    def transferred(self) -> bool:
        """True if the call goes on without us."""
        return self._wire.reason == "transferred"

    def rebind(self, stream: MediaStream[Envelopes]) -> None:
        """Go on with the stream that returned."""
        self._wire.rebind(stream)

    async def start_services(self) -> None:
        """Start what the settings ask for on every call; a failure is noted, and the call goes on."""
        settings = self._carrier.settings
        await start_services(self, record=settings.record, transcribe=settings.transcribe)

    def recording_changed(self, status: RecordingStatus) -> None:
        """A recording callback came, perhaps not for the first time."""
        if not self._owed.is_new(status.recording_sid, status.status):
            return
        event = Recording(status.recording_sid, status.status, status.url, status.seconds)
        self._owed.deliver(event)
        if status.over:
            self._owed.settle(status.recording_sid)

    def transcription_changed(self, status: TranscriptionStatus) -> None:
        """A transcription callback came, perhaps not for the first time, perhaps not in order."""
        sid = status.transcription_sid
        if not self._owed.is_new(sid, (status.event, status.sequence)):
            return
        if status.event == "transcription-content":
            heard = CarrierTranscript(
                status.track, status.text, status.final, status.sequence, status.confidence
            )
            self._owed.deliver(heard)
        if status.error:
            self.note("the carrier's transcription failed", status.error)
        if status.over:
            self._owed.settle(sid)

    async def close(self) -> None:
        """Close the media socket; a call that nobody ended goes on to its hang-up."""
        await self._wire.stream.close()

    def note(self, what: str, detail: str) -> None:
        """Record a trouble of this call."""
        self._carrier.services.observe(Trouble(self.info.id, "twilio.line", what, detail))

    # what the call uses

    def events(self) -> AsyncIterator[LineEvent]:
        return self._inbound

    def divert(self, feed: Callable[[AudioFrame], None]) -> None:
        self._inbound.divert(feed)

    async def play(self, audio: bytes) -> None:
        wire = self._wire
        if wire.phase is Phase.MOVING:
            await wire.arrived()
        stream = wire.sending()
        await stream.send(stream.envelopes.media(audio))

    async def mark(self, name: str) -> None:
        await self._wire.arrived()
        await self._wire.mark(name)

    async def clear(self) -> None:
        await self._wire.clear()

    async def hang_up(self) -> None:
        """Ask Twilio to end the call; if that fails, close the stream, after which the TwiML hangs up."""
        if not self._wire.end():
            return
        try:
            await self._carrier.rest.complete_call(self.info.id)
        except ProviderError as error:
            self.note("hanging up was refused; the stream is closed instead", str(error))
            await self._wire.stream.close()

    async def transfer(self, number: str) -> None:
        check_target(number)
        settings = self._carrier.settings
        verb = twiml.dial(
            number,
            caller_id=settings.transfer_caller_id,
            timeout=settings.transfer_timeout,
            action=self._carrier.url("/after"),
        )
        document = twiml.document(verb)
        update = partial(self._carrier.rest.update_call, self.info.id, document)
        await self._wire.redirect(Phase.LEAVING, "transfer", update)

    async def send_digits(self, digits: str) -> None:
        """Not asked again when the answer is lost: they would be played twice, and the stream's ticket is used up."""
        check_digits(digits)

        async def update() -> None:
            verbs = twiml.play_digits(digits), self._carrier.stream(self.info.id)
            await self._carrier.rest.update_call(self.info.id, twiml.document(*verbs), twice=False)

        await self._wire.redirect(Phase.MOVING, "send digits", update)

    async def start_recording(self) -> str:
        elsewhere = self._carrier.settings.recording_callback
        callback = elsewhere or self._carrier.url(f"/recording/{self.callback_id}")
        with asking("start a recording"):
            sid = await self._carrier.rest.start_recording(self.info.id, callback)
        if not elsewhere:
            self._owed.expect(sid)
        return sid

    async def stop_recording(self, recording: str) -> None:
        with asking("stop a recording"):
            await self._carrier.rest.stop_recording(self.info.id, checked(recording))

    async def delete_recording(self, recording: str) -> None:
        with asking("delete a recording"):
            await self._carrier.rest.delete_recording(checked(recording))
        self._owed.settle(recording)

    async def fetch_recording(self, recording: Recording) -> bytes:
        with asking("fetch a recording"):
            return await self._carrier.rest.download_recording(checked(recording.id))

    async def start_transcription(self) -> str:
        elsewhere = self._carrier.settings.transcription_callback
        callback = elsewhere or self._carrier.url(f"/transcription/{self.callback_id}")
        with asking("start a transcription"):
            sid = await self._carrier.rest.start_transcription(self.info.id, callback)
        if not elsewhere:
            self._owed.expect(sid)
        return sid

    async def stop_transcription(self, transcription: str) -> None:
        with asking("stop a transcription"):
            await self._carrier.rest.stop_transcription(self.info.id, checked(transcription))

    # inside

    def _drop(self) -> None:
        self._carrier.services.observe(Counted(self.info.id, "carrier callbacks dropped", 1))


def checked(sid: str) -> str:
    """The id of a recording or a transcription, since it becomes part of an address. Raises: LineError."""
    if not SID.fullmatch(sid):
        raise LineError(
            "ids of recordings and transcriptions are RE or GT and 32 hexadecimal digits"
        )
    return sid
