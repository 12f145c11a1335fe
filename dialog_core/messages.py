"""What the interfaces exchange: immutable values, text side. Audio values are in :mod:`dialog_core.audio`.

Times are seconds since the call began unless a field says otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from dialog_core.speech.written import Written

__all__ = [
    "PLAIN",
    "Manner",
    "Mark",
    "Message",
    "Prompt",
    "Role",
    "Sentiment",
    "SpeakText",
    "TextDelta",
    "ToolCall",
    "ToolSpec",
    "Transcript",
    "Usage",
    "Utterance",
    "Word",
]


@attrs.frozen
class Word:
    """A word and when it sounds."""

    text: str
    start: float
    """Seconds; since the call began in a transcript, since the reply's first audio in synthesised speech."""
    end: float
    confidence: float | None = None
    """0..1 where the provider gives one."""
    speaker: int | None = None
    """Who said it, counted from 0, where the provider or a diarizer tells."""


@attrs.frozen
class Sentiment:
    """How the speaker of some words seems to feel."""

    score: float
    """-1..1, from negative to positive."""

    @property
    def label(self) -> str:
        """``positive``, ``neutral`` or ``negative``; the borders are a third of the way."""
        if abs(self.score) < 1 / 3:
            return "neutral"
        return "positive" if self.score > 0 else "negative"


@attrs.frozen
class Transcript:
    """What the recogniser makes of a span of the caller's audio.

    An interim transcript replaces the interim before it; a final one settles its span and is never repeated.
    """

    at: float
    """End of the span of audio that the text covers."""
    text: str
    final: bool
    started: float | None = None
    """Start of the span, where the provider says."""
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    language: str | None = None
    """BCP-47 tag, where the provider detects it."""
    sentiment: Sentiment | None = None
    """Where the provider gives one, or somebody judged it afterwards: :mod:`dialog_core.agent.sentiment`."""
    speaker: int | None = None
    """Who said it, counted from 0; a diarizer fills it in afterwards: :mod:`dialog_core.speech.speakers`."""


@attrs.frozen
class Utterance:
    """What the caller said in one turn."""

    text: str
    started: float
    ended: float
    """When the last voiced sample was heard."""
    transcripts: tuple[Transcript, ...] = ()
    """The final transcripts it was joined from, with words and confidence where given."""


@attrs.frozen
class Manner:
    """How a piece of text is to be spoken; what is None stays as the settings say.

    Each text-to-speech does what it can of it, and tells once a call what it cannot.
    """

    speed: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0))
    )
    """Pace, 1 being the voice's own; limited to what the provider has."""
    mood: str | None = None
    """One word, such as ``cheerful`` or ``calm``."""


PLAIN = Manner()
"""As the settings say."""


@attrs.frozen
class SpeakText:
    """One speakable segment of a reply, in order."""

    reply: int
    index: int
    text: str
    """As it is to be spoken, with its trailing space kept where more text follows."""
    protected: bool = False
    """True when the caller may not interrupt it."""
    manner: Manner = PLAIN
    written: Written | None = None
    """As the agent wrote it and the history keeps it; None where that is `text`."""

    @property
    def as_written(self) -> str:
        """What the history keeps when all of it was heard."""
        return self.text if self.written is None else self.written.text


@attrs.frozen
class Mark:
    """Ask the line to say when playback reaches this point."""

    reply: int
    index: int


class Role(enum.Enum):
    """Who a message of the conversation comes from."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@attrs.frozen
class ToolCall:
    """The model wants a function run. `arguments` is JSON text exactly as the model wrote it, maybe malformed."""

    id: str
    name: str
    arguments: str


@attrs.frozen
class Message:
    """One entry of what a language model is given."""

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    """Only from the assistant."""
    tool_call_id: str | None = None
    """Only on a TOOL message: the call it answers."""


@attrs.frozen
class ToolSpec:
    """A function as a language model sees it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of an object."""


@attrs.frozen
class Prompt:
    """All that a language model is given for one answer."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()


@attrs.frozen
class TextDelta:
    """The next piece of the model's text."""

    text: str


@attrs.frozen
class Usage:
    """What an answer cost, in tokens."""

    prompt_tokens: int
    completion_tokens: int
