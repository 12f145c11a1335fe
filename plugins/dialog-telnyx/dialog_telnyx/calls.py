from __future__ import annotations

from collections.abc import Mapping

import attrs
import msgspec

from dialog_telnyx.webhooks import Payload, unpack_state

__all__ = ["Calls", "KnownCall"]

CALLS_MOST = 10_000
EVENTS_MOST = 20_000


@attrs.define(eq=False)
class KnownCall:
    """What webhooks have told of a call."""

    id: str
    """The call control id."""
    leg: str
    session: str
    caller: str
    called: str
    direction: str
    """``inbound`` or ``outbound``."""
    said: Mapping[str, str]
    """What we said of it when we placed it."""
    fields: Mapping[str, str]
    """What Telnyx says of it, by Telnyx's names."""
    answered: bool = False
    over: bool = False
    transferring: bool = False
    """True while another is being called whom the caller is to be joined with."""


@attrs.define(eq=False)
class Calls:
    """The calls that this process has heard of, and the events of them. Bounded; the oldest go."""

    _calls: dict[str, KnownCall] = attrs.field(factory=dict)
    _by_session: dict[str, KnownCall] = attrs.field(factory=dict)
    _events: dict[str, None] = attrs.field(factory=dict)

    def is_new(self, event: str) -> bool:
        """False for an event that has come before."""
        if event in self._events:
            return False
        self._events[event] = None
        if len(self._events) > EVENTS_MOST:
            del self._events[next(iter(self._events))]
        return True

    def get(self, call: str) -> KnownCall | None:
        """A call by its call control id."""
        return self._calls.get(call)

    def of_session(self, session: str) -> KnownCall | None:
        """The call that a session began with."""
        return self._by_session.get(session)

    def learn(self, payload: Payload) -> KnownCall:
        """The call of an event, known from now on."""
        call = self._calls.get(payload.call_control_id)
        if call is None:
            call = KnownCall(
                payload.call_control_id,
                payload.call_leg_id,
                payload.call_session_id,
                payload.caller,
                payload.called,
                "outbound" if payload.direction == "outgoing" else "inbound",
                unpack_state(payload.client_state) or {},
                texts_of(payload),
            )
            self._calls[call.id] = call
            self._by_session.setdefault(call.session, call)
            if len(self._calls) > CALLS_MOST:
                self._forget(self._calls.pop(next(iter(self._calls))))
        return call

    def ours(self, payload: Payload) -> KnownCall | None:
        """The call of an event; None for the leg of somebody whom a caller is transferred to."""
        known = self._calls.get(payload.call_control_id)
        if known is not None:
            return known
        if payload.direction == "incoming":
            return self.learn(payload)
        if (
            payload.call_session_id in self._by_session
            or unpack_state(payload.client_state) is None
        ):
            return None
        return self.learn(payload)

    def _forget(self, call: KnownCall) -> None:
        if self._by_session.get(call.session) is call:
            del self._by_session[call.session]


def texts_of(payload: Payload) -> dict[str, str]:
    """An event's fields that are texts, by Telnyx's names."""
    values = msgspec.to_builtins(payload)
    return {name: value for name, value in values.items() if value and isinstance(value, str)}
