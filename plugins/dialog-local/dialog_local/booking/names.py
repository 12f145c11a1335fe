"""The caller's name in what they said. Pure."""

from __future__ import annotations

import re

from dialog_local.booking.vocabulary import MONTHS, NUMBERS, WEEKDAYS, several

__all__ = ["find_name"]

INTRODUCTION = re.compile(
    r"\b(?:my (?:full )?name(?: is|'s| will be)|the name is|name's|this is|i am|i'm|it's|it is|call me|"
    r"(?:book|put) (?:it|me) (?:in )?(?:for|under|as)|under(?: the name)?(?: of)?|for) +([^,.!?]+)",
    re.IGNORECASE,
)
LETTERS = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
FILLERS = frozenset(
    several(
        "a an the uh um er well so yes yeah sure okay ok hi hello please thanks thank you sir and it its it's is "
        "that that's my name for me here"
    )
)
STOPS = frozenset(
    several(
        "and at on for please but thanks thank i i'd i'm we can could not no a an the in of to calling speaking "
        "looking what where when how why who which do does are is it that there this sorry pardon excuse moment "
        "second hold wait hear book appointment open price cost time day today tomorrow morning afternoon"
    )
).union(WEEKDAYS, MONTHS, NUMBERS)
LONGEST_NAME = 3


def find_name(text: str, *, asked: bool) -> str | None:
    """The caller's name. asked: the agent has just asked for it, so that a bare "Anna Miller" is one."""
    for match in INTRODUCTION.finditer(text.replace("\u2019", "'")):
        name, _ = split_name(match[1])
        if name and (asked or name[0][0].isupper()):
            return capital(name)
    name, rest = split_name(text)
    whole = all(word.lower() in FILLERS | {"speaking", "calling"} for word in rest)
    return capital(name) if asked and name and whole else None


def split_name(text: str) -> tuple[list[str], list[str]]:
    """The first words that may be a name, and those behind them."""
    letters = LETTERS.findall(text.replace("\u2019", "'"))
    while letters and letters[0].lower() in FILLERS:
        letters.pop(0)
    size = 0
    for word in letters[:LONGEST_NAME]:
        if word.lower() in STOPS | FILLERS:
            break
        size += 1
    return letters[:size], letters[size:]


def capital(name: list[str]) -> str:
    return " ".join(word if word[0].isupper() else word.capitalize() for word in name)
