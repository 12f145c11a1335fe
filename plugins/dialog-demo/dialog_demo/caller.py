"""Somebody who holds a conversation by a script, on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import anyio
import attrs

from dialog_demo.script import Line
from dialog_demo.sound import RATE

__all__ = ["Phone", "Played", "hold"]

ANSWER_SECONDS = 8.0
"""A caller who hears nothing for so long hangs up."""
GOODBYE_SECONDS = 20.0
"""How long the caller waits for the agent to say goodbye and hang up."""


class Phone(Protocol):
    """What is needed of a phone."""

    async def say(self, audio: bytes) -> None: ...

    async def silent(self, seconds: float) -> None: ...

    async def heard_speech(self) -> None: ...

    async def heard_silence(self, seconds: float) -> None: ...

    async def over(self) -> str: ...

    @property
    def live(self) -> bool: ...

    @property
    def sent(self) -> bytes: ...


@attrs.frozen
class Played:
    """A line as it was said."""

    line: Line
    at: float
    """Its first sample, in seconds on the recording."""


async def hold(phone: Phone, lines: tuple[Line, ...], *, said: Callable[[Played], None]) -> str:
    """Say each line at its moment, then wait for the end of the call.

    Returns why the caller gave up before; empty if they did not.
    """
    for line in lines:
        if not await answered(phone):
            return "the call ended" if not phone.live else "the agent did not answer"
        if line.into is not None:
            await phone.silent(line.into)
        else:
            await phone.heard_silence(line.quiet or 0.0)
        if not phone.live:
            return "the call ended"
        said(Played(line, len(phone.sent) / RATE))
        await phone.say(line.audio)
    with anyio.move_on_after(GOODBYE_SECONDS):
        await phone.over()
        return ""
    return "the agent did not hang up"


async def answered(phone: Phone) -> bool:
    """Whether the agent sounds within the caller's patience."""
    with anyio.move_on_after(ANSWER_SECONDS):
        await phone.heard_speech()
        return phone.live
    return False
