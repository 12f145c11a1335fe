from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from anyio.abc import TaskGroup

from dialog_core.errors import SocketError
from dialog_core.testing.phones.agent_buffer import AgentBuffer
from dialog_core.testing.phones.handset import Handset
from dialog_core.testing.phones.microphone import Microphone
from dialog_core.testing.phones.phone import Outcome
from dialog_core.testing.phones.recording import stereo_wav
from dialog_core.testing.phones.story import Story
from dialog_core.testing.phones.stream import PhoneStream
from dialog_telnyx.testing.dialect import TelnyxDialect
from dialog_telnyx.testing.network import Network, new_event

__all__ = ["Leg", "Place", "Tape", "TelnyxExchange"]

CAUSES = {
    Outcome.BUSY: "user_busy",
    Outcome.NO_ANSWER: "timeout",
    Outcome.FAILED: "not_found",
}
MODE = "rtp"
CODEC = "PCMU"


@attrs.frozen
class Leg:
    """Who calls whom."""

    caller: str
    called: str
    direction: str = "incoming"
    """``incoming`` or ``outgoing``, as the server sees it."""
    id: str = attrs.field(factory=lambda: f"v3:{uuid.uuid4()}")
    leg: str = attrs.field(factory=lambda: str(uuid.uuid4()))
    session: str = attrs.field(factory=lambda: str(uuid.uuid4()))


@attrs.define(eq=False)
class Tape:
    """A recording."""

    id: str
    leg: str
    began: str
    client_state: str | None
    wav: bytes | None = None
    """None while it is being made."""


@attrs.frozen
class Place:
    """Where a call is: between whom, and where what it does goes on."""

    network: Network
    tasks: TaskGroup
    tapes: list[Tape]
    """All recordings of the account."""


@attrs.define(eq=False)
class Orders:
    """What the server has commanded a call, and how the call stands to that."""

    client_state: str | None = None
    answered: bool = False
    transcribed: bool = False
    unreachable: frozenset[str] = frozenset()
    """Numbers that nobody answers a transfer at."""
    commands: list[tuple[str, Mapping[str, Any]]] = attrs.field(factory=list)
    """Oldest first; each once."""


