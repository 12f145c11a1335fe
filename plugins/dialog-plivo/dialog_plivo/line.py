from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial
from urllib.parse import urlencode

import anyio
import attrs
from starlette.requests import HTTPConnection

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.carriers.oddities import Oddities
from dialog_core.carriers.owed import Grace, Owed
from dialog_core.carriers.verbs import asking, check_digits, check_target, start_services
from dialog_core.carriers.wire import Phase, Wire
from dialog_core.errors import LineError, ProviderError
from dialog_core.factory import Services
from dialog_core.line import cannot
from dialog_core.net.media_stream import MediaStream
from dialog_core.observe.observations import Counted, Trouble
from dialog_core.protocols import Ability, CallInfo, FrontDoor, LineEvent, Recording
from dialog_plivo.inbound import Inbound
from dialog_plivo.protocol import AUDIO_LIMIT, Envelopes
from dialog_plivo.rest import PlivoRest
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.webhooks import CALL_UUID, RecordingResult

__all__ = ["ABILITIES", "Carrier", "PlivoLine"]

ABILITIES = frozenset({Ability.KEYPRESS, Ability.SEND_DIGITS, Ability.TRANSFER, Ability.RECORD})
PAUSES = {"w": 0.5, "W": 1.0}
TONE_SECONDS = 0.25
"""A tone and the gap after it, about; Plivo does not tell when it has played them."""


@attrs.frozen
class Carrier:
    """What a line uses outside itself: Plivo's REST interface, and our own addresses as Plivo knows them."""

    settings: PlivoSettings
    rest: PlivoRest
    services: Services
    door: FrontDoor
    connection: HTTPConnection
    """The upgrade that brought the call; addresses are derived from it where none is configured."""

    def url(self, path: str) -> str:
        """Public address of a webhook of ours."""
        return self.door.url(self.connection, path)


