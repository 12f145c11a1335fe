"""Words that were answered before the recogniser had settled them must not be answered again.

When a turn is completed with interim words, what settles them arrives later. Such a transcript is compared with the
words that were taken: what it repeats is dropped, what goes beyond them is new.
"""

from __future__ import annotations

import re

import attrs

from dialog_core.messages import Transcript

__all__ = ["beginning", "same_words", "sift", "spoken_until"]

PUNCTUATION = re.compile(r"[^\w']+")
SLACK = 0.5
"""Seconds by which the settled span of the same words may reach further than the interim one did."""


def sift(
    taken: Transcript | None, transcript: Transcript
) -> tuple[Transcript | None, Transcript | None]:
    """What is still taken, and what of the transcript is new (None if nothing)."""
    text = transcript.text.strip()
    if not text:
        return taken, None
    if taken is None or beginning(transcript) >= taken.at:
        return (None if transcript.final else taken), transcript
    said, known = text.split(), taken.text.split()
    same = common_prefix(said, known)
    if same == len(said):
        rest = known[same:]
        left = attrs.evolve(taken, text=" ".join(rest)) if rest else None
        return (left if transcript.final else taken), None
    if same < len(known) and transcript.at <= taken.at + SLACK:
        return (None if transcript.final else taken), None
    new = " ".join(said[min(len(known), len(said)) :])
    left = None if transcript.final else taken
    return left, attrs.evolve(transcript, text=new, started=taken.at, words=()) if new else None


def beginning(transcript: Transcript) -> float:
    """Start of the transcript's span, as well as it is known; an unknown one is assumed to reach back."""
    if transcript.started is not None:
        return transcript.started
    return transcript.words[0].start if transcript.words else float("-inf")


def spoken_until(transcript: Transcript) -> float:
    """End of the transcript's last word, as well as it is known; its span may end in silence."""
    return transcript.words[-1].end if transcript.words else transcript.at


def common_prefix(one: list[str], other: list[str]) -> int:
    """How many words two texts begin with alike, but for case and punctuation."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if PUNCTUATION.sub("", left).lower() != PUNCTUATION.sub("", right).lower():
            break
        count += 1
    return count


def same_words(one: str, other: str) -> bool:
    """Whether two texts have the same words, but for case and punctuation."""
    return bare(one) == bare(other)


def bare(text: str) -> list[str]:
    """The words of a text without case and punctuation."""
    return [word for each in text.split() if (word := PUNCTUATION.sub("", each).lower())]