@attrs.define(eq=False)
class TelnyxExchange:
    """Telnyx's side of one call: tells the server what happens, and does what it is commanded."""

    leg: Leg
    place: Place
    story: Story
    orders: Orders = attrs.field(factory=Orders)

    @classmethod
    def new(cls, leg: Leg, place: Place, *, keep: bool = True) -> TelnyxExchange:
        """A call that has not begun. keep: whether to remember audio."""
        clock = place.network.services.clock
        handset = Handset(clock, AgentBuffer(keep=keep), Microphone(keep=keep))
        return cls(leg, place, Story(handset))

    @property
    def call_id(self) -> str:
        """The call control id."""
        return self.leg.id

    # what happens to a call

    async def ring(self) -> None:
        """Somebody calls the server."""
        await self.tell("call.initiated", {"state": "parked"})

    async def call_somebody(self, outcome: Outcome, *, unruly: bool) -> None:
        """The server calls somebody. unruly: events come twice, and not in order."""
        initiated = self.event("call.initiated", {"state": "bridging"})
        if outcome is not Outcome.ANSWERED:
            await self.place.network.post(initiated)
            await self.end(CAUSES[outcome], source="unknown")
            return
        self.orders.answered = True
        answered = self.event("call.answered", {"state": "answered"})
        order = [answered, initiated, answered, initiated] if unruly else [initiated, answered]
        for event in order:
            await self.place.network.post(event)

    async def hang_up(self) -> None:
        """Whoever has the telephone puts it down."""
        await self.end("normal_clearing", source="caller")

    async def end(self, cause: str, *, source: str) -> None:
        """The call is over; what is still to be told follows."""
        if self.story.over:
            return
        await self.story.hang_up()
        self.place.tasks.start_soon(self._finish, cause, source)

    async def _finish(self, cause: str, source: str) -> None:
        await self.tell("call.hangup", {"hangup_cause": cause, "hangup_source": source})
        await self.save_tapes()
        self.story.finish(cause)

    # what the server commands

    async def obey(self, action: str, body: Mapping[str, Any]) -> None:
        """Do what is commanded; what follows from it goes on behind."""
        self.orders.commands.append((action, body))
        self.orders.client_state = body.get("client_state", self.orders.client_state)
        match action:
            case "answer":
                self.orders.answered = True
                self.place.tasks.start_soon(self.tell, "call.answered", {"state": "answered"})
                if "stream_url" in body:
                    self.place.tasks.start_soon(self._connect, body)
            case "streaming_start":
                self.place.tasks.start_soon(self._connect, body)
            case "reject":
                busy = body["cause"] == "USER_BUSY"
                self.place.tasks.start_soon(self._end, "user_busy" if busy else "call_rejected")
            case "hangup":
                self.place.tasks.start_soon(self._end, "normal_clearing")
            case "streaming_stop":
                if self.story.stream is not None:
                    await self.story.stream.stop()
            case "send_dtmf":
                self.story.handset.digits += body["digits"]
            case "transfer":
                self.place.tasks.start_soon(self._transfer, body["to"])
            case "record_start":
                began = f"2026-01-02T03:04:05.{len(self.place.tapes):06d}Z"
                self.place.tapes.append(
                    Tape(str(uuid.uuid4()), self.leg.leg, began, self.orders.client_state)
                )
            case "record_stop":
                self.place.tasks.start_soon(self.save_tapes)
            case "transcription_start" | "transcription_stop":
                self.orders.transcribed = action.endswith("start")

    async def _end(self, cause: str) -> None:
        await self.end(cause, source="callee")

    async def _transfer(self, number: str) -> None:
        """Another leg in the same session; on failure this one stays as it is."""
        other = {
            "call_control_id": f"v3:{uuid.uuid4()}",
            "call_leg_id": str(uuid.uuid4()),
            "direction": "outgoing",
            "from": self.leg.called,
            "to": number,
            "client_state": None,
        }
        await self.tell("call.initiated", {**other, "state": "bridging"})
        if number in self.orders.unreachable:
            await self.tell("call.hangup", {**other, "hangup_cause": "user_busy"})
            return
        await self.tell("call.answered", {**other, "state": "answered"})
        await self.tell("call.bridged", {})
        await self.tell("call.bridged", other)
        self.story.transfer(number)

    async def _connect(self, body: Mapping[str, Any]) -> None:
        """Open a media stream, and hold it to its end. The call outlives it."""
        wrong = complaint(body)
        if wrong:
            self.story.handset.warn(wrong)
        ids = {
            "call_control_id": self.leg.id,
            "call_session_id": self.leg.session,
            "from": self.leg.caller,
            "to": self.leg.called,
            "client_state": self.orders.client_state,
        }
        url = body["stream_url"]
        try:
            async with self.place.network.services.connect(url) as socket:
                stream = PhoneStream(
                    socket, self.story.handset, TelnyxDialect(ids, stream_id=str(uuid.uuid4()))
                )
                self.story.stream = stream
                self.story.tell()
                self.place.tasks.start_soon(self.tell, "streaming.started", {"stream_url": url})
                await stream.run()
                self.story.stream = None
        except SocketError as problem:
            self.story.handset.warn(f"the media stream failed: {problem}")
            failed = {"failure_reason": "connection_failed", "stream_type": "websocket"}
            await self.tell("streaming.failed", failed)
            return
        await self.tell("streaming.stopped", {"stream_url": url})

    async def save_tapes(self) -> None:
        """End the recordings of this call. Their events name the leg, and no call control id."""
        for tape in self.place.tapes:
            if tape.leg != self.leg.leg or tape.wav is not None:
                continue
            caller = self.story.handset.microphone.track()
            tape.wav = stereo_wav(caller, self.story.handset.buffer.track(len(caller)))
            await self.place.network.post(new_event("call.recording.saved", self._saved(tape)))

    def _saved(self, tape: Tape) -> dict[str, object]:
        ended = tape.began.replace("03:04:05", "03:04:09")
        return {
            "call_leg_id": self.leg.leg,
            "call_session_id": self.leg.session,
            "connection_id": self.place.network.account.connection_id,
            "client_state": tape.client_state,
            "channels": "dual",
            "recording_started_at": tape.began,
            "recording_ended_at": ended,
            "recording_urls": {"wav": f"https://files.telnyx.example/{tape.id}.wav"},
        }

    # telling

    def event(self, kind: str, more: Mapping[str, object]) -> dict[str, object]:
        """An event of this call."""
        own = {
            "call_control_id": self.leg.id,
            "call_leg_id": self.leg.leg,
            "call_session_id": self.leg.session,
            "connection_id": self.place.network.account.connection_id,
            "client_state": self.orders.client_state,
            "direction": self.leg.direction,
            "from": self.leg.caller,
            "to": self.leg.called,
        }
        return new_event(kind, {**own, **more})

    async def tell(self, kind: str, more: Mapping[str, object]) -> int:
        """Post an event of this call. Returns the HTTP status."""
        return (await self.place.network.post(self.event(kind, more))).status_code


def complaint(body: Mapping[str, Any]) -> str:
    """What is wrong with a request for a stream: it would be silent, or the agent would hear itself."""
    wanted: Sequence[tuple[str, str]] = (
        ("stream_bidirectional_mode", MODE),
        ("stream_bidirectional_codec", CODEC),
        ("stream_codec", CODEC),
        ("stream_track", "inbound_track"),
    )
    for name, value in wanted:
        if body.get(name) != value:
            return f"{name} is {body.get(name)!r}, not {value!r}"
    if body.get("stream_bidirectional_target_legs") not in {"self", "both"}:
        return "nobody would hear the agent: stream_bidirectional_target_legs"
    return ""