class PlivoLine:
    """A call over a Plivo audio stream; see :class:`dialog_core.protocols.Line`.

    Plivo tells of a checkpoint only when it was played, so one that was cleared never returns; see
    :mod:`dialog_plivo.protocol`.
    """

    fmt = TELEPHONE
    abilities = ABILITIES
    buffers = True
    awaits_stream = False

    def __init__(
        self, info: CallInfo, call: str, carrier: Carrier, stream: MediaStream[Envelopes]
    ) -> None:
        """call: its CallUUID, which is not always the id that it is known by."""
        self.info = info
        self.callback_id = secrets.token_urlsafe(12)
        """Last part of the addresses that this call's callbacks come to."""
        self._call = call
        self._carrier = carrier
        self._wire = Wire(stream)
        self._owed = Owed(self._drop)
        self._urls: dict[str, str] = {}
        grace = Grace(carrier.services.clock, carrier.settings.callback_wait)
        self._inbound = Inbound(self._wire, self._owed, grace, Oddities(self.note))

    # what the server calls

    @property
    def transferred(self) -> bool:
        """True if the call goes on without us."""
        return self._wire.reason == "transferred"

    async def start_services(self) -> None:
        """Start what the settings ask for on every call; a failure is noted, and the call goes on."""
        await start_services(self, record=self._carrier.settings.record)

    def recording_done(self, result: RecordingResult) -> None:
        """A recording callback came, perhaps not for the first time."""
        if not self._owed.is_new(result.recording_id, "completed"):
            return
        url = result.url or self._urls.get(result.recording_id, "")
        self._owed.deliver(Recording(result.recording_id, "completed", url, result.seconds))
        self._owed.settle(result.recording_id)

    async def close(self) -> None:
        """Close the media socket; a call that nobody ended goes on to its hang-up."""
        await self._wire.stream.close()

    def note(self, what: str, detail: str) -> None:
        """Record a trouble of this call."""
        self._carrier.services.observe(Trouble(self.info.id, "plivo.line", what, detail))

    # what the call uses

    def events(self) -> AsyncIterator[LineEvent]:
        return self._inbound

    def divert(self, feed: Callable[[AudioFrame], None]) -> None:
        self._inbound.divert(feed)

    async def play(self, audio: bytes) -> None:
        """In messages that Plivo takes, each at most 1.5 s."""
        stream = self._wire.sending()
        if len(audio) <= AUDIO_LIMIT:
            await stream.send(stream.envelopes.audio(audio))
            return
        generation = self._wire.generation
        for start in range(0, len(audio), AUDIO_LIMIT):
            if (
                self._wire.generation != generation
            ):  # cleared meanwhile: the rest is thrown away too
                return
            await stream.send(stream.envelopes.audio(audio[start : start + AUDIO_LIMIT]))

    async def mark(self, name: str) -> None:
        await self._wire.mark(name)

    async def clear(self) -> None:
        await self._wire.clear()

    async def hang_up(self) -> None:
        """Ask Plivo to end the call; if that fails, close the stream, after which the document hangs up."""
        if not self._wire.end():
            return
        try:
            await self._carrier.rest.hang_up(self._call)
        except ProviderError as error:
            self.note("hanging up was refused; the stream is closed instead", str(error))
            await self._wire.stream.close()

    async def transfer(self, number: str) -> None:
        """Let Plivo fetch a document that dials. What it is to dial stands in the address, which Plivo signs."""
        check_target(number)
        url = f"{self._carrier.url('/transfer')}?{urlencode({'number': number})}"
        request = partial(self._carrier.rest.transfer, self._call, url)
        await self._wire.redirect(Phase.LEAVING, "transfer", request)

    async def send_digits(self, digits: str) -> None:
        """On the stream, which goes on meanwhile. Returns when they have sounded, about."""
        check_digits(digits)
        for pausing, group in itertools.groupby(digits, PAUSES.__contains__):
            keys = "".join(group)
            if pausing:
                await anyio.sleep(sum(PAUSES[key] for key in keys))
            else:
                stream = self._wire.sending()
                await stream.send(stream.envelopes.digits(keys))
                await anyio.sleep(TONE_SECONDS * len(keys))

    async def start_recording(self) -> str:
        """Plivo says that it began only in its answer, so that is told as an event here."""
        elsewhere = self._carrier.settings.recording_callback
        callback = elsewhere or self._carrier.url(f"/recording/{self.callback_id}")
        with asking("start a recording"):
            started = await self._carrier.rest.start_recording(self._call, callback)
        recording = checked(started.recording_id)
        self._urls[recording] = started.url
        if not elsewhere:
            self._owed.expect(recording)
            if self._owed.is_new(recording, "in-progress"):
                self._owed.deliver(Recording(recording, "in-progress", started.url))
        return recording

    async def stop_recording(self, recording: str) -> None:
        with asking("stop a recording"):
            url = self._urls.get(checked(recording), "")
            await self._carrier.rest.stop_recording(self._call, url)

    async def delete_recording(self, recording: str) -> None:
        with asking("delete a recording"):
            await self._carrier.rest.delete_recording(checked(recording))
        self._owed.settle(recording)

    async def fetch_recording(self, recording: Recording) -> bytes:
        rest = self._carrier.rest
        with asking("fetch a recording"):
            url = recording.url or self._urls.get(checked(recording.id), "")
            return await rest.download(url or await rest.find_recording(recording.id))

    async def start_transcription(self) -> str:
        raise cannot("plivo", Ability.TRANSCRIBE, NO_TRANSCRIPTION)

    async def stop_transcription(self, transcription: str) -> None:  # noqa: ARG002 - the contract's
        raise cannot("plivo", Ability.TRANSCRIBE, NO_TRANSCRIPTION)

    # inside

    def _drop(self) -> None:
        self._carrier.services.observe(Counted(self.info.id, "carrier callbacks dropped", 1))


NO_TRANSCRIPTION = "it has no transcription of live calls; the agent's own speech-to-text has"


def checked(recording: str) -> str:
    """The id of a recording, since it becomes part of an address. Raises: LineError."""
    if not CALL_UUID.fullmatch(recording):
        raise LineError("ids of recordings are UUIDs")
    return recording
