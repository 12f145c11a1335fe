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
from dialog_twilio.testing.account import Account, new_sid
from dialog_twilio.testing.dialect import TwilioDialect
from dialog_twilio.testing.verbs import (
    Dial,
    Hangup,
    Pause,
    PhoneFault,
    Play,
    Reject,
    Say,
    Stream,
    Verb,
    read_twiml,
)

if TYPE_CHECKING:
    from dialog_twilio.testing.rest import FakeTwilio

__all__ = ["Dialled", "Switch"]

TONE_SECONDS = 0.2
PAUSES: Mapping[str, float] = {"w": 0.5, "W": 1.0}


@attrs.frozen
class Dialled:
    """Who is called, by whom, through whom."""

    services: Services
    voice_url: str
    account: Account
    method: str
    fields: Mapping[str, str]
    twilio: FakeTwilio | None
    status_callback: str = ""
    """Where the steps of a call are posted; empty for nowhere."""
    expected: Expected = attrs.field(factory=Expected)
    """What becomes of it."""


class Switch:
    """Twilio's side of one call: asks the server for TwiML, does it, and reports."""

    def __init__(self, dialled: Dialled, *, keep_audio: bool) -> None:
        self.call_id = dialled.fields["CallSid"]
        handset = Handset(
            dialled.services.clock, AgentBuffer(keep=keep_audio), Microphone(keep=keep_audio)
        )
        self.story = Story(handset)
        self.spoken: list[str] = []
        """Sentences in Twilio's own voice."""
        self.documents: list[str] = []
        """The TwiML that the server answered with, oldest first."""
        self._dialled = dialled
        self._update: Sequence[Verb] | None = None
        self._steps = 0

    def update(self, verbs: Sequence[Verb] | None) -> bool:
        """REST gave the call other TwiML, or ended it (None). False if it is over already."""
        if self.story.over:
            return False
        if verbs is None:
            self.story.end()
        else:
            self._update = verbs
        self.story.tell()
        return True

    async def hang_up(self) -> None:
        """The caller puts the telephone down."""
        await self.story.hang_up()

    async def run(self) -> None:
        """Ask the server what to do, do it, and tell it what it asked to be told."""
        dialled = self._dialled
        try:
            await self._post_progress("initiated", "ringing")
            if dialled.expected.outcome is Outcome.ANSWERED:
                await self._post_progress(
                    "in-progress", *(["ringing"] if dialled.expected.unruly else [])
                )
                await self._perform(await self._ask())
            else:
                self.story.status = dialled.expected.outcome.value
        finally:
            self.story.end()
        await self._post_progress(self.story.status or "completed")
        if self._dialled.twilio is not None:
            await self._dialled.twilio.call_ended(self.call_id)
        self.story.finish("completed")

    async def _ask(self) -> tuple[Verb, ...]:
        fields, url = dict(self._dialled.fields), self._dialled.voice_url
        if self._dialled.method == "GET":
            url = str(httpx.URL(url, params=fields))
            headers = self._dialled.account.sign(url)
            return self._understood(await self._dialled.services.http.get(url, headers=headers))
        return self._understood(await self.post(url, fields))

    def _understood(self, response: httpx.Response) -> tuple[Verb, ...]:
        if response.status_code != httpx.codes.OK:
            raise PhoneFault(f"11200: the voice webhook answered {response.status_code}")
        if response.headers.get("content-type", "").partition(";")[0] != "text/xml":
            raise PhoneFault("12300: the voice webhook's answer is not text/xml")
        self.documents.append(response.text)
        return read_twiml(response.content)

    async def post(self, url: str, fields: Mapping[str, str]) -> httpx.Response:
        """Post a signed form to the server, as all webhooks are."""
        headers = self._dialled.account.sign(url, fields.items())
        return await self._dialled.services.http.post(url, data=dict(fields), headers=headers)

    async def _post_progress(self, *statuses: str) -> None:
        """Post steps of the call; an unruly carrier posts each twice."""
        callback = self._dialled.status_callback
        for status in statuses if callback else ():
            fields = {**self._dialled.fields, "CallStatus": status}
            fields |= {"SequenceNumber": str(self._steps), "CallbackSource": "call-progress-events"}
            self._steps += 1
            for _ in range(1 + self._dialled.expected.unruly):
                await self.post(callback, fields)

    async def _perform(self, verbs: Sequence[Verb]) -> None:
        left = list(verbs)
        while left and not self.story.over:
            await self._do(left.pop(0))
            if self._update is not None:
                left, self._update = list(self._update), None

    async def _do(self, verb: Verb) -> None:
        match verb:
            case Stream():
                await self._connect(verb)
            case Dial():
                await self._dial(verb)
            case Play(digits=digits):
                self.story.handset.digits += digits
                await self._wait(sum(PAUSES.get(digit, TONE_SECONDS) for digit in digits))
            case Pause(length=seconds):
                await self._wait(seconds)
            case Say(text=text):
                self.spoken.append(text)
            case Reject(reason=reason):
                self.story.status = "busy" if reason == "busy" else "no-answer"
                self.story.end()
            case Hangup():
                self.story.end()

    async def _connect(self, verb: Stream) -> None:
        account, services = self._dialled.account, self._dialled.services
        ids = {"accountSid": account.sid, "callSid": self.call_id}
        sid = new_sid("MZ")
        event, error = "stream-stopped", ""
        try:
            async with services.connect(verb.url, headers=account.sign(verb.url)) as socket:
                stream = PhoneStream(
                    socket, self.story.handset, TwilioDialect(sid, ids, verb.parameters)
                )
                report = partial(self._report, verb, sid, "stream-started", "")
                await self.story.carry(stream, self._is_redirected, report)
        except SocketError as problem:
            event, error = "stream-error", f"31920: {problem}"
            self.story.handset.warn(error)
        await self._report(verb, sid, event, error)

    async def _report(self, verb: Stream, sid: str, event: str, error: str) -> None:
        if not verb.status_callback:
            return
        fields = {
            "AccountSid": self._dialled.account.sid,
            "CallSid": self.call_id,
            "StreamSid": sid,
            "StreamName": verb.name or sid,
            "StreamEvent": event,
            "Timestamp": "2026-01-01T00:00:00.000Z",
        }
        if error:
            fields["StreamError"] = error
        try:
            await self.post(verb.status_callback, fields)
        except httpx.HTTPError as problem:
            self.story.handset.warn(f"15003: the stream's status callback failed: {problem}")

    async def _dial(self, verb: Dial) -> None:
        """The other side answers at once, and stays until the call ends."""
        self.story.transfer(verb.number)
        await self._wait(None)
        if verb.action:
            ids = {"AccountSid": self._dialled.account.sid, "CallSid": self.call_id}
            await self.post(verb.action, {**ids, "DialCallStatus": "completed"})

    async def _wait(self, seconds: float | None) -> None:
        """Until so long has passed, other TwiML came, or the call is over."""
        await self.story.until(self._is_redirected, within=seconds)

    def _is_redirected(self) -> bool:
        return self._update is not None
