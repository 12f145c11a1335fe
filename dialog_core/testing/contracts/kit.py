"""What a plugin brings to be tested: a kit for each of its components.

A kit names the component as a settings file does, the settings that it needs, and how to make a fresh fake vendor::

    def vendor() -> SttVendor:
        fake = FakeAcme()
        def will_hear(*phrases: str) -> None:
            fake.script = phrases
        return SttVendor(Door(fake.app), will_hear)

    def kits() -> tuple[SttKit, ...]:
        return (SttKit("acme", {"api_key": "test-key"}, vendor, abilities=frozenset({SttAbility.PARTIALS})),)

`abilities` are proved, not believed: each that is claimed is tested, and of each other the absence is.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import attrs

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.messages import ToolCall
from dialog_core.testing.contracts.door import Door
from dialog_core.testing.hearing import voiced

__all__ = [
    "FORMATS",
    "Answer",
    "Kit",
    "LlmAbility",
    "LlmKit",
    "LlmVendor",
    "SttAbility",
    "SttKit",
    "SttVendor",
    "TtsAbility",
    "TtsKit",
    "TtsVendor",
]

FORMATS = (
    TELEPHONE,
    AudioFormat(Encoding.ALAW, 8000),
    AudioFormat(Encoding.PCM16, 8000),
    AudioFormat(Encoding.PCM16, 16000),
    AudioFormat(Encoding.PCM16, 24000),
)
"""What lines are known to speak."""

Table = Mapping[str, Any]
At = Callable[[str], Table]


def nowhere(_base_url: str) -> Table:
    """For components that reach no vendor."""
    return {}


class Kit(Protocol):
    """What all kits have in common."""

    @property
    def kind(self) -> str:
        """The component's kind, a key of :data:`dialog_core.plugins.KINDS`."""
        ...

    @property
    def name(self) -> str:
        """The component, as a settings file names it after ``use =``."""
        ...

    @property
    def variant(self) -> str:
        """Tells two kits of one component apart; empty for the only one."""
        ...

    @property
    def table(self) -> Table:
        """The component's settings, as a settings file has them, without ``use``."""
        ...

    @property
    def abilities(self) -> frozenset[enum.Enum] | frozenset[str]:
        """What the component claims to be able to do, of its kind's enumeration."""
        ...


# --- speech to text -------------------------------------------------------------------------------------------------


class SttAbility(enum.Enum):
    """What a recogniser may be able to do."""

    PARTIALS = "partials"
    """Interim transcripts while the caller speaks."""
    WORDS = "words"
    """Each word of a final transcript with its time."""
    CONFIDENCE = "confidence"
    """How sure it is, 0..1, of transcripts or of words."""
    SPEAKERS = "speakers"
    """Which speaker said a word."""
    TURNS = "turns"
    """It says when the caller's turn is over."""
    VOICE = "voice"
    """It reports voice and silence itself."""
    SETTLES = "settles"
    """When the line's detector hears silence, pending words become final soon, though the vendor be mute."""
    RECONNECTS = "reconnects"
    """A lost connection costs no words."""
    LANGUAGE = "language"
    """The language that is set reaches the vendor."""


def no_tags() -> Sequence[str]:
    """For fakes that take no note of languages."""
    return ()


@attrs.frozen(eq=False)
class SttVendor:
    """A fresh fake recogniser behind its door."""

    door: Door
    will_hear: Callable[..., None]
    """Called with phrases: those that the stretches of voice on each connection will say, in order."""
    languages: Callable[[], Sequence[str]] = no_tags
    """Language tags that it was asked for so far."""
    will_spell: Callable[..., None] | None = None
    """Called with words, which it hears from now on in what :func:`dialog_core.testing.hearing.spoken` makes of them,
    wherever a connection begins; None if it cannot."""


