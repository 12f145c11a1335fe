from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import anyio
import attrs
from starlette.requests import HTTPConnection

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.carriers.oddities import Oddities
from dialog_core.carriers.owed import Grace, Owed
from dialog_core.errors import LineError, ProviderError
from dialog_core.factory import Services
from dialog_core.line import is_address
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
from dialog_twilio.protocol import wrap_mark
from dialog_twilio.rest import TwilioRest
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.stream import MediaStream, Phase, Wire
from dialog_twilio.webhooks import RecordingStatus, TranscriptionStatus

__all__ = ["ABILITIES", "Carrier", "TwilioLine"]

DIGITS = re.compile(r"[0-9A-D*#wW]{1,100}")
ABILITIES = frozenset(Ability.ALL) - {Ability.OUTBOUND}
SID = re.compile(r"(RE|GT)[0-9a-fA-F]{32}")
DOUBT_SECONDS = 2.0
"""Wait for the stream to stop after an update whose answer was lost: if it does, the update was made."""


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

    Twilio echoes a mark when it was played and also when `clear` threw it away, without telling which. So marks
    travel with a generation that grows at every `clear`, and only echoes of the present one become `MarkReturned`.
    Those of older ones are dropped, the few that were played and on their way at that moment among them.
    """

    fmt = TELEPHONE
    abilities = ABILITIES
    buffers = True

    def __init__(self, info: CallInfo, carrier: Carrier, stream: MediaStream) -> None:
        self.info = info
        self.callback_id = secrets.token_urlsafe(12)
        """Last part of the addresses that this call's callbacks come to."""
        self._carrier = carrier
        self._wire = Wire(stream)
        self._owed = Owed(self._drop)
        self._updating = anyio.Lock()
        settings = carrier.settings
        grace = Grace(carrier.services.clock, settings.callback_wait)
        self._inbound = Inbound(
            self._wire,
            self._owed,
            grace,
            Oddities(self.note),
            return_wait=settings.reconnect_wait,
        )

    # what the server calls

    @property
    def awaits_stream(self) -> bool:
        """True while the stream is to return on another socket."""
        return self._wire.phase is Phase.MOVING

    @property
    def transferred(self) -> bool:
        """True if the call goes on without us."""
        return self._wire.reason == "transferred"

    def rebind(self, stream: MediaStream) -> None:
        """Go on with the stream that returned."""
        self._wire.rebind(stream)

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
        stream = await self._stream()
        await stream.send(stream.envelopes.media(audio))

    async def mark(self, name: str) -> None:
        stream = await self._stream()
        await stream.send(stream.envelopes.mark(wrap_mark(self._wire.generation, name)))

    async def clear(self) -> None:
        """Without a stream there is nothing to clear, so this never fails."""
        wire = self._wire
        wire.generation += 1
        if wire.phase is not Phase.STOPPED:
            with suppress(LineError):
                await wire.stream.send(wire.stream.envelopes.clear)

    async def hang_up(self) -> None:
        """Ask Twilio to end the call; if that fails, close the stream, after which the TwiML hangs up."""
        wire = self._wire
        ended = wire.phase is Phase.STOPPED and wire.reason != "lost"
        if ended or wire.phase in {Phase.ENDING, Phase.LEAVING}:
            return
        if wire.phase is not Phase.STOPPED:
            wire.phase = Phase.ENDING
            wire.tell()
        try:
            await self._carrier.rest.complete_call(self.info.id)
        except ProviderError as error:
            self.note("hanging up was refused; the stream is closed instead", str(error))
            await wire.stream.close()

    async def transfer(self, number: str) -> None:
        if not is_address(number):
            raise LineError(
                "a transfer wants an E.164 number or a SIP address, such as +15550001111"
            )
        settings = self._carrier.settings
        verb = twiml.dial(
            number,
            caller_id=settings.transfer_caller_id,
            timeout=settings.transfer_timeout,
            action=self._carrier.url("/after"),
        )
        await self._update(Phase.LEAVING, lambda: verb, "transfer")

    async def send_digits(self, digits: str) -> None:
        if not DIGITS.fullmatch(digits):
            raise LineError("digits are 1 to 100 of 0123456789*#ABCD, and w for half a second")
        verb = twiml.play_digits(digits)
        stream = self._carrier.stream
        await self._update(Phase.MOVING, lambda: verb + stream(self.info.id), "send digits")

    async def start_recording(self) -> str:
        elsewhere = self._carrier.settings.recording_callback
        callback = elsewhere or self._carrier.url(f"/recording/{self.callback_id}")
        with self._asking("start a recording"):
            sid = await self._carrier.rest.start_recording(self.info.id, callback)
        if not elsewhere:
            self._owed.expect(sid)
        return sid

    async def stop_recording(self, recording: str) -> None:
        with self._asking("stop a recording"):
            await self._carrier.rest.stop_recording(self.info.id, checked(recording))

    async def delete_recording(self, recording: str) -> None:
        with self._asking("delete a recording"):
            await self._carrier.rest.delete_recording(checked(recording))
        self._owed.settle(recording)

    async def fetch_recording(self, recording: Recording) -> bytes:
        with self._asking("fetch a recording"):
            return await self._carrier.rest.download_recording(checked(recording.id))

    async def start_transcription(self) -> str:
        elsewhere = self._carrier.settings.transcription_callback
        callback = elsewhere or self._carrier.url(f"/transcription/{self.callback_id}")
        with self._asking("start a transcription"):
            sid = await self._carrier.rest.start_transcription(self.info.id, callback)
        if not elsewhere:
            self._owed.expect(sid)
        return sid

    async def stop_transcription(self, transcription: str) -> None:
        with self._asking("stop a transcription"):
            await self._carrier.rest.stop_transcription(self.info.id, checked(transcription))

    # inside

    async def _stream(self) -> MediaStream:
        """The stream to send on; waits for one that is on its way. Raises: LineError."""
        wire = self._wire
        if wire.phase is Phase.MOVING and not await wire.arrived(
            self._carrier.settings.reconnect_wait
        ):
            raise LineError("the media stream did not return after digits")
        if wire.phase is Phase.STOPPED:
            raise LineError(f"the line has stopped: {wire.reason}")
        return wire.stream

    async def _update(self, phase: Phase, verbs: Callable[[], str], what: str) -> None:
        """Give the call other TwiML, which stops the stream.

        Digits are not sent again when the answer is lost: they would be played twice, and their ticket is used up.
        """
        wire = self._wire
        async with self._updating:
            stream = await self._stream()
            if wire.phase is not Phase.LIVE:
                raise LineError(f"cannot {what}: the line is {wire.phase.value}")
            document = twiml.document(verbs())
            wire.begin(phase)
            failed = False
            once = phase is Phase.MOVING
            try:
                await self._carrier.rest.update_call(self.info.id, document, twice=not once)
            except ProviderError as error:
                failed = not (error.retryable and await has_stopped(stream))
                if failed:
                    raise LineError(f"cannot {what}: {error}") from error
            finally:
                wire.settle(failed=failed)

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


async def has_stopped(stream: MediaStream) -> bool:
    """Whether a stream is over, now or in a moment."""
    with anyio.move_on_after(DOUBT_SECONDS):
        await stream.done.wait()
    return stream.done.is_set()


def checked(sid: str) -> str:
    """The id of a recording or a transcription, since it becomes part of an address. Raises: LineError."""
    if not SID.fullmatch(sid):
        raise LineError(
            "ids of recordings and transcriptions are RE or GT and 32 hexadecimal digits"
        )
    return sid
