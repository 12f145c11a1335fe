from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import attrs

from dialog_core.carriers.lines import Note
from dialog_core.factory import Clock
from dialog_core.line import Progress
from dialog_core.protocols import FrontDoor

__all__ = ["Answer", "Answers", "Placed"]

C = TypeVar("C")
RETRY_SECONDS = 120.0
"""Carriers repeat a webhook whose answer they did not get, within a minute."""
ANSWERS_MOST = 10_000


@attrs.frozen
class Answer(Generic[C]):
    """What was said to a call's webhook, to be said again if the carrier asks again."""

    document: str
    call: C
    """What the webhook told of the call."""
    at: float


@attrs.define(eq=False)
class Answers(Generic[C]):
    """The webhooks of new calls answered lately, so that a repeated one starts no second call.

    Bounded in time and number.
    """

    door: FrontDoor
    clock: Clock
    note: Note
    _answers: dict[str, Answer[C]] = attrs.field(factory=dict)

    def get(self, name: str) -> Answer[C] | None:
        """The answer that the call of this name got."""
        return self._answers.get(name)

    def give(
        self, name: str, call: C, connect: Callable[[], str], *, busy: str, known_by: str = ""
    ) -> str:
        """The document for a call: the same each time that it is asked for, or `busy` if there is no room for it.

        connect: writes it. known_by: the id that the call's states are told by, if it is not the name.
        """
        answer = self._answers.get(name)
        if answer is not None:
            return answer.document
        if not self.door.has_room():
            self.note(known_by or name, "a call was refused because the process is full", "")
            return busy
        self.door.report(known_by or name, Progress.RINGING)
        answer = Answer(connect(), call, self.clock.monotonic())
        self._keep(name, answer)
        return answer.document

    def _keep(self, name: str, answer: Answer[C]) -> None:
        """Keep an answer, and forget those that are too old."""
        answers = self._answers
        answers[name] = answer
        while answers:
            oldest = next(iter(answers))
            young = answers[oldest].at > answer.at - RETRY_SECONDS
            if young and len(answers) <= ANSWERS_MOST:
                return
            del answers[oldest]


@attrs.define(eq=False)
class Placed:
    """What is to be known of the calls that we placed, until the carrier asks what to do with them.

    Bounded in number.
    """

    _metadata: dict[str, Mapping[str, str]] = attrs.field(factory=dict)

    def keep(self, metadata: Mapping[str, str]) -> str:
        """Returns a reference that nobody can guess, for an address."""
        reference = secrets.token_urlsafe(12)
        self._metadata[reference] = dict(metadata)
        if len(self._metadata) > ANSWERS_MOST:
            del self._metadata[next(iter(self._metadata))]
        return reference

    def get(self, reference: str) -> Mapping[str, str]:
        """What was kept; nothing if another process placed the call."""
        return self._metadata.get(reference, {})
