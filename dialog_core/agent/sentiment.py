"""How callers felt about what they said, judged afterwards by any language model.

No recogniser tells it while the caller speaks. An agent that wants to know asks when there is time, for instance when
the call is over::

    async def closed(self, call: Call) -> None:
        turns = [entry.utterance for entry in call.history.entries if entry.utterance is not None]
        said = [transcript for turn in turns for transcript in turn.transcripts]
        judged = await with_sentiment(said, call.llm)
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import attrs

from dialog_core.call.guard import closing
from dialog_core.messages import Message, Prompt, Role, Sentiment, TextDelta, Transcript
from dialog_core.protocols import LanguageModel

__all__ = ["with_sentiment"]

RULE = (
    "Each line of the next message is something that a caller said on the telephone. Rate how the caller felt, from "
    "-1 for negative over 0 for neutral to 1 for positive. Answer with a JSON list of numbers, one for each line, "
    "and nothing else."
)
MOST_LINES = 100
"""Transcripts judged together; the latest, of a long call."""


async def with_sentiment(
    transcripts: Sequence[Transcript], model: LanguageModel
) -> tuple[Transcript, ...]:
    """The transcripts, with a sentiment on each final one that has words and none yet.

    What the model answers amiss leaves them as they are. Raises: ProviderError.
    """
    open_ = [n for n, each in enumerate(transcripts) if is_open(each)][-MOST_LINES:]
    if not open_:
        return tuple(transcripts)
    lines = "\n".join(" ".join(transcripts[number].text.split()) for number in open_)
    prompt = Prompt((Message(Role.SYSTEM, RULE), Message(Role.USER, lines)))
    text = ""
    async with model.generate(prompt) as answer, closing(answer) as items:
        async for item in items:
            text += item.text if isinstance(item, TextDelta) else ""
    scores = dict(zip(open_, scores_in(text, len(open_)), strict=False))
    return tuple(
        attrs.evolve(each, sentiment=Sentiment(scores[number])) if number in scores else each
        for number, each in enumerate(transcripts)
    )


def is_open(transcript: Transcript) -> bool:
    """Whether there is something to judge."""
    return transcript.final and bool(transcript.text.strip()) and transcript.sentiment is None


def scores_in(text: str, count: int) -> tuple[float, ...]:
    """The numbers of an answer, cut to -1..1; none unless there is one for each line."""
    try:
        numbers = json.loads(text[text.index("[") : text.rindex("]") + 1])
    except ValueError:
        return ()
    good = all(type(each) in {int, float} and math.isfinite(each) for each in numbers)
    if len(numbers) != count or not good:
        return ()
    return tuple(max(-1.0, min(1.0, float(each))) for each in numbers)
