"""What a caller wants, by the words they use. Pure; the days, times and names have modules of their own."""

from __future__ import annotations

import enum
import re

__all__ = ["Intent", "find_intents"]


class Intent(enum.Enum):
    """Something a caller may mean; several may be meant at once."""

    YES = (
        r"\b(yes|yeah|yep|yup|sure|correct|right|exactly|absolutely|perfect|great|"
        r"fine|ok|okay|of course|please do|go ahead|sounds good|do it|that works|it is|"
        r"indeed)\b"
    )
    NO = r"\b(no|nope|nah|not|don't|wrong|incorrect|isn't|rather not)\b"
    BOOK = (
        r"\b(book|booking|appointment|appointments|schedule|reserve|reservation|"
        r"make an? (visit|date)|see (the|a) dentist|check ?up|come (in|by|on|over))\b"
    )
    CHANGE = (
        r"\b(change|reschedule|different|another|instead|actually|rather|make it|move it|"
        r"correction)\b"
    )
    CANCEL = (
        r"\b(cancel|never ?mind|forget (it|about it)|start over|start again|"
        r"from the beginning)\b"
    )
    HOURS = (
        r"\b(hours?|when (are|do) you (open|close)|are you open|you open|you close|opening|"
        r"closing times?|open on)\b"
    )
    ADDRESS = (
        r"\b(address|where (are|is|do|can)|located|location|find you|how do i get|"
        r"directions?)\b"
    )
    PRICE = r"\b(cost|costs|price|prices|pricing|how much|charge|charges|fees?|expensive|pay)\b"
    ROBOT = (
        r"\b(robot|a machine|a computer|a bot|human|real person|actual person|an? ai|"
        r"automated|are you real)\b"
    )
    HELP = r"\b(help|what can (you|i)|what do you do|options|assist)\b"
    REPEAT = (
        r"\b(repeat|again|pardon|say that|what did you say|excuse me|come again|"
        r"did not (hear|understand) you|what was that)\b"
    )
    GREETING = r"\b(hello|hi|hey|good (morning|afternoon|evening))\b"
    THANKS = r"\b(thank|thanks|cheers|appreciate)\b"
    BYE = (
        r"\b(good ?bye|bye|bye bye|see you|that's all|that is all|that will be all|"
        r"that'll be all|nothing else|have a (nice|good)|talk to you later|hang up)\b"
    )
    WHICH_DAY = r"\b(the|a|that|another|different) (day|date)\b|^(day|date)$"
    WHICH_TIME = r"\b(the|that|another|different) (time|hour)\b|^time$"
    WHICH_NAME = r"\b(the|my|that|another|different) name\b|^name$"


PATTERNS = tuple((intent, re.compile(intent.value)) for intent in Intent)
REASSURED = re.compile(
    r"\b(no problem|not bad|why not|no worries|if you don't mind|i don't mind)\b"
)
"""Said with a "no" that is none."""
PUNCTUATION = re.compile(r"[^\w' ]+")


def find_intents(text: str) -> frozenset[Intent]:
    """All that the words may mean."""
    plain = PUNCTUATION.sub(" ", text.lower().replace("\u2019", "'"))
    plain = REASSURED.sub(" yes ", " ".join(plain.split()))
    found = {intent for intent, pattern in PATTERNS if pattern.search(plain)}
    if Intent.NO in found:
        found.discard(Intent.YES)  # "not right", "no, that is fine"
    return frozenset(found)
