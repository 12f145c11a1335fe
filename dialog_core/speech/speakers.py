"""Who said what: the interface of a diarizer, and labels filled into transcripts (pure).

A diarizer is asked after a turn is complete, when its words are in the history already; the label is filled in when it
is known. What the recogniser itself has labelled is never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

import attrs

from dialog_core.audio import Sound
from dialog_core.messages import Transcript, Utterance

__all__ = ["Diarizer", "Span", "labelled", "spans_of", "speaker_of"]

Span = tuple[float, float]
"""Start and end of some words, in seconds since the call began."""


class Diarizer(Protocol):
    """Who is speaking. One object a call; nobody waits for it."""

    @property
    def wants_audio(self) -> float:
        """Seconds of a stretch of speech that it can use at most."""
        ...

    async def label(self, sound: Sound) -> int | None:
        """The speaker's number: 0 for the first voice of the call, 1 for the next; None if it cannot tell.

        Asked for one stretch at a time, in the order of the call. What it raises is observed and costs only this label.
        """
        ...


def speaker_of(transcript: Transcript) -> int | None:
    """Who said it: its own label, else that of most of its words; None if nobody has told."""
    if transcript.speaker is not None:
        return transcript.speaker
    told = Counter(word.speaker for word in transcript.words if word.speaker is not None)
    return told.most_common(1)[0][0] if told else None


def spans_of(utterance: Utterance) -> tuple[Span, ...]:
    """Where to listen for the speakers that nobody has told yet.

    Transcripts without a start of their own begin where the one before them ends.
    """
    spans, start = [], utterance.started
    for transcript in utterance.transcripts:
        began = start if transcript.started is None else transcript.started
        if speaker_of(transcript) is None and began < transcript.at:
            spans.append((began, transcript.at))
        start = transcript.at
    return tuple(spans)


def labelled(utterance: Utterance, speakers: Mapping[Span, int]) -> Utterance:
    """The same turn with these labels, where the recogniser gave none."""
    transcripts, start = [], utterance.started
    for transcript in utterance.transcripts:
        began = start if transcript.started is None else transcript.started
        speaker = speakers.get((began, transcript.at))
        start = transcript.at
        if speaker is not None and speaker_of(transcript) is None:
            words = tuple(attrs.evolve(word, speaker=speaker) for word in transcript.words)
            transcripts.append(attrs.evolve(transcript, speaker=speaker, words=words))
        else:
            transcripts.append(transcript)
    return attrs.evolve(utterance, transcripts=tuple(transcripts))
