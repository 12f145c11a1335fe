"""A caller on the other side of Plivo: places a call on a server and behaves as Plivo does, to the sample.

::

    async with place_call(services, "https://voice.example.com/reception/plivo/answer") as phone:
        await phone.heard_silence(0.5)
        await phone.say(mulaw)
        await phone.heard_speech()
        await phone.hang_up()
    assert phone.warnings == []

Time is the caller's audio clock: seconds since the first sample of the stream. With virtual time a call takes
as long as the computing in it. On a real loop one process carries some hundred phones: each sends 50 frames a
second, and what the agent says costs nothing while it plays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import httpx

from dialog_core.errors import SocketClosed
from dialog_core.factory import Services
from dialog_core.net.groups import ungrouped
from dialog_core.testing.phones.agent_buffer import RATE
from dialog_core.testing.phones.phone import Echo
from dialog_plivo.testing.account import Account, new_uuid
from dialog_plivo.testing.switch import Dialled, Switch
from dialog_plivo.testing.verbs import PhoneFault

if TYPE_CHECKING:
    from dialog_plivo.testing.rest import FakePlivo

__all__ = ["Phone", "PhoneFault", "place_call"]

ROUNDING = 1e-6
"""Seconds that are too few for a clock to move by."""
LEAVE_SECONDS = 10.0
"""How long leaving a call waits for the server to let go of it."""


class Phone:
    """One call; made by :func:`place_call`."""

    def __init__(self, switch: Switch) -> None:
        self.call_uuid = switch.call_uuid
        self._switch = switch
        self._handset = switch.handset
        self._progress = switch.progress

    # what the caller does

    async def say(self, audio: bytes, *, at: float | None = None) -> None:
        """Speak, and return when the last sample is sent; at once if nobody listens any more.

        audio: mu-law at 8 kHz. at: seconds on the audio clock before which it does not begin.
        """
        await self.answered()
        if self._with_agent:
            start = None if at is None else round(at * RATE)
            await self._handset.microphone.say(audio, at=start).wait()

    async def silent(self, seconds: float) -> None:
        """Say nothing for so long."""
        await self.say(b"\xff" * round(seconds * RATE))

    async def press(self, digits: str) -> None:
        """Press keys, one after another."""
        await self.answered()
        with suppress(SocketClosed):
            for digit in digits:
                if self._switch.stream is not None:
                    await self._switch.stream.press(digit)

    async def hang_up(self) -> None:
        """End the call as a caller does; returns when Plivo is through with it. Again is harmless."""
        self._switch.end()
        if self._switch.stream is not None:
            await self._switch.stream.stop()
        await self.over()

    async def vanish(self) -> None:
        """Lose the media socket without a goodbye; Plivo then goes on with the XML after the stream."""
        if self._switch.stream is not None:
            await self._switch.stream.vanish()

    async def send_raw(self, data: str | bytes) -> None:
        """Send anything at all on the media socket."""
        with suppress(SocketClosed):
            if self._switch.stream is not None:
                await self._switch.stream.send_raw(data)

    def jumble(self) -> None:
        """Let the next four frames arrive out of order, and one of them twice."""
        self._handset.jumble.start()

    # what the caller waits for

    async def answered(self) -> None:
        """Wait until a media stream is up, or the call is over."""
        while self._switch.stream is None and self._progress.ended is None:
            await self._switch.changed.wait()

    async def heard_speech(self) -> None:
        """Wait until the agent sounds, or the call is over."""
        await self.answered()
        handset = self._handset
        while handset.buffer.sounds_until <= handset.now() and self._with_agent:
            await handset.changed.wait()

    async def heard_silence(self, seconds: float) -> None:
        """Wait until the agent has been silent for so long, or the call is over."""
        await self.answered()
        handset = self._handset
        while self._with_agent:
            changed = handset.changed
            left = handset.buffer.sounds_until / RATE + seconds - self.now
            if left <= ROUNDING:
                return
            with anyio.move_on_after(left):
                await changed.wait()

    async def over(self) -> str:
        """Wait for the end of the call and of all its callbacks. Returns its status, such as ``completed``."""
        while self._progress.ended is None:
            await self._switch.changed.wait()
        return self._progress.ended

    # what is known

    @property
    def call_id(self) -> str:
        """What the server knows the call by: of one that it placed, the request's id."""
        return self._switch.call_id

    @property
    def now(self) -> float:
        """Seconds on the caller's audio clock."""
        return self._handset.now() / RATE

    @property
    def played(self) -> list[tuple[float, bytes]]:
        """What the caller has heard of the agent: (start in seconds, mu-law audio), in order."""
        pieces = self._handset.buffer.played(self._handset.now())
        return [(start / RATE, audio) for start, audio in pieces]

    @property
    def sent(self) -> bytes:
        """All that the caller's side has sent since the clock began, silence included."""
        return self._handset.microphone.track()

    def stereo(self) -> tuple[bytes, bytes]:
        """Both sides as mu-law tracks of one length: the caller's, then what they heard of the agent."""
        caller = self.sent
        return caller, self._handset.buffer.track(len(caller))

    @property
    def warnings(self) -> list[str]:
        """What Plivo would not have understood; empty if all was well."""
        return self._handset.warnings

    @property
    def echoes(self) -> list[Echo]:
        """The checkpoints that were confirmed."""
        return self._handset.echoes

    @property
    def clears(self) -> list[float]:
        """When the server cleared the buffer."""
        return self._handset.clears

    @property
    def status(self) -> str | None:
        """How the call ended, such as ``completed`` or ``busy``; None while it lives."""
        return self._progress.ended

    @property
    def transferred_to(self) -> str | None:
        """The number that was dialled for the caller, if one was."""
        return self._progress.transferred_to

    @property
    def digits(self) -> str:
        """Keypad tones that the server played."""
        return self._handset.digits

    @property
    def spoken(self) -> list[str]:
        """Sentences in Plivo's own voice."""
        return self._progress.spoken

    @property
    def documents(self) -> list[str]:
        """The XML that the server answered with, oldest first."""
        return self._progress.documents

    @property
    def live(self) -> bool:
        """False when the call is over, though callbacks may still be on their way."""
        return not self._progress.over

    @property
    def _with_agent(self) -> bool:
        return self.live and self.transferred_to is None

    # what the REST side uses

    def move(self, url: str | None) -> bool:
        """REST lets the call go on with the XML at `url`, or ends it (None). False if it is over already."""
        return self._switch.move(url)

    async def post(self, url: str, fields: Mapping[str, str]) -> httpx.Response:
        """Post a signed form to the server, as all webhooks are."""
        return await self._switch.post(url, fields)


