from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, AudioOut
from dialog_core.messages import SpeakText, Word
from dialog_core.resilience.failover_spoken import Account

EACH = 0.2
TEXTS = st.lists(
    st.lists(st.sampled_from(["one", "two,", "three", "four."]), min_size=1, max_size=5).map(
        " ".join
    ),
    min_size=1,
    max_size=3,
)
CUTS = st.lists(st.integers(0, 6), max_size=3)
"""How many words each voice says before it fails."""


def said_by(account: Account, words: int | None, *, timed: bool) -> list[AudioOut]:
    """What the listeners are told of a voice that fails after so many words; None if it does not."""
    told: list[AudioOut | None] = list(account.change_voice())
    taken, count = 0, 0
    while (segment := account.plan(taken)) is not None:
        taken = segment.index + 1
        for token in segment.text.split():
            if count == words:
                return [each for each in told if each is not None]
            word = Word(token, count * EACH, (count + 1) * EACH)
            data = TELEPHONE.silence(EACH)
            told.append(account.take(AudioOut(0, segment.index, data, (word,) if timed else ())))
            count += 1
        told.append(account.take(AudioOut(0, segment.index, b"", last=True)))
    return [each for each in told if each is not None]


def account_of(texts: Sequence[str]) -> Account:
    account = Account(0, TELEPHONE)
    for index, text in enumerate(texts):
        account.add(SpeakText(0, index, text))
    return account


@given(TEXTS, CUTS)
def test_with_word_times_every_word_is_said_once_however_often_a_voice_fails(
    texts: list[str], cuts: list[int]
) -> None:
    account = account_of(texts)
    pieces = [piece for cut in (*cuts, None) for piece in said_by(account, cut, timed=True)]
    words = [word for piece in pieces for word in piece.words]
    assert [word.text for word in words] == " ".join(texts).split()
    assert [round(word.start / EACH) for word in words] == list(range(len(words)))
    assert len(b"".join(piece.data for piece in pieces)) == len(words) * TELEPHONE.nbytes(EACH)


@given(texts=TEXTS, cuts=CUTS, timed=st.booleans())
def test_every_segment_ends_once_and_in_order(
    texts: list[str], cuts: list[int], *, timed: bool
) -> None:
    account = account_of(texts)
    pieces = [piece for cut in (*cuts, None) for piece in said_by(account, cut, timed=timed)]
    assert [piece.index for piece in pieces if piece.last] == list(range(len(texts)))
    assert [piece.index for piece in pieces] == sorted(piece.index for piece in pieces)
    assert account.is_complete


@given(TEXTS, CUTS)
def test_without_word_times_no_word_is_lost(texts: list[str], cuts: list[int]) -> None:
    account = account_of(texts)
    pieces = [piece for cut in (*cuts, None) for piece in said_by(account, cut, timed=False)]
    for index, text in enumerate(texts):
        audio = b"".join(piece.data for piece in pieces if piece.index == index)
        assert len(audio) >= len(text.split()) * TELEPHONE.nbytes(EACH)


def test_words_are_told_with_their_audio_and_not_before() -> None:
    account = account_of(["one two"])
    all_words = (Word("one", 0.0, 0.2), Word("two", 0.2, 0.4))
    first = account.take(AudioOut(0, 0, TELEPHONE.silence(0.2), all_words))
    assert first is not None
    assert [word.text for word in first.words] == ["one"]


def test_what_is_all_said_is_not_owed() -> None:
    account = account_of(["one two"])
    assert account.owed(1)
    said_by(account, 2, timed=True)
    assert not account.owed(1)
