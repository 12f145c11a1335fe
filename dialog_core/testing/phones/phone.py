from __future__ import annotations

import enum
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import attrs
from starlette.types import ASGIApp

from dialog_core.factory import Services

__all__ = ["Carrier", "Echo", "Outcome", "Phone", "Seal"]


@attrs.frozen
class Echo:
    """A mark that the carrier returned."""

    name: str
    at: float
    """Seconds on the caller's audio clock."""
    played: bool
    """False if `clear` threw its audio away."""


class Phone(Protocol):
    """Somebody with a telephone at the other end of a pretended carrier; the same for every carrier.

    Audio is mu-law at 8 kHz, whatever the carrier's wire has. Time is the caller's audio clock: seconds since the
    first sample that they could be heard with. Waiting ends early when the call is over.
    """

    @property
    def call_id(self) -> str:
        """The carrier's id of the call, as in `CallInfo.id`."""
        ...

    # what they do

    async def say(self, audio: bytes, *, at: float | None = None) -> None:
        """Speak, and return when the last sample is sent. at: the time before which it does not begin."""
        ...

    async def silent(self, seconds: float) -> None:
        """Say nothing for so long."""
        ...

    async def press(self, digits: str) -> None:
        """Press keys, one after another."""
        ...

    async def hang_up(self) -> None:
        """End the call; returns when the carrier is through with it. Again is harmless."""
        ...

    async def vanish(self) -> None:
        """Lose the media socket without a goodbye."""
        ...

    async def send_raw(self, data: str | bytes) -> None:
        """Send anything at all on the media socket."""
        ...

    def jumble(self) -> None:
        """Let the next four frames arrive as third, first, first again, second, fourth."""
        ...

    # what they wait for

    async def answered(self) -> None:
        """Wait until media flows."""
        ...

    async def heard_speech(self) -> None:
        """Wait until the agent sounds."""
        ...

    async def heard_silence(self, seconds: float) -> None:
        """Wait until the agent has been silent for so long."""
        ...

    async def over(self) -> str:
        """Wait for the end of the call and of its callbacks. Returns the carrier's word for how it ended."""
        ...

    # what is known

    @property
    def live(self) -> bool:
        """False when the call is over."""
        ...

    @property
    def now(self) -> float: ...

    @property
    def played(self) -> list[tuple[float, bytes]]:
        """What was heard of the agent: (start, audio), in order."""
        ...

    @property
    def sent(self) -> bytes:
        """All that this side has sent since the clock began, silence included."""
        ...

    def stereo(self) -> tuple[bytes, bytes]:
        """Both sides as tracks of one length: what was said here, then what was heard of the agent."""
        ...

    @property
    def warnings(self) -> list[str]:
        """What the carrier would complain of; empty if all was well."""
        ...

    @property
    def echoes(self) -> list[Echo]:
        """The marks that were returned."""
        ...

    @property
    def clears(self) -> list[float]:
        """When the agent's audio was thrown away."""
        ...

    @property
    def digits(self) -> str:
        """Keypad tones that the server played."""
        ...

    @property
    def transferred_to(self) -> str | None:
        """Whom the server handed the call to."""
        ...


class Outcome(enum.Enum):
    """What becomes of a call that the server places."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"


class Seal(enum.Enum):
    """How a webhook is signed."""

    GOOD = "good"
    MISSING = "missing"
    WRONG = "wrong"
    """With another key."""
    ALTERED = "altered"
    """The body was changed after it was signed."""
    STALE = "stale"
    """Signed long ago; only for carriers that sign a time."""


class Carrier(Protocol):
    """A pretended carrier: its own interfaces, and everybody's telephones."""

    @property
    def apps(self) -> Mapping[str, ASGIApp]:
        """The carrier's own servers, by host."""
        ...

    def serving(self, services: Services, base: str) -> AbstractAsyncContextManager[None]:
        """Be the carrier of the server whose routes for this plugin are at `base`, until the block is left.

        base: such as ``https://voice.example.com/reception/twilio``. services: reach that server.
        """
        ...

    def call(
        self, *, caller: str = "+15550001111", called: str = "+15550002222"
    ) -> AbstractAsyncContextManager[Phone]:
        """Call the server; leaving the block hangs up."""
        ...

    def expect(self, outcome: Outcome, *, unruly: bool = False) -> None:
        """What becomes of the next call that the server places. unruly: its states are told twice, and not in order."""
        ...

    async def dialled(self) -> Phone:
        """The telephone that the server's next outbound call rings at; waits for it."""
        ...

    async def knock(self, seal: Seal) -> int:
        """Announce a new call with such a signature; nobody is there. Returns the HTTP status."""
        ...

    async def knock_loudly(self, nbytes: int) -> int:
        """Announce a call, well signed, in a body of so many bytes. Returns the HTTP status."""
        ...

    async def media_url(self) -> str:
        """Announce a new call, and return the address of its media socket unopened."""
        ...

    async def connects(self, url: str) -> bool:
        """Open a media socket as the carrier would for the last announced call; whether the server took the call."""
        ...

    async def tell_late(self, phone: Phone) -> int:
        """Repeat a webhook of a call that is over. Returns the HTTP status."""
        ...

    def refuse(self, *, times: int = 1) -> None:
        """Refuse the server's next requests, for good."""
        ...
