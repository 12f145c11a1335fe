from __future__ import annotations

import anyio
import attrs

from dialog_core.factory import Clock
from dialog_core.testing.phones.agent_buffer import RATE, AgentBuffer
from dialog_core.testing.phones.jumble import Jumble
from dialog_core.testing.phones.microphone import Microphone
from dialog_core.testing.phones.phone import Echo

__all__ = ["Handset"]

WARNINGS_MOST = 1000


@attrs.define(eq=False)
class Handset:
    """What a call keeps across its streams: both sides' audio, on one clock, and what was noticed."""

    clock: Clock
    buffer: AgentBuffer
    microphone: Microphone
    began: float | None = None
    """On the process's clock; None before the first stream."""
    jumble: Jumble = attrs.field(factory=Jumble)
    digits: str = ""
    """Keypad tones that the server played."""
    warnings: list[str] = attrs.field(factory=list)
    echoes: list[Echo] = attrs.field(factory=list)
    clears: list[float] = attrs.field(factory=list)
    changed: anyio.Event = attrs.field(factory=anyio.Event)
    """Set, and replaced, whenever the agent's audio or marks change."""

    def begin(self) -> None:
        """A stream starts: the first starts the clock, a later one finds it running."""
        if self.began is None:
            self.began = self.clock.monotonic()
        self.microphone.skip_to(self.now())

    def now(self) -> int:
        """Samples on the caller's audio clock."""
        return round((self.clock.monotonic() - self.began) * RATE) if self.began is not None else 0

    def tell(self) -> None:
        """Wake those who wait for a change."""
        self.changed.set()
        self.changed = anyio.Event()

    def warn(self, warning: str) -> None:
        """Remember what the carrier would complain of."""
        if len(self.warnings) < WARNINGS_MOST:
            self.warnings.append(warning)
