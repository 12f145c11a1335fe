from __future__ import annotations

import attrs
import pytest

from dialog_core.messages import Transcript, Utterance, Word
from dialog_core.speech.history import History
from dialog_core.speech.speakers import labelled, spans_of, speaker_of

TOLD = Transcript(
    3.0, "no wait", final=True, started=2.0, words=(Word("no", 2, 2.5, speaker=4),) * 2
)
UNTOLD = Transcript(5.0, "a table", final=True, started=4.0, words=(Word("a", 4, 4.5),))
TURN = Utterance("no wait a table", 2.0, 5.0, (TOLD, UNTOLD))


@pytest.mark.requirement("D.13")
def test_labels_of_the_recogniser_are_kept_and_only_the_others_are_asked_for() -> None:
    assert spans_of(TURN) == ((4.0, 5.0),)
    kept, filled = labelled(TURN, {(2.0, 3.0): 0, (4.0, 5.0): 1}).transcripts
    assert kept == TOLD
    assert (filled.speaker, filled.words[0].speaker) == (1, 1)


def test_a_transcript_without_a_start_begins_where_the_one_before_ended() -> None:
    vague = attrs.evolve(UNTOLD, started=None)
    turn = attrs.evolve(TURN, transcripts=(TOLD, vague))
    assert spans_of(turn) == ((3.0, 5.0),)
    assert labelled(turn, {(3.0, 5.0): 1}).transcripts[1].speaker == 1


def test_who_said_most_of_the_words_said_it() -> None:
    words = tuple(Word("so", 2, 3, speaker=number) for number in (1, 0, 1))
    assert speaker_of(attrs.evolve(TOLD, words=words)) == 1
    assert speaker_of(attrs.evolve(TOLD, words=words, speaker=0)) == 0
    assert speaker_of(UNTOLD) is None


def test_a_turn_that_was_taken_back_cannot_be_labelled() -> None:
    history = History().asked(TURN, 5.0)
    after = labelled(TURN, {(4.0, 5.0): 1})
    assert history.labelled(TURN, after).entries[0].utterance == after
    assert history.taken_back().labelled(TURN, after) == History()
