"""Both sound at once: what the barge-in policies make the turn machine do."""

from __future__ import annotations

import attrs
import pytest

from dialog_core.messages import Transcript, Word
from dialog_core.policies.barge_in import (
    Backchannel,
    BackchannelSettings,
    Disabled,
    DisabledSettings,
    HardCut,
    HardCutSettings,
    SoftFade,
    SoftFadeSettings,
)
from dialog_core.policies.vote import Vote
from dialog_core.turns import effects as ef
from dialog_core.turns import events as ev
from dialog_core.turns import records as rec
from dialog_core.turns.events import Timer
from dialog_core.turns.policy import Hold, Overlap
from dialog_core.turns.state import INTERRUPTIBLE, Phase, TurnState
from tests.turns.spec import POLICY, final, interim, overlap, phases, run, speaking

SOFT = attrs.evolve(POLICY, barge_in=SoftFade(SoftFadeSettings(after=0.2, fade=0.2, cut=2.0)))
VOTE = attrs.evolve(
    POLICY,
    barge_in=Vote.of([HardCut(HardCutSettings(0.15)), Backchannel(BackchannelSettings())]),
)
DEAF = attrs.evolve(POLICY, barge_in=Disabled(DisabledSettings()))


def again(at: float) -> ev.TimerFired:
    return ev.TimerFired(at, Timer.OVERLAP)


class Holding:
    """Holds for as long as it may."""

    def judge(self, _overlap: Overlap) -> Hold:
        return Hold(again=60.0)


@pytest.mark.requirement("D.10")
def test_speech_of_three_tenths_of_a_second_cuts_the_reply() -> None:
    given, effects = run(ev.SpeechStarted(3.5), given=speaking())
    assert effects == [ef.SetTimer(Timer.OVERLAP, 3.8)]
    state, effects = run(again(3.8), given=given)
    assert state.phase is Phase.HEARING
    assert ef.StopReply(1) in effects
    assert ef.Keep(rec.BargeIn(3.8, 1, "")) in effects


@pytest.mark.requirement("D.10")
def test_a_sound_shorter_than_that_does_not() -> None:
    state, effects = run(ev.SpeechStopped(3.7), again(3.8), given=overlap())
    assert (state.phase, effects) == (Phase.SPEAKING, [])


def test_silence_does_not_count_as_speech_when_words_of_a_short_sound_come_late() -> None:
    mhm = Transcript(4.2, "mhm", final=True, started=3.4, words=(Word("mhm", 3.5, 3.7),))
    state, effects = run(ev.SpeechStopped(3.7), mhm, given=overlap())
    assert (state.phase, state.text, effects) == (Phase.SPEAKING, "mhm", [])


def test_words_without_times_count_from_the_sound_to_its_end() -> None:
    state, _ = run(ev.SpeechStopped(3.7), interim("mhm", 4.2), final("mhm", 4.3), given=overlap())
    assert state.phase is Phase.SPEAKING


def test_words_of_a_caller_too_soft_for_the_voice_detector_interrupt_too() -> None:
    words = Transcript(9.0, "stop it please", final=False, started=8.0)
    state, effects = run(words, given=speaking())
    assert ef.StopReply(1) in effects
    assert (state.phase, state.text) == (Phase.ENDPOINTING, "stop it please")


def test_words_timed_before_a_fade_do_not_undo_it() -> None:
    given, _ = run(ev.SpeechStarted(3.5), again(3.65), given=speaking(), policy=VOTE)
    assert given.held_since == 3.65
    state, effects = run(interim("wait", 3.64), given=given, policy=VOTE)
    assert ef.ResumeReply(1) not in effects
    assert ef.StopReply(1) in effects
    assert state.phase is Phase.HEARING


@pytest.mark.requirement("B.19")
def test_the_words_that_interrupt_are_kept_and_answered() -> None:
    state, _ = run(interim("stop", 3.7), again(3.8), given=overlap())
    assert (state.phase, state.text) == (Phase.HEARING, "stop")


@pytest.mark.requirement("D.12")
def test_with_barge_in_disabled_nothing_interrupts_and_words_are_answered_afterwards() -> None:
    given, effects = run(
        ev.SpeechStarted(3.5), interim("stop", 9.0), again(9.1), given=speaking(), policy=DEAF
    )
    assert given.phase is Phase.OVERLAP
    assert not [effect for effect in effects if isinstance(effect, ef.StopReply)]
    state, _ = run(
        ev.SpeechStopped(9.2), final("stop it", 9.2), ev.ReplyPlayed(12.0, 1),
        given=given, policy=DEAF,
    )  # fmt: skip
    assert (state.phase, state.text) == (Phase.ENDPOINTING, "stop it")


def test_a_policy_that_says_so_makes_a_whole_call_uninterruptible() -> None:
    strict = attrs.evolve(POLICY, interruptible=frozenset())
    given, _ = run(ev.SpeechStarted(3.5), given=speaking(), policy=strict)
    assert given.phase is Phase.SPEAKING


# --- soft fade


