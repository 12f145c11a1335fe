from __future__ import annotations

import secrets
from collections.abc import Mapping

import attrs

from dialog_plivo.webhooks import CallMetadata

__all__ = ["Answer", "Answers", "Placed"]

RETRY_SECONDS = 120.0
"""Plivo asks again three times, or for a minute, when it gets no answer."""
ANSWERS_MOST = 10_000


@attrs.frozen
class Answer:
    """What was said to an answer webhook, to be said again if Plivo asks again."""

    document: str
    call: CallMetadata
    at: float


class Answers:
    """The answer webhooks answered lately, so that a repeated one starts no second call. Bounded in time and number."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def get(self, call: str) -> Answer | None:
        """The answer that this call got."""
        return self._answers.get(call)

    def keep(self, answer: Answer) -> None:
        """Keep an answer, and forget those that are too old."""
        answers = self._answers
        answers[answer.call.call_uuid] = answer
        while answers:
            oldest = next(iter(answers))
            young = answers[oldest].at > answer.at - RETRY_SECONDS
            if young and len(answers) <= ANSWERS_MOST:
                return
            del answers[oldest]


class Placed:
    """What is to be known of the calls that we placed, until Plivo asks what to do with them. Bounded in number."""

    def __init__(self) -> None:
        self._metadata: dict[str, Mapping[str, str]] = {}

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
