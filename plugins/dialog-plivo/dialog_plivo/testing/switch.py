from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import attrs
import httpx

from dialog_core.errors import SocketError
from dialog_core.factory import Services
from dialog_core.testing.phones.agent_buffer import AgentBuffer
from dialog_core.testing.phones.handset import Handset
from dialog_core.testing.phones.microphone import Microphone
from dialog_core.testing.phones.phone import Outcome
from dialog_core.testing.phones.placing import Expected
from dialog_core.testing.phones.story import Story
from dialog_core.testing.phones.stream import PhoneStream
from dialog_plivo.testing.account import Account, new_uuid
from dialog_plivo.testing.dialect import PlivoDialect
from dialog_plivo.testing.verbs import (
    Dial,
    Hangup,
    PhoneFault,
    Speak,
    Stream,
    Verb,
    Wait,
    read_xml,
)

if TYPE_CHECKING:
    from dialog_plivo.testing.rest import FakePlivo

__all__ = ["Dialled", "Switch"]

STREAM_TRIES = 3
BUFFER_SECONDS = 60
CAUSES: Mapping[str, tuple[str, str]] = {
    "completed": ("NORMAL_CLEARING", "4000"),
    "busy": ("USER_BUSY", "3010"),
    "no-answer": ("NO_ANSWER", "6010"),
    "failed": ("UNALLOCATED_NUMBER", "2000"),
    "timeout": ("NO_ANSWER", "6010"),
}
"""How Plivo tells why a call is over, and by which code."""


@attrs.frozen
class Dialled:
    """Who is called, by whom, through whom."""

    services: Services
    answer_url: str
    account: Account
    fields: Mapping[str, str]
    plivo: FakePlivo | None
    method: str = "POST"
    ring_url: str = ""
    hangup_url: str = ""
    expected: Expected = attrs.field(factory=Expected)
    """What becomes of it."""