@pytest.mark.requirement("D.11")
def test_soft_fade_ducks_first_and_cuts_after_two_seconds() -> None:
    given, effects = run(ev.SpeechStarted(3.5), again(3.7), given=speaking(), policy=SOFT)
    assert effects == [ef.DuckReply(1, 0.2), ef.SetTimer(Timer.OVERLAP, 5.5)]
    state, effects = run(again(5.5), given=given, policy=SOFT)
    assert state.phase is Phase.HEARING
    assert ef.StopReply(1) in effects


@pytest.mark.requirement("D.11")
def test_soft_fade_resumes_after_a_short_sound() -> None:
    given, _ = run(ev.SpeechStarted(3.5), again(3.7), given=speaking(), policy=SOFT)
    state, effects = run(ev.SpeechStopped(4.0), given=given, policy=SOFT)
    assert state.phase is Phase.SPEAKING
    assert ef.ResumeReply(1) in effects
    assert state.held_since is None


def test_a_ducked_reply_is_ducked_once() -> None:
    _, effects = run(
        ev.SpeechStarted(3.5), again(3.7), interim("so", 3.9), given=speaking(), policy=SOFT
    )
    assert not [effect for effect in effects if isinstance(effect, ef.DuckReply)]


@pytest.mark.parametrize(
    ("silent", "phase", "done"),
    [(False, Phase.HEARING, ef.StopReply(1)), (True, Phase.SPEAKING, ef.ResumeReply(1))],
)
def test_a_held_reply_is_let_go_after_five_seconds_whatever_the_policy_says(
    *, silent: bool, phase: Phase, done: ef.Effect
) -> None:
    holding = attrs.evolve(POLICY, barge_in=Holding())
    given, effects = run(ev.SpeechStarted(3.5), given=speaking(), policy=holding)
    assert effects == [ef.HoldReply(1), ef.SetTimer(Timer.OVERLAP, 8.5)]
    if silent:
        given, _ = run(ev.SpeechStopped(4.0), given=given, policy=holding)
    state, effects = run(again(8.5), given=given, policy=holding)
    assert state.phase is phase
    assert done in effects


def test_a_reply_that_ends_while_the_caller_sounds_gives_them_the_floor() -> None:
    assert run(ev.ReplyPlayed(3.6, 1), given=overlap())[0].phase is Phase.HEARING


def test_an_overlap_that_is_stuck_is_ended_by_the_watchdog() -> None:
    _, effects = run(ev.TimerFired(33.0, Timer.WATCHDOG), given=overlap())
    assert ef.StopReply(1) in effects


# --- what may not be interrupted


@pytest.mark.requirement("A.34", "A.35")
def test_a_message_that_may_not_be_interrupted_is_not() -> None:
    wanted = ev.ReplyWanted(1.0, 0, interruptible=False)
    given, _ = run(wanted, ev.ReplyAudible(1.5, 1))
    assert phases(ev.SpeechStarted(2.0), again(2.3), final("stop", 9.0), given=given) == (
        [Phase.SPEAKING] * 3
    )


@pytest.mark.requirement("A.35")
def test_a_protected_segment_ends_a_suspicion_and_is_judged_again_when_it_was_heard() -> None:
    given, effects = run(ev.Shielded(3.6, 1, on=True), given=overlap())
    assert (given.phase, given.voiced) == (Phase.SPEAKING, True)
    assert ef.CancelTimer(Timer.OVERLAP) in effects
    state, effects = run(ev.Shielded(6.0, 1, on=False), given=given)
    assert state.phase is Phase.HEARING
    assert ef.StopReply(1) in effects


def test_a_held_reply_goes_on_when_a_protected_segment_of_it_begins() -> None:
    given, _ = run(ev.SpeechStarted(3.5), again(3.7), given=speaking(), policy=SOFT)
    state, effects = run(ev.Shielded(3.8, 1, on=True), given=given, policy=SOFT)
    assert ef.ResumeReply(1) in effects
    assert state.phase is Phase.SPEAKING


def test_a_shield_that_comes_down_over_silence_changes_nothing() -> None:
    given, _ = run(ev.Shielded(3.6, 1, on=True), given=speaking())
    state, effects = run(ev.Shielded(6.0, 1, on=False), given=given)
    assert (state.phase, effects) == (Phase.SPEAKING, [])


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("answers", speaking()),
        ("prompts", attrs.evolve(speaking(), cause=ef.Nudge(1))),
        ("prompts", attrs.evolve(speaking(), cause=ef.Unheard(1))),
    ],
)
def test_what_may_not_be_interrupted_is_heard_to_its_end(kind: str, given: TurnState) -> None:
    policy = attrs.evolve(POLICY, interruptible=INTERRUPTIBLE - {kind})
    voice = (ev.SpeechStarted(3.5), final("but wait", 4.6, 3.5))
    assert run(*voice, given=given, policy=policy)[0].phase is Phase.SPEAKING
    assert run(*voice, given=given)[0].phase is not Phase.SPEAKING
    state, _ = run(*voice, ev.ReplyPlayed(6.0, 1), given=given, policy=policy)
    assert (state.phase, state.text) == (Phase.HEARING, "but wait")
