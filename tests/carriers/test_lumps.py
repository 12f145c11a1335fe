"""Audio of one read goes on as one frame, and nothing else than audio does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.carriers.lumps import DirectAudio, joined
from dialog_core.carriers.owed import Owed
from dialog_core.errors import ProviderProtocolError
from dialog_core.protocols import Recording
from tests.carriers.test_wire import new_wire

FRAME = 0.02


def frame(number: int, *, at: float | None = None) -> AudioFrame:
    """20 ms of a sound of its own."""
    return AudioFrame(number * FRAME if at is None else at, bytes((number % 256,)) * 160)


def read(text: bytes) -> tuple[AudioFrame, ...] | None:
    """A message is a frame's number; "mark" is no audio, "garbage" nothing that can be read, "twice" a late frame."""
    match text:
        case b"mark":
            return None
        case b"garbage":
            raise ProviderProtocolError("carrier", "garbage")
        case b"twice":
            return ()
        case _:
            return (frame(int(text)),)


def direct_audio(feed: Callable[[AudioFrame], None] | None) -> DirectAudio:
    return DirectAudio(read, TELEPHONE, new_wire(), Owed(lambda: None), feed)


def test_frames_that_follow_each_other_are_one() -> None:
    (whole,) = joined([frame(7), frame(8), frame(9)], TELEPHONE)
    assert whole == AudioFrame(7 * FRAME, b"".join(frame(n).data for n in (7, 8, 9)))


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [frame(1)],
        [frame(1), frame(3)],
        [frame(1), frame(2, at=0.038)],
        [frame(n) for n in range(11)],
    ],
    ids=["none", "one", "a gap", "an overlap", "a lump of the network's"],
)
def test_others_go_on_as_they_came(frames: list[AudioFrame]) -> None:
    assert joined(frames, TELEPHONE) == frames


@pytest.mark.parametrize(("other", "taken"), [(b"mark", 2), (b"garbage", 2), (b"twice", 4)])
def test_audio_is_taken_up_to_the_first_message_that_is_none(other: bytes, taken: int) -> None:
    fed: list[AudioFrame] = []
    direct = direct_audio(fed.append)
    assert direct.take([b"0", b"1", other, b"2"]) == taken
    assert len(fed) == 1
    assert fed[0].data == b"".join(frame(n).data for n in range(3 if taken == 4 else 2))


def test_what_the_feed_raises_is_kept_and_nothing_is_fed_after_it() -> None:
    fed: list[AudioFrame] = []

    def fail(frame: AudioFrame) -> None:
        fed.append(frame)
        raise ValueError("too loud")

    direct = direct_audio(fail)
    assert direct.take([b"0"]) == 0
    assert direct.take([b"0"]) == 0
    assert str(direct.failure) == "too loud"
    assert len(fed) == 1


def test_nothing_is_taken_for_nobody() -> None:
    assert direct_audio(None).take([b"0"]) == 0


def test_callbacks_that_wait_go_first() -> None:
    fed: list[AudioFrame] = []
    direct = direct_audio(fed.append)
    direct.owed.deliver(Recording("r1", "completed"))
    assert direct.take([b"0"]) == 0
    direct.owed.waiting.clear()
    assert direct.take([b"0"]) == 1
    assert len(fed) == 1


def test_a_line_that_has_stopped_takes_nothing() -> None:
    fed: list[AudioFrame] = []
    direct = direct_audio(fed.append)
    direct.wire.stop("hangup")
    assert direct.take([b"0"]) == 0
    assert not fed


@given(st.lists(st.integers(0, 3), max_size=8), st.floats(0, 100))
def test_no_sample_and_no_time_is_lost(gaps: list[int], start: float) -> None:
    """gaps: frames that are missing before each."""
    frames, at = [], start
    for number, gap in enumerate(gaps):
        at += gap * FRAME
        frames.append(frame(number, at=at))
        at += FRAME
    assert samples(joined(frames, TELEPHONE)) == samples(frames)


def samples(frames: list[AudioFrame]) -> dict[int, int]:
    """Each byte by its place in the call, in bytes."""
    second = TELEPHONE.bytes_per_second
    return {
        round(each.at * second) + place: byte
        for each in frames
        for place, byte in enumerate(each.data)
    }
