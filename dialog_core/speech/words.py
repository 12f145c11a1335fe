"""What of a text can be spoken, and how much has been when playback stands at a given second (pure)."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

from dialog_core.messages import Word

__all__ = ["is_pronounceable", "spaced", "spoken_part"]

TOKEN = re.compile(r"\S+\s*")
CHARACTERS_PER_SECOND = 15.0
"""How fast speech is assumed to be while its length is not known yet."""


def spoken_part(text: str, position: float, total: float | None, words: Sequence[Word] = ()) -> str:
    """The whole words of `text` that have sounded at `position` seconds.

    total: seconds of the whole text's audio, None while it is still being made. words: its words' times, which need
    not be spelt as in the text; with them the count of words decides, without them the proportion.
    """
    tokens = TOKEN.findall(text)
    if not tokens or position <= 0:
        return ""
    if total is not None and position >= total - 1e-6:
        return text
    if words and (total is None or words[-1].end > 0):
        spoken = sum(word.end <= position + 1e-6 for word in words)
        known = max(len(words), 1) if total is not None else max(len(words), len(tokens))
        count = math.floor(len(tokens) * spoken / known + 1e-6)
    else:
        expected = total if total is not None else max(position, len(text) / CHARACTERS_PER_SECOND)
        count = spoken_tokens(tokens, position / expected)
    return "".join(tokens[: min(count, len(tokens))])


def spoken_tokens(tokens: Sequence[str], fraction: float) -> int:
    """How many tokens lie wholly within this fraction of the characters."""
    reach = fraction * sum(map(len, tokens))
    count, passed = 0, 0
    for token in tokens:
        passed += len(token)
        if passed > reach + 1e-6:
            break
        count += 1
    return count


def spaced(text: str) -> str:
    """The text with a blank behind it, for vendors that join texts as they are: a word may not touch the next."""
    if text[-1:].isspace() or unicodedata.east_asian_width(text[-1:] or " ") in "WF":
        return text
    return f"{text} "


def is_pronounceable(text: str) -> bool:
    """True if there is anything to say: a letter, a digit or a currency sign."""
    kinds = {unicodedata.category(character) for character in text}
    return "Sc" in kinds or any(kind[0] in "LN" for kind in kinds)