class Switch:
    """Plivo's side of one call: asks the server for XML, does it, and reports."""

    def __init__(self, dialled: Dialled, *, keep_audio: bool) -> None:
        self.call_uuid = dialled.fields["CallUUID"]
        self.call_id = dialled.fields.get("ALegRequestUUID", self.call_uuid)
        handset = Handset(
            dialled.services.clock,
            AgentBuffer(keep=keep_audio, longest=BUFFER_SECONDS),
            Microphone(keep=keep_audio),
        )
        self.story = Story(handset)
        self.spoken: list[str] = []
        """Sentences in Plivo's own voice."""
        self.documents: list[str] = []
        """The XML that the server answered with, oldest first."""
        self._dialled = dialled
        self._elsewhere: str | None = None
        """Where the XML is that the call is to go on with."""

    def move(self, url: str | None) -> bool:
        """REST lets the call go on with the XML at `url`, or ends it (None). False if it is over already."""
        if self.story.over:
            return False
        if url is None:
            self.story.end()
        else:
            self._elsewhere = url
        self.story.tell()
        return True

    async def hang_up(self) -> None:
        """The caller puts the telephone down."""
        await self.story.hang_up()

    async def run(self) -> None:
        """Ask the server what to do, do it, and tell it what it asked to be told."""
        dialled = self._dialled
        try:
            await self._report(dialled.ring_url, "ringing", {"Event": "Ring"})
            if dialled.expected.outcome is Outcome.ANSWERED:
                await self._perform(await self._ask(dialled.answer_url, dialled.method))
            else:
                self.story.status = dialled.expected.outcome.value
        finally:
            self.story.end()
        await self._report_end(self.story.status or "completed")
        if dialled.plivo is not None:
            await dialled.plivo.call_ended(self.call_uuid)
        self.story.finish("completed")

    async def _ask(self, url: str, method: str) -> tuple[Verb, ...]:
        dialled = self._dialled
        answered = dialled.fields.get("Direction") == "outbound"
        status = "in-progress" if answered else dialled.fields["CallStatus"]
        fields = {**dialled.fields, "CallStatus": status, "Event": "StartApp"}
        if method == "GET":
            url = str(httpx.URL(url).copy_merge_params(fields))
            headers = dialled.account.sign("GET", url)
            return self._understood(await dialled.services.http.get(url, headers=headers))
        return self._understood(await self.post(url, fields))

    def _understood(self, response: httpx.Response) -> tuple[Verb, ...]:
        if response.status_code != httpx.codes.OK:
            raise PhoneFault(f"7011: the server answered {response.status_code}")
        kind = response.headers.get("content-type", "").partition(";")[0]
        if kind not in {"application/xml", "text/xml"}:
            raise PhoneFault(f"8011: the server's answer is {kind!r}, not XML")
        self.documents.append(response.text)
        return read_xml(response.content)

    async def post(self, url: str, fields: Mapping[str, str]) -> httpx.Response:
        """Post a signed form to the server, as all webhooks are."""
        headers = self._dialled.account.sign("POST", url, fields.items())
        return await self._dialled.services.http.post(url, data=dict(fields), headers=headers)

    async def _report(self, url: str, status: str, more: Mapping[str, str]) -> None:
        """Post a step of the call; an unruly carrier posts each twice."""
        fields = {**self._dialled.fields, "CallStatus": status, **more}
        for _ in range((1 + self._dialled.expected.unruly) if url else 0):
            try:
                await self.post(url, fields)
            except httpx.HTTPError as problem:
                self.story.handset.warn(f"a callback failed: {problem}")

    async def _report_end(self, status: str) -> None:
        cause, code = CAUSES[status]
        seconds = str(self.story.handset.now() // 8000)
        url = self._dialled.hangup_url
        over = {"Event": "Hangup", "HangupCause": cause, "HangupCauseCode": code}
        await self._report(url, status, {**over, "Duration": seconds, "BillDuration": seconds})
        if self._dialled.expected.unruly:
            await self._report(self._dialled.ring_url, "ringing", {"Event": "Ring"})

    async def _perform(self, verbs: Sequence[Verb]) -> None:
        left = list(verbs)
        while left and not self.story.over:
            await self._do(left.pop(0))
            elsewhere, self._elsewhere = self._elsewhere, None
            if elsewhere is not None:
                left = list(await self._ask(elsewhere, "POST"))

    async def _do(self, verb: Verb) -> None:
        match verb:
            case Stream():
                await self._connect(verb)
            case Dial():
                await self._dial(verb)
            case Wait(length=seconds):
                await self._wait(seconds)
            case Speak(text=text):
                self.spoken.append(text)
            case Hangup(reason=reason):
                self.story.status = {"busy": "busy", "rejected": "failed"}.get(reason)
                self.story.end()

    async def _connect(self, verb: Stream) -> None:
        """Open the stream, trying three times; then tell what became of it."""
        stream_id = ""
        for tries_left in range(STREAM_TRIES - 1, -1, -1):
            try:
                stream_id = await self._stream(verb)
                break
            except SocketError as problem:
                self.story.handset.warn(f"the stream was not connected: {problem}")
                if not tries_left:
                    await self._tell_stream(verb, stream_id or new_uuid(), "DroppedStream")
                    return
        await self._tell_stream(verb, stream_id, "StopStream")

    async def _stream(self, verb: Stream) -> str:
        dialled = self._dialled
        headers = dialled.account.sign_upgrade(verb.url)
        dialect = PlivoDialect(
            new_uuid(), self.call_uuid, dialled.account.auth_id, verb.written_headers
        )
        async with dialled.services.connect(verb.url, headers=headers) as socket:
            stream = PhoneStream(socket, self.story.handset, dialect)
            report = partial(self._tell_stream, verb, dialect.id, "StartStream")
            await self.story.carry(stream, self._is_redirected, report)
        return dialect.id

    async def _tell_stream(self, verb: Stream, stream_id: str, event: str) -> None:
        if verb.status_callback:
            fields = {
                "CallUUID": self.call_uuid,
                "StreamID": stream_id,
                "Event": event,
                "Timestamp": "2026-01-01 00:00:00",
                "From": self._dialled.fields["From"],
                "To": self._dialled.fields["To"],
            }
            try:
                await self.post(verb.status_callback, fields)
            except httpx.HTTPError as problem:
                self.story.handset.warn(f"the stream's status callback failed: {problem}")

    async def _dial(self, verb: Dial) -> None:
        """The other side answers at once, and stays until the call ends."""
        self.story.transfer(verb.number)
        await self._wait(None)
        if verb.action:
            done = {"DialStatus": "completed", "DialHangupCause": "NORMAL_CLEARING"}
            await self.post(verb.action, {**self._dialled.fields, **done})

    async def _wait(self, seconds: float | None) -> None:
        """Until so long has passed, other XML came, or the call is over."""
        await self.story.until(self._is_redirected, within=seconds)

    def _is_redirected(self) -> bool:
        return self._elsewhere is not None
