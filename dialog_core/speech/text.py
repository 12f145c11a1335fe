"""The settings of what a voice is given. What they need is loaded when it is used, or at the start of the process."""

from __future__ import annotations

import attrs

from dialog_core.fields import setting
from dialog_core.speech.written import Spelling

__all__ = ["TextSettings"]


@attrs.frozen
class TextSettings:
    """What a voice is given for what the agent writes; the history keeps what was written."""

    markdown: bool = setting(
        default=True,
        help="leave out markdown, tags and emoji, and read web and e-mail addresses aloud",
    )
    numbers: str | None = setting(
        default=None,
        one_of=("words", "voice"),
        help="who puts numbers, amounts, dates and times into words: dialog (words), as far as it knows the language, "
        "or the text-to-speech (voice); words unless set, or unless the text-to-speech says that it does it",
    )

    def spelling(self, language: str, session: object = None) -> Spelling:
        """For a language and a session of a text-to-speech, which may have an attribute ``reads_numbers``."""
        from dialog_core.speech.spelling import spelling_of  # noqa: PLC0415 - many patterns to compile

        numbers = self.numbers or ("voice" if getattr(session, "reads_numbers", False) else "words")
        return spelling_of(language, markdown=self.markdown, numbers=numbers == "words")

    def prepare(self, language: str) -> None:
        """Load what the language needs, before the first call. language: BCP-47."""
        self.spelling(language)("1")