@asynccontextmanager
async def place_call(
    services: Services,
    answer_url: str,
    *,
    account: Account | None = None,
    plivo: FakePlivo | None = None,
    caller: str = "+15550001111",
    called: str = "+15550002222",
    method: str = "POST",
    hangup_url: str = "",
    fields: Mapping[str, str] | None = None,
    keep_audio: bool = True,
) -> AsyncIterator[Phone]:
    """Call the number whose answer URL is `answer_url`; leaving the block hangs up.

    plivo: the REST side, whose requests then act on this call. hangup_url: is told of the end. fields: further, or
    other, fields of the webhook. keep_audio: whether `played`, `sent` and `stereo` are wanted. Raises: PhoneFault,
    from the block, if the server answers as Plivo would not accept.
    """
    account = account or (plivo.account if plivo is not None else Account())
    asked = {
        "CallUUID": new_uuid(),
        "From": caller.lstrip("+"),
        "To": called.lstrip("+"),
        "CallStatus": "ringing",
        "Direction": "inbound",
        **(fields or {}),
    }
    dialled = Dialled(
        services, answer_url, account, asked, plivo, method=method, hangup_url=hangup_url
    )
    switch = Switch(dialled, keep_audio=keep_audio)
    phone = Phone(switch)
    if plivo is not None:
        plivo.connect(phone)
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(switch.run)
            yield phone
            with anyio.move_on_after(LEAVE_SECONDS):
                await phone.hang_up()
            tasks.cancel_scope.cancel()
