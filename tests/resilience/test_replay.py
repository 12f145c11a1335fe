from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.resilience.replay import ReplayBuffer


def frame(number: int) -> AudioFrame:
    return AudioFrame(number * 0.02, bytes([number % 256]) * 160)


def filled(*numbers: int, seconds: float = 2.0) -> ReplayBuffer:
    buffer = ReplayBuffer(TELEPHONE, seconds)
    for number in numbers:
        buffer.push(frame(number))
    return buffer


def test_audio_is_taken_once_and_in_order() -> None:
    buffer = filled(3, 4)
    assert buffer.take() == AudioFrame(0.06, frame(3).data + frame(4).data)
    assert buffer.take() is None


def test_a_new_connection_gets_what_was_not_settled() -> None:
    buffer = filled(0, 1, 2)
    buffer.take()
    buffer.settle(0.04)
    buffer.rewind()
    assert buffer.start == pytest.approx(0.04)
    assert buffer.take() == frame(2)


@pytest.mark.requirement("D.15")
def test_a_full_buffer_drops_and_counts_the_oldest() -> None:
    buffer = filled(*range(150))
    assert buffer.dropped == 50
    assert buffer.start == pytest.approx(1.0)
    assert buffer.unsent == pytest.approx(2.0)


def test_audio_that_was_sent_is_forgotten_without_being_counted() -> None:
    buffer = filled(*range(100))
    buffer.take()
    for number in range(100, 200):
        buffer.push(frame(number))
        buffer.take()
    assert buffer.dropped == 0


def test_what_a_lost_connection_was_sent_too_long_ago_to_be_sent_again_is_counted() -> None:
    buffer = filled(*range(100))
    buffer.take()
    for number in range(100, 150):
        buffer.push(frame(number))
        buffer.take()
    buffer.settle(0.6)
    assert buffer.lost == 0
    buffer.rewind()
    assert buffer.lost == 20
    assert buffer.start == pytest.approx(1.0)
    buffer.rewind()
    assert buffer.lost == 20


def test_what_was_understood_in_time_is_never_lost() -> None:
    buffer = filled(*range(100))
    buffer.take()
    for number in range(100, 150):
        buffer.push(frame(number))
        buffer.take()
    buffer.settle(1.0)
    buffer.rewind()
    assert buffer.lost == 0


def test_a_gap_in_the_audio_parts_what_is_taken() -> None:
    buffer = filled(0, 1, 5)
    assert buffer.take() == AudioFrame(0.0, frame(0).data + frame(1).data)
    assert buffer.take() == frame(5)


@given(
    st.lists(st.sampled_from(["push", "take", "rewind", "settle"]), max_size=300),
    st.integers(1, 20),
)
def test_it_never_holds_more_than_its_bound(actions: list[str], frames: int) -> None:
    buffer = ReplayBuffer(TELEPHONE, frames * 0.02)
    pushed = 0
    for action in actions:
        if action == "push":
            buffer.push(frame(pushed))
            pushed += 1
        elif action == "take":
            buffer.take()
        elif action == "rewind":
            buffer.rewind()
        else:
            buffer.settle((pushed - 1) * 0.02)
        assert buffer.unsent <= frames * 0.02 + 1e-9
