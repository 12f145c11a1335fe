"""The interfaces that plugins implement, all in one place.

Sessions are opened with ``async with``; leaving the block ends them, on every path. What is marked *never waits* is
called on the audio lane and must return within microseconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from dialog_core.audio import AudioFormat, AudioFrame, AudioOut
from dialog_core.line import (
    Ability,
    CallInfo,
    CarrierTranscript,
    DirectLine,
    LineStopped,
    MarkReturned,
    Progress,
    Recording,
    Watching,
)
from dialog_core.messages import Prompt, SpeakText, TextDelta, ToolCall, Transcript, Usage
from dialog_core.speech.speakers import Diarizer
from dialog_core.turns.events import (
    EndOfTurn,
    Event,
    Keypress,
    SpeechStarted,
    SpeechStopped,
    TurnResumed,
)
from dialog_core.turns.policy import BargeIn, Endpointer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from starlette.requests import HTTPConnection
    from starlette.routing import BaseRoute

    F32 = NDArray[np.float32]

__all__ = [
    "Ability",
    "BargeIn",
    "CallInfo",
    "CarrierTranscript",
    "Diarizer",
    "DirectLine",
    "Endpointer",
    "FrontDoor",
    "LanguageModel",
    "Line",
    "LineEvent",
    "LineStopped",
    "Listener",
    "MarkReturned",
    "Progress",
    "Recording",
    "SpeechModel",
    "SpeechToText",
    "SttEvent",
    "SttSession",
    "TextToSpeech",
    "TtsSession",
    "VoIP",
    "Voice",
    "Watching",
    "WebSocket",
]


# --- speech to text -------------------------------------------------------------------------------------------------

SttEvent = Transcript | SpeechStarted | SpeechStopped | EndOfTurn | TurnResumed


class SpeechToText(Protocol):
    """Streaming speech-to-text; one object a call."""

    def open(self, fmt: AudioFormat) -> AbstractAsyncContextManager[SttSession]:
        """Open a session for a call's audio. Returns at once: connecting goes on inside, while audio is buffered.

        Raises: SettingsError if the provider cannot take `fmt`.
        """
        ...


class SttSession(Protocol):
    """One call's recognition."""

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame; never waits. Buffers at most 2 s while the vendor is away, dropping and counting the oldest."""
        ...

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        """What the line's own voice detector found; never waits. At `SpeechStopped`, settle pending words soon."""
        ...

    def events(self) -> AsyncIterator[SttEvent]:
        """What is recognised; may be iterated once.

        Times are seconds since the call began, on the clock of the frames' `at`, also after a reconnect.
        Raises: ProviderError when the session has given up reconnecting.
        """
        ...


# --- language model -------------------------------------------------------------------------------------------------


class LanguageModel(Protocol):
    """A streaming language model; one object a call."""

    def generate(
        self, prompt: Prompt
    ) -> AbstractAsyncContextManager[AsyncIterator[TextDelta | ToolCall | Usage]]:
        """Stream one answer. Leaving the block stops the vendor.

        Tool calls come whole, after the text they follow. Raises: ProviderError, at entry or while iterating.
        """
        ...


# --- text to speech -------------------------------------------------------------------------------------------------


class TextToSpeech(Protocol):
    """Streaming text-to-speech; one object a call."""

    def open(self, fmt: AudioFormat) -> AbstractAsyncContextManager[TtsSession]:
        """Open a session that speaks in `fmt`, once per call. Must not fail because a vendor is slow or away."""
        ...


class TtsSession(Protocol):
    """One call's synthesis.

    With an attribute ``reads_numbers = True`` it is given figures as they are written, and not in words.
    """

    def voice(self, reply: int) -> AbstractAsyncContextManager[Voice]:
        """A voice for one reply. Leaving the block cancels what is not yet spoken."""
        ...


class Voice(Protocol):
    """Speaks one reply. One task calls `speak` and `finish`, another iterates `audio`."""

    async def speak(self, segment: SpeakText) -> None:
        """Hand over the next segment; may wait while the vendor is behind. Raises: ProviderError."""
        ...

    async def finish(self) -> None:
        """No more segments come. Raises: ProviderError."""
        ...

    def audio(self) -> AsyncIterator[AudioOut]:
        """Audio in order of segments; ends when all is spoken after `finish`. May be iterated once.

        Every segment ends with one `AudioOut(last=True)`. Text without anything to pronounce gives that piece alone.
        Raises: ProviderError, also when a segment with words got no audio or none came in time.
        """
        ...


# --- voice activity -------------------------------------------------------------------------------------------------


class SpeechModel(Protocol):
    """Speech probability for a batch of windows. Pure but for its weights; called from one thread at a time."""

    @property
    def rate(self) -> int:
        """Samples per second that it wants: 8000 or 16000."""
        ...

    @property
    def window(self) -> int:
        """Samples per window."""
        ...

    @property
    def state(self) -> tuple[int, ...]:
        """Shape of one stream's state, without the batch axis, such as (2, 128); (0,) when it keeps none."""
        ...

    @property
    def heavy(self) -> bool:
        """True if it must run in the worker thread; False if a batch takes only microseconds."""
        ...

    def probabilities(self, windows: F32, state: F32) -> tuple[F32, F32]:
        """Speech probability of each window.

        windows: (batch, window), samples in -1..1. state: (batch, *self.state), zeros for a new stream.
        Returns probabilities (batch,), 0..1, and the next state. Rows do not affect each other.
        """
        ...


# --- the caller's line ----------------------------------------------------------------------------------------------


LineEvent = AudioFrame | Keypress | MarkReturned | LineStopped | Recording | CarrierTranscript


