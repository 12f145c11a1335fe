"""The booking conversation as an agent: one object a call."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from dialog_core.factory import Clock
from dialog_core.messages import Utterance
from dialog_local.booking.dialogue import Business, Said, State, answer, nudge
from dialog_local.settings import BookingSettings

if TYPE_CHECKING:
    from dialog_core.agent.call import Call

__all__ = ["BookingAgent"]


class BookingAgent:
    """Books an appointment; when it is booked, the call's metadata has it as `appointment`."""

    def __init__(self, settings: BookingSettings, clock: Clock) -> None:
        self._business = Business(
            settings.business, settings.address, settings.price, settings.opens, settings.closes
        )
        zone = zoneinfo.ZoneInfo(settings.timezone)
        self._state = State(dt.datetime.fromtimestamp(clock.wall(), zone).date())
        self._before = self._state
        self._turn_started = -1.0
        self.greeting = (
            f"Hello, this is the booking assistant of {settings.business}. How can I help you?"
        )

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        """See :class:`dialog_core.agent.agent.Agent`."""
        if turn.started != self._turn_started:
            self._before, self._turn_started = self._state, turn.started
        # A turn that begins where the last one began is that turn with more words: the caller went on.
        said = answer(self._before, turn.text, self._business)
        async for text in self._say(said, call):
            yield text

    async def silence(self, times: int, call: Call) -> AsyncIterator[str]:
        """See :class:`dialog_core.agent.agent.AgentExtras`."""
        async for text in self._say(nudge(self._state, times, self._business), call):
            yield text

    async def _say(self, said: Said, call: Call) -> AsyncIterator[str]:
        if said.state.appointment != self._state.appointment:
            call.update_metadata(appointment=said.state.appointment)
        self._state = said.state
        if said.over:
            await call.hang_up(after="heard")
        yield said.text
