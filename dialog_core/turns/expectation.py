"""What kind of answer the agent has asked for: the wait at a pause depends on it.

An agent says it with ``call.expect(Digits(4))``, or as it asks: ``call.say("Your PIN, please?", expect=Digits(4))``.
It holds for the caller's next turn, and again if that is taken back.
"""

from __future__ import annotations

import attrs

__all__ = [
    "ANYTHING",
    "Anything",
    "Date",
    "Digits",
    "Email",
    "Expectation",
    "PhoneNumber",
    "Spelling",
    "YesNo",
]


@attrs.frozen
class Anything:
    """An open question, or none."""


@attrs.frozen
class YesNo:
    """A question that yes or no answers."""


@attrs.frozen
class Digits:
    """A number that is read out digit by digit."""

    count: int = attrs.field(validator=attrs.validators.ge(1))
    """How many."""


@attrs.frozen
class PhoneNumber:
    """A telephone number, of unknown length."""


@attrs.frozen
class Date:
    """A day."""


@attrs.frozen
class Email:
    """An e-mail address."""


@attrs.frozen
class Spelling:
    """A word, letter by letter."""

    letters: int | None = None
    """How many, where that is known."""


ANYTHING = Anything()
"""The agent has asked for nothing in particular."""

Expectation = Anything | YesNo | Digits | PhoneNumber | Date | Email | Spelling
