from __future__ import annotations

from collections.abc import Iterable

from dialog_together.listen_protocol import Completed, Delta
from dialog_together.utterances import Utterances
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.messages import Transcript
from dialog_core.protocols import SttEvent


def texts(events: Iterable[SttEvent]) -> list[tuple[str, bool]]:
    return [(each.text, each.final) for each in events if isinstance(each, Transcript)]


def speaking(started: float = 1.0, *, sent: float = 2.0) -> Utterances:
    utterances = Utterances(sent=sent)
    utterances.voice_began(started)
    return utterances


def silent(started: float = 1.0, ended: float = 2.0) -> Utterances:
    utterances = speaking(started, sent=ended)
    utterances.voice_ended(ended)
    utterances.committed(0.0)
    return utterances


def test_a_delta_replaces_the_one_before() -> None:
    utterances = speaking()
    assert texts(utterances.delta(Delta("i", "I want"))) == [("I want", False)]
    assert texts(utterances.delta(Delta("i", "I want two"))) == [("I want two", False)]
    assert texts(utterances.delta(Delta("i", "I want two"))) == []


def test_a_transcript_lies_where_the_voice_was() -> None:
    utterances = silent(1.0, 2.0)
    utterances.sent = 3.0
    [final] = utterances.completed(Completed("i", "Hello."))
    assert isinstance(final, Transcript)
    assert (final.started, final.at) == (1.0, 2.0)


def test_while_the_voice_goes_on_a_transcript_reaches_to_the_end_of_the_audio() -> None:
    utterances = speaking(1.0, sent=2.5)
    [interim] = utterances.delta(Delta("i", "Hello"))
    assert isinstance(interim, Transcript)
    assert (interim.started, interim.at) == (1.0, 2.5)


def test_of_a_late_completion_only_words_behind_the_promoted_ones_are_news() -> None:
    utterances = silent()
    list(utterances.delta(Delta("i", "I want to")))
    assert texts(utterances.promote()) == [("I want to", True)]
    assert texts(utterances.delta(Delta("i", "I want to cancel"))) == []
    assert texts(utterances.completed(Completed("i", "I want to cancel."))) == [("cancel.", True)]
    assert utterances.is_idle


def test_a_late_completion_without_news_says_nothing() -> None:
    utterances = silent()
    list(utterances.delta(Delta(None, "Yes")))
    list(utterances.promote())
    assert texts(utterances.completed(Completed(None, "Yes."))) == []
    assert utterances.is_idle


def test_the_next_utterance_without_a_name_is_not_taken_for_the_answer_that_never_came() -> None:
    utterances = silent(1.0, 2.0)
    list(utterances.delta(Delta(None, "I want to cancel")))
    list(utterances.promote())
    utterances.voice_began(3.0)
    utterances.sent = 4.0
    assert texts(utterances.delta(Delta(None, "My order"))) == [("My order", False)]
    utterances.voice_ended(4.0)
    utterances.committed(1.0)
    assert texts(utterances.completed(Completed(None, "My order."))) == [("My order.", True)]


def test_a_late_completion_without_a_name_may_correct_words() -> None:
    utterances = silent()
    list(utterances.delta(Delta(None, "I want two")))
    list(utterances.promote())
    assert texts(utterances.completed(Completed(None, "I want to cancel."))) == [("cancel.", True)]


def test_the_next_utterance_is_heard_while_a_late_completion_is_awaited() -> None:
    utterances = silent(1.0, 2.0)
    list(utterances.delta(Delta("a", "One")))
    list(utterances.promote())
    utterances.voice_began(3.0)
    utterances.sent = 4.0
    assert texts(utterances.delta(Delta("b", "Two"))) == [("Two", False)]
    assert texts(utterances.completed(Completed("a", "One."))) == []
    utterances.voice_ended(4.0)
    utterances.committed(5.0)
    [final] = utterances.completed(Completed("b", "Two."))
    assert isinstance(final, Transcript)
    assert (final.text, final.started, final.at) == ("Two.", 3.0, 4.0)


def test_a_commit_that_is_never_answered_is_given_up() -> None:
    utterances = silent()
    assert not utterances.expire(-1.0)
    assert utterances.commits
    assert not utterances.expire(1.0)
    assert utterances.is_idle


def test_words_that_waited_for_an_answer_are_not_lost_with_it() -> None:
    utterances = silent()
    list(utterances.delta(Delta("i", "Hello")))
    assert utterances.expire(1.0)
    assert texts(utterances.promote()) == [("Hello", True)]


def test_a_failed_utterance_keeps_the_words_that_were_known() -> None:
    utterances = silent()
    list(utterances.delta(Delta("i", "Hello")))
    assert texts(utterances.failed()) == [("Hello", True)]
    assert utterances.is_idle


def test_after_a_loss_words_whose_audio_is_there_are_heard_again() -> None:
    utterances = speaking(1.0, sent=2.0)
    list(utterances.delta(Delta("i", "Hello")))
    assert utterances.reconnect(0.8) == ((), False)
    assert utterances.is_idle


def test_after_a_loss_words_whose_audio_is_gone_are_settled() -> None:
    utterances = speaking(1.0, sent=9.0)
    list(utterances.delta(Delta("i", "A long story")))
    events, again = utterances.reconnect(4.0)
    assert texts(events) == [("A long story", True)]
    assert not again
    assert utterances.settled == 9.0


def test_after_a_loss_a_commit_without_an_answer_is_repeated() -> None:
    assert silent().reconnect(0.5) == ((), True)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["began", "ended", "commit", "promote", "expire"]),
            st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["", "One", "One two"])),
            st.tuples(st.just("final"), st.sampled_from(["", "One.", "One two three."])),
        ),
        max_size=30,
    )
)
def test_final_transcripts_follow_each_other_in_time(steps: list[object]) -> None:
    utterances, now = Utterances(), 0.0
    finals: list[Transcript] = []
    for step in steps:
        now += 0.25
        utterances.sent = now
        events: Iterable[SttEvent] = ()
        match step:
            case "began":
                utterances.voice_began(now)
            case "ended":
                utterances.voice_ended(now)
            case "commit":
                utterances.committed(now)
            case "promote":
                events = utterances.promote()
            case "expire":
                utterances.expire(now - 1.0)
            case ("final", str(text)):
                events = utterances.completed(Completed("a", text))
            case (item, str(text)):
                assert item is None or isinstance(item, str)
                events = utterances.delta(Delta(item, text))
        finals += [each for each in events if isinstance(each, Transcript) and each.final]
    times = [final.at for final in finals]
    assert times == sorted(times)
    assert all((final.started or 0.0) <= final.at <= now for final in finals)