class Line(Protocol):
    """One call's connection.

    Whoever is asked to do what it cannot raises LineError, naming the ability; see :func:`dialog_core.line.cannot`.
    """

    @property
    def info(self) -> CallInfo:
        """What is known of the call."""
        ...

    @property
    def fmt(self) -> AudioFormat:
        """Of the audio in both directions."""
        ...

    @property
    def abilities(self) -> frozenset[str]:
        """Words of :class:`Ability`: those of the VoIP object, without ``outbound``."""
        ...

    @property
    def buffers(self) -> bool:
        """True if the far end buffers audio and confirms marks; False if we must pace."""
        ...

    def events(self) -> AsyncIterator[LineEvent]:
        """Audio and all else, in order; may be iterated once.

        Frames' `at` counts from the first sample of the stream. Ends some bounded time after `LineStopped`, when the
        carrier has delivered what it still owed (recordings, transcripts).
        """
        ...

    async def play(self, audio: bytes) -> None:
        """Send audio in `fmt`. Raises: LineError when the line is gone."""
        ...

    async def mark(self, name: str) -> None:
        """Ask for :class:`MarkReturned` when all audio before this has been played."""
        ...

    async def clear(self) -> None:
        """Throw away all audio that has not been played; marks behind it never return."""
        ...

    async def hang_up(self) -> None:
        """End the call. Again is harmless."""
        ...

    async def transfer(self, number: str) -> None:
        """Hand the caller to another number (E.164 or a SIP address); the line then stops."""
        ...

    async def send_digits(self, digits: str) -> None:
        """Play keypad tones: 0123456789*#ABCD, and ``w`` for half a second's wait."""
        ...

    async def start_recording(self) -> str:
        """Record both sides on two channels. Returns the recording's id."""
        ...

    async def stop_recording(self, recording: str) -> None: ...

    async def delete_recording(self, recording: str) -> None: ...

    async def fetch_recording(self, recording: Recording) -> bytes:
        """Download a completed recording with the carrier's credentials; a WAV file."""
        ...

    async def start_transcription(self) -> str:
        """Let the carrier transcribe both sides. Returns the transcription's id."""
        ...

    async def stop_transcription(self, transcription: str) -> None: ...


class FrontDoor(Protocol):
    """What a VoIP plugin may ask of the server: admission, addresses, tickets, and to have a call answered."""

    @property
    def agent(self) -> str:
        """Name of the agent that answers here."""
        ...

    @property
    def path(self) -> str:
        """Where the plugin's routes are mounted, such as ``/reception/twilio``."""
        ...

    def url(self, request: HTTPConnection | None, path: str, *, websocket: bool = False) -> str:
        """Public address of one of the plugin's own routes (`path` starts with ``/``), without a query.

        Built from ``server.public_url``; without it, from the request's Host, or its forwarded headers if the
        settings trust them. Scheme is http or https, or ws or wss with `websocket`.
        Raises: LineError if there is neither, which only a call that we place can meet.
        """
        ...

    def has_room(self) -> bool:
        """False when the process is full or draining: refuse the call politely."""
        ...

    def issue(self, call: str) -> str:
        """A signed, short-lived, single-use ticket bound to a call id; safe in a URL's path."""
        ...

    def redeem(self, ticket: str) -> str:
        """The call id of a ticket, once. Raises: TicketError."""
        ...

    def report(self, call: str, progress: Progress, *, reason: str = "") -> None:
        """A carrier's webhook says how far a call has come; never waits.

        Becomes the observation `CallState`. What is told twice or too late is ignored.
        reason: the carrier's own word.
        """
        ...

    async def answer(self, line: Line) -> None:
        """Run the call on this line; returns when it is over and everything of it is closed. Never raises."""
        ...


class VoIP(Protocol):
    """A way for calls to arrive, and to be placed. One object for each agent that uses it; lines are made per call."""

    @property
    def abilities(self) -> frozenset[str]:
        """Words of :class:`Ability`: what its lines can do with these settings, and whether it can place calls."""
        ...

    def routes(self, door: FrontDoor) -> Sequence[BaseRoute]:
        """Webhooks and media sockets, mounted at `door.path`. A media socket may be a bare ASGI application."""
        ...

    def next_steps(self, base: str) -> Sequence[str]:
        """Sentences for the start banner: what the operator does now. `base`: public URL of `door.path`."""
        ...

    async def dial(self, door: FrontDoor, number: str, metadata: Mapping[str, str]) -> str:
        """Call a number (E.164 or a SIP address). Returns the carrier's id of the call as soon as it is placed.

        When it is answered it comes in like any other call, through the media route and its ticket, with
        ``direction="outbound"`` and `metadata` in its :class:`CallInfo`. What becomes of it is told to `door.report`.
        Raises: LineError if the carrier refuses, or cannot place calls.
        """
        ...


# --- the two seams of a call ----------------------------------------------------------------------------------------


class Listener(Protocol):
    """Audio in, turn events out."""

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame; never waits."""
        ...

    async def run(self, post: Callable[[Event], None]) -> None:
        """Post events until cancelled."""
        ...


# --- sockets --------------------------------------------------------------------------------------------------------


class WebSocket(Protocol):
    """A client's WebSocket; see :mod:`dialog_core.net.websocket`."""

    async def send(self, data: str | bytes) -> None:
        """Send a text or a binary message. Raises: SocketClosed."""
        ...

    async def receive(self) -> str | bytes:
        """The next message. Raises: SocketClosed, also after a normal close."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a handshake, bounded in time; again is harmless."""
        ...
