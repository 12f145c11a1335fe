"""The agent's handle on its call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

import anyio
import attrs

from dialog_core.call.draft import Draft
from dialog_core.call.reply import LIVE_REPLY
from dialog_core.errors import LineError, LocalProtocolError
from dialog_core.messages import PLAIN, Manner, Message, Role
from dialog_core.protocols import Ability, CallInfo, LanguageModel, Line, Recording
from dialog_core.speech.history import Entry, History
from dialog_core.turns.events import (
    AnswerExpected,
    EndWanted,
    Event,
    ReplyWanted,
    ReplyWithdrawn,
)
from dialog_core.turns.expectation import Expectation
from dialog_core.turns.state import WANTED_LIMIT

__all__ = ["Call"]


def draft_here() -> Draft | None:
    """What the reply that is being made here keeps to itself; None outside of an eager one."""
    speaker = LIVE_REPLY.get()()
    return None if speaker is None else speaker.draft


class Talk(Protocol):
    """Who keeps the conversation."""

    history: History


@attrs.define(eq=False)
class Pending:
    """Something the application wants said, until it is over."""

    text: str
    over: anyio.Event = attrs.field(factory=anyio.Event)
    heard: bool = False
    """Once `over` is set: whether it was heard to its end."""


@attrs.define(eq=False)
class Call:
    """One call, as its agent sees it. All it hands out are values: changing them changes nothing here."""

    info: CallInfo
    language: str
    """BCP-47 tag."""
    llm: LanguageModel | None
    """The language model of the settings, if any."""
    _line: Line
    _talk: Talk
    _post: Callable[[Event], None]
    _now: Callable[[], float]
    _swap: Callable[[str, str | object, Mapping[str, Any]], Awaitable[None]]
    _metadata: dict[str, str] = attrs.field(factory=dict)
    _messages: dict[int, Pending] = attrs.field(factory=dict)
    _tickets: int = 0
    _is_over: bool = False
    _is_ending: bool = False
    _manner: Manner = PLAIN
    _recordings: dict[str, Recording] = attrs.field(factory=dict)

    # --- what is known

    @property
    def id(self) -> str:
        """The carrier's id of the call."""
        return self.info.id

    @property
    def now(self) -> float:
        """Seconds since the call began."""
        return self._now()

    @property
    def metadata(self) -> dict[str, str]:
        """A copy of all that is known of the call: what the carrier said, and what was added."""
        draft = draft_here()
        return {**self.info.metadata, **self._metadata, **(draft.metadata if draft else {})}

    def update_metadata(self, **values: str) -> None:
        """Add to the metadata; what is there already is replaced, the rest stays."""
        draft = draft_here()
        if draft is None:
            self._metadata.update(values)
            return
        draft.metadata.update(values)
        draft.then(lambda: self._metadata.update(values))

    @property
    def history(self) -> History:
        """The conversation so far, by what was heard. In an eager reply it ends with the turn that it answers."""
        draft = draft_here()
        return self._talk.history if draft is None else draft.seen(self._talk.history)

    def note(self, text: str, role: Role = Role.DEVELOPER) -> None:
        """Put something into the history that nobody says, for the model to know."""
        entry, draft = Entry(role, text, self.now), draft_here()
        if draft is None:
            self._talk.history = self._talk.history.noted(entry)
        else:
            draft.note(entry)

    def did(self, *messages: Message) -> None:
        """Put tool calls and their results into the history of the present reply."""
        draft = draft_here()
        if draft is None:
            self._talk.history = self._talk.history.did(self.reply, *messages, at=self.now)
        else:
            draft.own = draft.own.did(self.reply, *messages, at=self.now)

    async def certain(self) -> None:
        """Wait until it is certain that the turn being answered is complete; returns at once unless a reply is eager.

        For what cannot be undone, such as a booking: an eager reply that is taken back does not get beyond it. Tools,
        and all that this object does to the call, wait by themselves.
        """
        draft = draft_here()
        if draft is not None:
            await draft.certain.wait()

    @property
    def reply(self) -> int:
        """Number of the reply that is being made. Raises: LocalProtocolError outside of one."""
        speaker = LIVE_REPLY.get()()
        if speaker is None:
            raise LocalProtocolError("no reply is being made here")
        return speaker.reply

    @property
    def is_speechless(self) -> bool:
        """Whether the reply that is being made has said nothing so far, and the call is not to end after it."""
        speaker = LIVE_REPLY.get()()
        return not self._is_ending and (speaker is None or speaker.is_silent)

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The latest news of each recording."""
        return tuple(self._recordings.values())

    # --- speaking

    async def say(
        self, text: str, *, interruptible: bool = True, expect: Expectation | None = None
    ) -> bool:
        """Say something; returns when it is over, True if it was heard to its end.

        Within a reply it is spoken after what the reply has yielded so far; otherwise when the floor is free.
        expect: what kind of answer it asks for, see :meth:`expect`.
        Cancelling the wait withdraws the message. When the call is over it returns False at once.
        Raises: LocalProtocolError if too many messages wait already.
        """
        speaker = LIVE_REPLY.get()()
        if speaker is not None:
            if expect is not None:
                self.expect(expect)
            return await speaker.say(text, interruptible=interruptible)
        if self._is_over:
            return False
        if len(self._messages) >= WANTED_LIMIT:
            raise LocalProtocolError(
                f"{WANTED_LIMIT} messages wait to be said; await some of them first"
            )
        self._tickets += 1
        ticket, message = self._tickets, Pending(text)
        self._messages[ticket] = message
        self._post(ReplyWanted(self.now, ticket, interruptible, expect))
        try:
            await message.over.wait()
        except anyio.get_cancelled_exc_class():
            self._messages.pop(ticket, None)
            self._post(ReplyWithdrawn(self.now, ticket))
            raise
        return message.heard

    def expect(self, answer: Expectation) -> None:
        """Say what kind of answer is asked for, such as ``Digits(4)``: the wait at the caller's pauses depends on it.

        It holds for the caller's next turn. Within a reply it is forgotten again if the reply is taken back.
        """
        speaker = LIVE_REPLY.get()()
        reply = 0 if speaker is None else speaker.reply
        self._post(AnswerExpected(self.now, answer, reply))

    def speak_with(self, *, speed: float | None = None, mood: str | None = None) -> None:
        """Speak in another manner: in a reply from here to its end, outside of one in the whole next reply.

        What is left out is as the settings say. speed: pace, 1 being the voice's own. mood: one word, such as
        ``cheerful``. A text-to-speech does what it can of it. Raises: ValueError for a speed that is not above 0.
        """
        manner = Manner(speed, mood)
        speaker = LIVE_REPLY.get()()
        if speaker is None:
            self._manner = manner
        else:
            speaker.speak_with(manner)

    def next_manner(self, draft: Draft | None = None) -> Manner:
        """How the reply that now begins is spoken at first; for the one who speaks it.

        draft: of an eager reply; if that is taken back, the next reply is spoken so.
        """
        manner = self._manner

        def use() -> None:
            if self._manner is manner:
                self._manner = PLAIN

        if draft is None:
            use()
        else:
            draft.then(use)
        return manner

    def pending(self, ticket: int) -> str:
        """The text of a message that waits or is being said, empty if withdrawn; for the one who speaks it."""
        message = self._messages.get(ticket)
        return "" if message is None else message.text

    def over(self, ticket: int | None, *, heard: bool) -> None:
        """A message is over, or with None all are and so is the call; for the call's runner."""
        self._is_over = self._is_over or ticket is None
        for number in [ticket] if ticket is not None else list(self._messages):
            message = self._messages.pop(number, None)
            if message is not None:
                message.heard = heard
                message.over.set()

    def recorded(self, recording: Recording) -> None:
        """The carrier says what became of a recording; for the call's runner."""
        self._recordings[recording.id] = recording

    # --- ending

    async def hang_up(
        self, *, after: Literal["heard", "now"] = "heard", reason: str = "agent hung up"
    ) -> None:
        """End the call: when all that was said has been heard, or now. Returns at once; again is harmless."""
        await self.certain()
        self._is_ending = True
        self._post(EndWanted(self.now, reason, now=after == "now"))

    async def transfer(self, number: str, *, after: Literal["heard", "now"] = "heard") -> None:
        """Hand the caller to another number (E.164 or a SIP address). Returns at once.

        If the carrier refuses, the caller hears the apology and the call goes on.
        Raises: LineError if the carrier cannot transfer.
        """
        await self._may(Ability.TRANSFER)
        self._is_ending = True
        self._post(EndWanted(self.now, "transferred", number, after == "now"))

    # --- the carrier's abilities

    async def send_digits(self, digits: str) -> None:
        """Play keypad tones: 0123456789*#ABCD, ``w`` waits half a second. Raises: LineError."""
        await self._may(Ability.SEND_DIGITS)
        await self._line.send_digits(digits)

    async def start_recording(self) -> str:
        """Record both sides on two channels; returns the recording's id. Raises: LineError."""
        await self._may(Ability.RECORD)
        return await self._line.start_recording()

    async def stop_recording(self, recording: str) -> None:
        """Raises: LineError."""
        await self._may(Ability.RECORD)
        await self._line.stop_recording(recording)

    async def delete_recording(self, recording: str) -> None:
        """Raises: LineError."""
        await self._may(Ability.RECORD)
        await self._line.delete_recording(recording)

    async def fetch_recording(self, recording: Recording) -> bytes:
        """Download a completed recording, a WAV file, with the carrier's credentials. Raises: LineError."""
        await self._may(Ability.RECORD)
        return await self._line.fetch_recording(recording)

    async def start_transcription(self) -> str:
        """Let the carrier transcribe both sides; returns the transcription's id. Raises: LineError."""
        await self._may(Ability.TRANSCRIBE)
        return await self._line.start_transcription()

    async def stop_transcription(self, transcription: str) -> None:
        """Raises: LineError."""
        await self._may(Ability.TRANSCRIBE)
        await self._line.stop_transcription(transcription)

    async def _may(self, ability: str) -> None:
        if ability not in self._line.abilities:
            able = ", ".join(sorted(self._line.abilities)) or "nothing but audio"
            raise LineError(f"{self.info.voip} cannot {ability}; it can: {able}")
        await self.certain()

    # --- swapping providers

    async def use_stt(self, stt: str | object, **settings: Any) -> None:
        """Recognise with another provider from now on: its name as in a settings file, or an object.

        Raises: SettingsError; then the present one goes on. LocalProtocolError if the call is over.
        """
        await self._use("stt", stt, settings)

    async def use_tts(self, tts: str | object, **settings: Any) -> None:
        """Speak with another provider from the next reply on. Raises: as :meth:`use_stt`."""
        await self._use("tts", tts, settings)

    async def _use(self, kind: str, what: str | object, settings: Mapping[str, Any]) -> None:
        await self.certain()
        if self._is_over:
            raise LocalProtocolError(f"a call's {kind} was swapped after its end")
        await self._swap(kind, what, settings)
