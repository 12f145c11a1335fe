"""How far a caller has come with the kind of answer that they were asked for (pure)."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence

from dialog_core.policies.lexicon import Lexicon, plain_words
from dialog_core.turns.expectation import (
    Anything,
    Date,
    Digits,
    Email,
    Expectation,
    PhoneNumber,
    Spelling,
    YesNo,
)

__all__ = ["Progress", "count_digits", "progress"]

ADDRESS = re.compile(r"\S+@\S+\.[^\W\d_]{2,}\b")
SHORTEST_NUMBER = 7
"""Digits of a telephone number below which it surely goes on."""
LONGEST_ANSWER = 4
"""Words of an answer to a question that yes or no answers; more is something else."""
USUAL_NUMBER = 10
"""Digits of a telephone number from which it is probably whole."""


class Progress(enum.Enum):
    """What the words so far are, of what was asked for."""

    WHOLE = "the answer is whole"
    PART = "the answer is not whole yet"
    UNKNOWN = "it cannot be told"


def progress(expecting: Expectation, text: str, lexicon: Lexicon) -> Progress:
    """Judge the words of a turn by what was asked for."""
    spoken = plain_words(text)
    if isinstance(expecting, Anything) or not spoken:
        return Progress.UNKNOWN
    return JUDGES[type(expecting)](expecting, text, spoken, lexicon)


def of_digits(wanted: Digits, _text: str, spoken: Sequence[str], lexicon: Lexicon) -> Progress:
    """By how many there are; who says something else is not reading out digits."""
    count = count_digits(spoken, lexicon)
    if count == 0:
        return Progress.UNKNOWN
    return Progress.WHOLE if count >= wanted.count else Progress.PART


def of_phone(_wanted: object, _text: str, spoken: Sequence[str], lexicon: Lexicon) -> Progress:
    """Numbers differ in length: some cannot be told."""
    count = count_digits(spoken, lexicon)
    if count >= USUAL_NUMBER:
        return Progress.WHOLE
    return Progress.PART if 0 < count < SHORTEST_NUMBER else Progress.UNKNOWN


def of_date(_wanted: object, _text: str, spoken: Sequence[str], lexicon: Lexicon) -> Progress:
    """A day of the week, a month with a day, or two numbers."""
    said = set(spoken)
    if said & lexicon.days:
        return Progress.WHOLE
    numbers = sum(word[0].isdigit() or word in lexicon.ordinals for word in spoken)
    numbers += sum(word in lexicon.digits or word in lexicon.tens for word in spoken)
    if said & lexicon.months:
        return Progress.WHOLE if numbers else Progress.PART
    return Progress.PART if numbers == 1 else Progress.UNKNOWN


def of_email(_wanted: object, text: str, spoken: Sequence[str], lexicon: Lexicon) -> Progress:
    """Something at something dot something."""
    if ADDRESS.search(text):
        return Progress.WHOLE
    at = next((number for number, word in enumerate(spoken) if word in lexicon.at), None)
    host = () if at is None else spoken[at + 1 :]
    dotted = any(word in lexicon.dot for word in host[1:-1]) or any("." in word for word in host)
    return Progress.WHOLE if dotted else Progress.PART


def of_spelling(wanted: Spelling, _text: str, spoken: Sequence[str], _: Lexicon) -> Progress:
    """Letters one by one; only a known number of them tells that it is whole."""
    letters = sum(len(word) == 1 or is_spelt(word) * (len(word) // 2 + 1) for word in spoken)
    if wanted.letters is not None and letters >= wanted.letters:
        return Progress.WHOLE
    return Progress.PART if letters else Progress.UNKNOWN


def is_spelt(word: str) -> bool:
    """Whether a recogniser joined letters, as in ``s-m-i-t-h``."""
    return len(word) > 1 and all(len(letter) == 1 for letter in re.split(r"[-.]", word))


def of_yes_no(_wanted: object, _text: str, spoken: Sequence[str], lexicon: Lexicon) -> Progress:
    """A few words that all belong to an answer."""
    whole = len(spoken) <= LONGEST_ANSWER and all(word in lexicon.answers for word in spoken)
    return Progress.WHOLE if whole else Progress.UNKNOWN


JUDGES: dict[type, Callable[..., Progress]] = {
    Date: of_date,
    Digits: of_digits,
    Email: of_email,
    PhoneNumber: of_phone,
    Spelling: of_spelling,
    YesNo: of_yes_no,
}


def count_digits(spoken: Sequence[str], lexicon: Lexicon) -> int:
    """How many digits the words stand for: ``42``, ``four two``, ``double four``, ``forty two``."""
    count, times, after_ten = 0, 1, False
    for word in spoken:
        if word in lexicon.doubles or word in lexicon.triples:
            times = 2 if word in lexicon.doubles else 3
            continue
        if word in lexicon.tens:
            count, after_ten, times = count + 2, True, 1
            continue
        if word in lexicon.digits:
            count += 0 if after_ten else times
        elif any(letter.isdigit() for letter in word):
            figures = sum(letter.isdigit() for letter in word)
            count += figures * times if figures == 1 else figures
        after_ten, times = False, 1
    return count
