"""What may be set of AssemblyAI's recogniser.

Source: AssemblyAI's pages "Streaming API", "Model selection" and "Turn Detection".
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from dialog_core import Secret, setting
from dialog_core.language import primary

__all__ = ["AssemblyAISettings"]

URL = "wss://streaming.assemblyai.com/v3/ws"
MODEL = "universal-3-5-pro"
LANGUAGES_FIXED = "universal-streaming-"
"""Models of this family understand what they understand; they are told no language."""
KEYTERMS = 100
KEYTERM_CHARACTERS = 50


def keyterms_fit(_settings: object, _field: object, keyterms: tuple[str, ...]) -> None:
    """What the vendor takes. Raises: ValueError."""
    if len(keyterms) > KEYTERMS:
        raise ValueError(f"at most {KEYTERMS} keyterms, not {len(keyterms)}")
    for term in keyterms:
        if not 0 < len(term) <= KEYTERM_CHARACTERS:
            raise ValueError(f"a keyterm has 1 to {KEYTERM_CHARACTERS} characters: {term!r}")


@attrs.frozen
class AssemblyAISettings:
    """An account, and how it is to listen."""

    api_key: Secret = setting(help="API key of the account")
    url: str = setting(
        default=URL, help="address; wss://streaming.eu.assemblyai.com/v3/ws stays in Europe"
    )
    model: str = setting(default=MODEL, help="speech model, such as universal-streaming-english")
    language: str | None = setting(
        default=None, spoken=primary, help="ISO 639-1 code; the agent's language if left out"
    )
    keyterms: tuple[str, ...] = setting(
        default=(), check=keyterms_fit, help="names and terms to listen for"
    )
    turns: bool = setting(
        default=False,
        help="let the vendor say when the caller has finished; for endpointer provider",
    )
    min_turn_silence: float | None = setting(
        default=None, unit="s", above=0, at_most=10, help="silence after which a turn may end"
    )
    max_turn_silence: float | None = setting(
        default=None, unit="s", above=0, at_most=10, help="silence after which a turn ends"
    )
    end_of_turn_confidence: float | None = setting(
        default=None, unit="0..1", at_least=0, at_most=1, help="certainty that ends a turn early"
    )
    format_turns: bool = setting(
        default=False, help="wait for punctuation from models that add it afterwards"
    )
    send_every: float = setting(
        default=0.05, unit="s", at_least=0.05, at_most=0.5, help="audio put into one message"
    )
    answer: float = setting(
        default=0.8, unit="s", above=0, at_most=5, help="wait for settled words after a silence"
    )
    first_result: float = setting(
        default=4.0,
        unit="s",
        above=0,
        at_most=30,
        help="speech without any result that means: dead",
    )
    patience: float = setting(
        default=10.0, unit="s", above=0, at_most=60, help="limit for getting a lost connection back"
    )

    def __attrs_post_init__(self) -> None:
        if self.patience <= self.first_result:
            raise ValueError(
                "patience must be longer than first_result, or a mute vendor looks well"
            )
        shortest, longest = self.min_turn_silence, self.max_turn_silence
        if shortest is not None and longest is not None and shortest > longest:
            raise ValueError("min_turn_silence must not be longer than max_turn_silence")

    @property
    def chooses_language(self) -> bool:
        """Whether the model is told what is spoken."""
        return not self.model.startswith(LANGUAGES_FIXED)

    def without_effect(self) -> Iterator[tuple[str, str]]:
        """Settings that are set and do nothing: (key, reason)."""
        if self.chooses_language and self.end_of_turn_confidence is not None:
            yield "end_of_turn_confidence", f"{self.model} ends turns by what was said"
        if self.chooses_language and self.format_turns:
            yield "format_turns", f"{self.model} punctuates at once"
