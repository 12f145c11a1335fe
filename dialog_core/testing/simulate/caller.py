"""The caller of a simulated call, who does what is planned."""

from __future__ import annotations

import anyio
import attrs

from dialog_core.testing.simulate.journal import Journal
from dialog_core.testing.simulate.line import SimulatedLine
from dialog_core.testing.simulate.plan import Act, Cue, Deed

__all__ = ["SimulatedCaller"]

LOOK = 0.1
"""Seconds between two looks at whether a cue has come."""
GOODBYE = 1.0
"""Seconds of silence before a caller who has nothing more to say hangs up."""
OPENING = 3.0
"""Seconds that a caller waits for a greeting."""
LONGEST = 45.0
"""Seconds that a caller waits for a cue; then they go on."""


@attrs.define(eq=False)
class SimulatedCaller:
    """Somebody at the far end of a line."""

    line: SimulatedLine
    journal: Journal
    _since: float = 0.0
    """When the latest act was over."""

    async def run(self) -> None:
        """Do all that is planned, wait for what is left to hear, and hang up."""
        for act in self.line.plan.acts:
            await self._wait_for(act.cue, quiet=self.line.plan.quiet)
            await anyio.sleep(act.after)
            if self.line.stopped is not None:
                return
            begun = self.line.now
            await self._do(act)
            self._since = self.line.now
            self.journal.acted.append((begun, self._since))
        await self._wait_for(Cue.HEARD, quiet=GOODBYE)
        if self.line.stopped is None:
            self.journal.note("caller", Deed.HANG_UP.value)
            self.line.leave("hangup")

    async def _wait_for(self, cue: Cue, *, quiet: float) -> None:
        line = self.line
        if cue is Cue.NEXT:
            return
        until = line.now + LONGEST
        while line.now < until and line.stopped is None:
            if cue is Cue.SOUNDING and line.is_sounding(line.now):
                return
            ahead = line.sounding_until + quiet - line.now
            if (
                cue is not Cue.SOUNDING
                and ahead <= 0
                and (cue is Cue.QUIET or self._has_answered())
            ):
                return
            await anyio.sleep(LOOK if cue is Cue.SOUNDING else max(LOOK, ahead))

    def _has_answered(self) -> bool:
        """Whether the agent has said something since, or will not say anything first."""
        line = self.line
        begins_in_silence = not line.played and line.now > OPENING
        return line.sounding_until > self._since or begins_in_silence

    async def _do(self, act: Act) -> None:
        line, deed = self.line, act.deed
        told = f"{deed.value} {act.text!r}" if act.text else deed.value
        match deed:
            case Deed.SAY | Deed.BACKCHANNEL | Deed.WHISPER | Deed.COUGH:
                words = "" if deed is Deed.COUGH else act.text
                uttered = line.utter(act.seconds, words, voiced=deed is not Deed.WHISPER)
                self.journal.note("caller", f"{told} until {uttered.end:.2f}")
                await anyio.sleep(max(0.0, uttered.end - line.now))
            case Deed.KEY:
                self.journal.note("caller", told)
                line.press(act.text)
            case Deed.WAIT:
                await anyio.sleep(act.seconds)
            case Deed.HANG_UP | Deed.VANISH:
                self.journal.note("caller", told)
                line.leave("hangup" if deed is Deed.HANG_UP else "lost")