@attrs.frozen(eq=False)
class SttKit:
    """A speech-to-text component to be tested."""

    name: str
    table: Table
    vendor: Callable[[], SttVendor]
    abilities: frozenset[SttAbility] = frozenset()
    formats: tuple[AudioFormat, ...] = (TELEPHONE,)
    """Those it promises to take; any other it must refuse with SettingsError, or take as well."""
    at: At = nowhere
    """Settings that point it at a fake on a real socket, ``http://127.0.0.1:8123``."""
    german: Table = attrs.field(factory=lambda: {"language": "de"})
    """Settings that ask for German; for LANGUAGE."""
    variant: str = ""
    local: bool = False
    """True if it recognises in this process, so that no vendor can fail, and time is the machine's own."""
    absent: str = ""
    """What it lacks here, such as a model's files; then nothing is run, and the report says so."""
    says: Callable[[str, AudioFormat], bytes] = voiced
    """Audio of a phrase, without silence around it."""
    phrases: tuple[str, str] = ("I would like a table", "for two people")
    """What is said in tests."""
    settles_within: float = 1.0
    """Seconds from the caller's silence to settled words; for SETTLES."""
    kind: ClassVar[str] = "stt"


# --- text to speech -------------------------------------------------------------------------------------------------


class TtsAbility(enum.Enum):
    """What a voice may be able to do."""

    WORD_TIMES = "word times"
    """Each word of the text with its time in the audio."""
    RESUMES = "resumes"
    """A connection that is lost in the middle of a reply costs the caller nothing."""
    LANGUAGE = "language"
    """The language that is set reaches the vendor."""


def nothing_cancelled() -> int:
    """For voices without a vendor that could be told."""
    return 0


@attrs.frozen(eq=False)
class TtsVendor:
    """A fresh fake synthesiser behind its door."""

    door: Door
    spoken: Callable[[], Sequence[str]] = no_tags
    """Texts that it was given so far, in order."""
    cancelled: Callable[[], int] = nothing_cancelled
    """Syntheses that were stopped or left before their end."""
    languages: Callable[[], Sequence[str]] = no_tags
    """Language tags that it was asked for so far."""


@attrs.frozen(eq=False)
class TtsKit:
    """A text-to-speech component to be tested."""

    name: str
    table: Table
    vendor: Callable[[], TtsVendor]
    abilities: frozenset[TtsAbility] = frozenset()
    formats: tuple[AudioFormat, ...] = FORMATS
    """Those it promises to speak in."""
    seconds_per_character: float | None = None
    """How long the fake speaks for each character of a text, blanks included; None if that is not known."""
    at: At = nowhere
    """Settings that point it at a fake on a real socket, ``http://127.0.0.1:8123``."""
    german: Table = attrs.field(factory=lambda: {"language": "de"})
    """Settings that ask for German; for LANGUAGE."""
    variant: str = ""
    local: bool = False
    """True if it speaks in this process, so that no vendor can fail, and time is the machine's own."""
    absent: str = ""
    """What it lacks here, such as a model's files; then nothing is run, and the report says so."""
    patience: float = 10.0
    """Seconds within which a vendor's silence must have become an error."""
    kind: ClassVar[str] = "tts"


# --- language models ------------------------------------------------------------------------------------------------


class LlmAbility(enum.Enum):
    """What a language model may be able to do."""

    TOOLS = "tools"
    """It calls tools."""
    PARALLEL_TOOLS = "parallel tools"
    """It calls several in one answer."""
    USAGE = "usage"
    """It says what an answer cost."""
    RETRIES = "retries"
    """A first try that fails before its first word is repeated without anybody noticing."""


@attrs.frozen
class Answer:
    """What a fake model answers to one prompt."""

    text: str = ""
    """Streamed word by word."""
    calls: tuple[ToolCall, ...] = ()


@attrs.frozen(eq=False)
class LlmVendor:
    """A fresh fake model behind its door."""

    door: Door
    will_answer: Callable[..., None]
    """Called with texts and :class:`Answer`s: those of the next requests, in order; the last repeats."""
    requests: Callable[[], Sequence[Mapping[str, object]]]
    """Bodies of the requests that it was given so far."""
    cancelled: Callable[[], int]
    """Answers whose reader left before their end."""


@attrs.frozen(eq=False)
class LlmKit:
    """A language-model component to be tested."""

    name: str
    table: Table
    vendor: Callable[[], LlmVendor]
    abilities: frozenset[LlmAbility] = frozenset()
    at: At = nowhere
    """Settings that point it at a fake on a real socket, ``http://127.0.0.1:8123``."""
    variant: str = ""
    patience: float = 10.0
    """Seconds within which a model's silence must have become an error."""
    kind: ClassVar[str] = "llm"
