from __future__ import annotations

import attrs

from dialog_twilio.webhooks import CallMetadata

__all__ = ["Answer", "Answers"]

RETRY_SECONDS = 120.0
"""Twilio repeats a webhook whose answer it did not get, within half a minute."""
ANSWERS_MOST = 10_000


@attrs.frozen
class Answer:
    """What was said to a voice webhook, to be said again if Twilio asks again."""

    twiml: str
    call: CallMetadata
    at: float


class Answers:
    """The voice webhooks answered lately, so that a repeated one starts no second call. Bounded in time and number."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def get(self, call: str) -> Answer | None:
        """The answer that this call got."""
        return self._answers.get(call)

    def keep(self, answer: Answer) -> None:
        """Keep an answer, and forget those that are too old."""
        answers = self._answers
        answers[answer.call.call_sid] = answer
        while answers:
            oldest = next(iter(answers))
            young = answers[oldest].at > answer.at - RETRY_SECONDS
            if young and len(answers) <= ANSWERS_MOST:
                return
            del answers[oldest]
