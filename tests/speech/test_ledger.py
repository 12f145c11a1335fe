"""The ledger's laws, and what it says at chosen moments. A second of audio is 8000 bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dialog_core.audio import TELEPHONE, AudioOut
from dialog_core.messages import SpeakText, Word
from dialog_core.speech.ledger import MARK_GRACE, Ledger, Piece

SECOND = bytes(8000)


def segment(index: int, text: str, *, reply: int = 1) -> SpeakText:
    return SpeakText(reply, index, text)


def spoken(
    ledger: Ledger, index: int, text: str, seconds: float, *, words: tuple[Word, ...] = ()
) -> tuple[Piece, ...]:
    """Enter a whole segment of reply 1."""
    ledger.add(segment(index, text))
    data = bytes(round(seconds * 8000))
    return (
        *ledger.take(AudioOut(1, index, data, words)),
        *ledger.take(AudioOut(1, index, b"", last=True)),
    )


def sent(ledger: Ledger, pieces: tuple[Piece, ...], at: float) -> None:
    for piece in pieces:
        ledger.sent(piece, at)


def test_audio_of_a_segment_is_followed_by_its_mark() -> None:
    assert spoken(Ledger(TELEPHONE), 0, "one two", 1.0) == (
        Piece((1, 0), SECOND),
        Piece((1, 0), b""),
    )


def test_between_marks_the_time_that_has_passed_tells_which_words_were_heard() -> None:
    ledger = Ledger(TELEPHONE)
    sent(ledger, spoken(ledger, 0, "aaa bbb ccc ddd", 4.0), 10.0)
    assert [ledger.heard(1, at) for at in (10.0, 11.9, 12.2, 14.0, 20.0)] == [
        "", "aaa", "aaa bbb", "aaa bbb ccc ddd", "aaa bbb ccc ddd",
    ]  # fmt: skip


def test_word_times_tell_better_than_proportion() -> None:
    ledger = Ledger(TELEPHONE)
    words = (Word("slow", 0.0, 3.0), Word("quick", 3.0, 3.5), Word("end", 3.5, 4.0))
    sent(ledger, spoken(ledger, 0, "slow quick end", 4.0, words=words), 10.0)
    assert ledger.heard(1, 12.9) == ""
    assert ledger.heard(1, 13.6) == "slow quick"


def test_word_times_count_from_the_replys_first_audio_also_in_later_segments() -> None:
    ledger = Ledger(TELEPHONE)
    sent(ledger, spoken(ledger, 0, "one ", 1.0, words=(Word("one", 0.0, 1.0),)), 10.0)
    later = (Word("two", 1.0, 1.9), Word("three", 1.9, 2.0))
    sent(ledger, spoken(ledger, 1, "two three", 1.0, words=later), 10.0)
    assert ledger.heard(1, 11.5) == "one"
    assert ledger.heard(1, 11.95) == "one two"


@pytest.mark.requirement("A.21")
def test_a_mark_that_returns_confirms_its_segment_and_all_before() -> None:
    ledger = Ledger(TELEPHONE)
    for index in range(3):
        sent(ledger, spoken(ledger, index, f"s{index} ", 1.0), 10.0)
    assert [entry.text for entry in ledger.reached((1, 1), 12.0)] == ["s0 ", "s1 "]
    assert ledger.heard(1, 12.0) == "s0 s1"
    assert not ledger.is_played(1)
    ledger.reached((1, 2), 13.0)
    assert ledger.is_played(1)


def test_a_mark_that_comes_late_shifts_all_that_follows() -> None:
    ledger = Ledger(TELEPHONE)
    sent(ledger, spoken(ledger, 0, "first ", 1.0), 10.0)
    sent(ledger, spoken(ledger, 1, "aa bb", 2.0), 10.0)
    ledger.reached((1, 0), 11.5)
    assert ledger.position((1, 1), 12.5) == pytest.approx(1.0)
    assert ledger.ahead(12.5) == pytest.approx(1.0)


def test_a_mark_again_or_of_nobody_changes_nothing() -> None:
    ledger = Ledger(TELEPHONE)
    sent(ledger, spoken(ledger, 0, "one", 1.0), 10.0)
    ledger.reached((1, 0), 11.0)
    assert ledger.reached((1, 0), 12.0) == ledger.reached((7, 7), 12.0) == ()


def test_a_mark_that_does_not_return_is_overdue_some_time_after_its_audio() -> None:
    ledger = Ledger(TELEPHONE)
    assert ledger.overdue() is None
    sent(ledger, spoken(ledger, 0, "one", 1.0), 10.0)
    assert ledger.overdue() == (11.0 + MARK_GRACE, (1, 0))


def test_what_is_stopped_stays_as_it_was_heard() -> None:
    ledger = Ledger(TELEPHONE)
    sent(ledger, spoken(ledger, 0, "aaa bbb", 2.0), 10.0)
    ledger.stop(11.2)
    assert ledger.heard(1, 11.2) == ledger.heard(1, 99.0) == "aaa"
    assert ledger.overdue() is None
    assert ledger.reached((1, 0), 12.0) == ()


@pytest.mark.requirement("B.24")
def test_audio_that_comes_for_a_segment_that_was_cut_is_not_sent() -> None:
    ledger = Ledger(TELEPHONE)
    ledger.add(segment(0, "one two"))
    sent(ledger, ledger.take(AudioOut(1, 0, SECOND)), 10.0)
    ledger.stop(10.5)
    assert ledger.take(AudioOut(1, 0, SECOND)) == ()
    assert ledger.take(AudioOut(9, 9, SECOND)) == ()


@pytest.mark.requirement("D.11")
def test_a_held_reply_goes_on_exactly_where_it_was_last_heard() -> None:
    ledger = Ledger(TELEPHONE)
    ledger.add(segment(0, "aaa bbb"))
    audio = bytes(range(250)) * 64
    sent(ledger, ledger.take(AudioOut(1, 0, audio, last=True)), 10.0)
    assert ledger.hold(1, 10.75) == ((1, 0), 0.75)
    assert ledger.rest(1) == (Piece((1, 0), audio[6000:]), Piece((1, 0), b""))
    sent(ledger, ledger.rest(1), 20.0)
    assert ledger.position((1, 0), 20.25) == pytest.approx(1.0)


def test_audio_made_while_a_reply_is_held_is_in_the_rest() -> None:
    ledger = Ledger(TELEPHONE)
    ledger.add(segment(0, "aaa bbb"))
    sent(ledger, ledger.take(AudioOut(1, 0, SECOND)), 10.0)
    ledger.hold(1, 10.5)
    ledger.take(AudioOut(1, 0, SECOND, last=True))
    assert sum(len(piece.data) for piece in ledger.rest(1)) == 12000


def test_a_retired_reply_leaves_no_account() -> None:
    ledger = Ledger(TELEPHONE)
    sent(ledger, spoken(ledger, 0, "one", 1.0), 10.0)
    ledger.retire(1)
    assert not ledger.entries
    assert not ledger.was_sent(1)


class Playing(RuleBasedStateMachine):
    """One reply made, sent, held and heard in any order; the line returns its marks on time."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(TELEPHONE)
        self.now = 10.0
        self.queue: list[Piece] = []
        self.marks: list[tuple[float, tuple[int, int]]] = []
        self.ends = 0.0
        self.text = ""
        self.segments = 0
        self.heard = ""
        self.held = False

    @rule(words=st.integers(1, 5), seconds=st.sampled_from([0.2, 0.5, 2.0]))
    def make(self, words: int, seconds: float) -> None:
        text = " ".join(f"w{self.segments}x{n}" for n in range(words)) + " "
        self.text += text
        pieces = spoken(self.ledger, self.segments, text, seconds)
        self.segments += 1
        if not self.held:
            self.queue += pieces

    @precondition(lambda self: self.queue)
    @rule()
    def send(self) -> None:
        piece = self.queue.pop(0)
        self.ledger.sent(piece, self.now)
        if piece.data:
            self.ends = max(self.now, self.ends) + len(piece.data) / 8000
        else:
            self.marks.append((max(self.now, self.ends), piece.key))

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.33, 1.7]))
    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.marks and self.marks[0][0] <= until:
            self.now, key = self.marks.pop(0)
            self.ledger.reached(key, self.now)
        self.now = until

    @precondition(lambda self: not self.held)
    @rule()
    def hold(self) -> None:
        before = self.ledger.heard(1, self.now)
        self.ledger.hold(1, self.now)
        assert self.ledger.heard(1, self.now) == before
        self.held, self.queue, self.marks, self.ends = True, [], [], self.now

    @precondition(lambda self: self.held)
    @rule()
    def resume(self) -> None:
        self.held = False
        self.queue += self.ledger.rest(1)

    @invariant()
    def what_was_heard_is_a_growing_prefix_of_the_text_by_whole_words(self) -> None:
        heard = self.ledger.heard(1, self.now)
        assert self.text.split()[: len(heard.split())] == heard.split()
        assert heard.startswith(self.heard)
        self.heard = heard

    @invariant()
    def while_held_nothing_more_is_heard(self) -> None:
        if self.held:
            assert self.ledger.heard(1, self.now + 60) == self.heard

    @invariant()
    def all_is_heard_when_all_was_sent_and_has_sounded(self) -> None:
        if not self.queue and not self.held and not self.marks:
            assert self.ledger.heard(1, self.now) == self.text.strip()


Playing.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestPlaying = Playing.TestCase


@given(
    seconds=st.floats(0.05, 5), at=st.floats(0, 6), words=st.integers(1, 9), stretch=st.floats(0, 1)
)
def test_the_position_never_runs_ahead_of_the_audio(
    seconds: float, at: float, words: int, stretch: float
) -> None:
    ledger = Ledger(TELEPHONE)
    sent(ledger, spoken(ledger, 0, "w " * words, seconds), 10.0 + stretch)
    position = ledger.position((1, 0), 10.0 + at)
    assert 0 <= position <= seconds + 1 / 8000
    assert position <= max(0.0, at - stretch) + 1e-6


def test_a_reply_held_between_two_samples_is_heard_to_its_end_all_the_same() -> None:
    ledger = Ledger(TELEPHONE)
    sent(ledger, spoken(ledger, 0, "one two ", 1.0), 10.0)
    sent(ledger, spoken(ledger, 1, "three four", 1.0), 10.0)
    ledger.hold(1, 10.49996)
    sent(ledger, ledger.rest(1), 11.0)
    ledger.hold(1, 12.6)
    assert ledger.heard(1, 12.6) == "one two three four"
