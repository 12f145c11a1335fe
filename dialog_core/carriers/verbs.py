from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import anyio

from dialog_core.errors import LineError, ProviderError
from dialog_core.line import Ability, cannot, is_address

__all__ = [
    "asking",
    "check_callee",
    "check_digits",
    "check_target",
    "setup_steps",
    "start_services",
]

DIGITS = re.compile(r"[0-9A-D*#wW]{1,100}")
ADDRESS = "an E.164 number or a SIP address, such as +15550001111"


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn what a REST interface refuses into the line's own error. what: such as ``start a recording``."""
    try:
        yield
    except ProviderError as error:
        raise LineError(f"cannot {what}: {error}") from error


def check_digits(digits: str) -> None:
    """Raises: LineError unless a telephone can sound them."""
    if not DIGITS.fullmatch(digits):
        raise LineError("digits are 1 to 100 of 0123456789*#ABCD, and w for half a second")


def check_target(number: str) -> None:
    """Raises: LineError unless a caller can be transferred there."""
    if not is_address(number):
        raise LineError(f"a transfer wants {ADDRESS}")


def check_callee(carrier: str, number: str, *, shown: str) -> None:
    """Raises: LineError unless this can be called, with a number to show."""
    if not shown:
        raise cannot(carrier, Ability.OUTBOUND, "set dial_from to a number of the account")
    if not is_address(number):
        raise LineError(f"calls go to {ADDRESS}")


class Serving(Protocol):
    """A line whose carrier may do something on every call."""

    async def start_recording(self) -> str:
        """Raises: LineError."""
        ...

    async def start_transcription(self) -> str:
        """Raises: LineError."""
        ...

    def note(self, what: str, detail: str) -> None:
        """Record a trouble of the call."""
        ...


async def start_services(line: Serving, *, record: bool, transcribe: bool = False) -> None:
    """Start what the settings ask for, at once; a failure is noted, and the call goes on."""

    async def start(verb: Callable[[], Awaitable[str]], what: str) -> None:
        try:
            await verb()
        except LineError as error:
            line.note(f"{what} was not started", str(error))

    async with anyio.create_task_group() as tasks:
        if record:
            tasks.start_soon(start, line.start_recording, "recording")
        if transcribe:
            tasks.start_soon(start, line.start_transcription, "transcription")


def setup_steps(carrier: str, base: str, *steps: str, unsigned: bool) -> list[str]:
    """What the operator does now: `steps`, behind what is wrong with `base`, the public address, and the settings.

    unsigned: whether the settings let in what nobody has signed.
    """
    first = []
    if unsigned:
        first.append("DANGER: allow_unsigned is set, so anybody can place calls on this server")
    if not base.startswith("https://"):
        first.append(
            f"{carrier} wants https and wss: put a TLS proxy or a tunnel before this server"
        )
    return [*first, *steps]
