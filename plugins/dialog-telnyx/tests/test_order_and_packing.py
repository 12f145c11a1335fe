from __future__ import annotations

from dialog_telnyx.frames import swapped
from dialog_telnyx.order import Order
from dialog_telnyx.packing import LONGEST, SHORTEST, Packing
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding

WIDE = AudioFormat(Encoding.PCM16, 16000)


def through(numbers: list[int], *, most: int = 5) -> list[int]:
    order: Order[int] = Order(most)
    out = [each for number in numbers for each in order.push(number, number)]
    return out + list(order.rest())


@given(st.lists(st.integers(0, 60), min_size=1))
def test_whatever_comes_goes_on_in_order_and_once(numbers: list[int]) -> None:
    out = through(numbers)
    assert out == sorted(set(out))
    assert set(out) <= set(numbers)


@given(st.permutations(range(5)), st.integers(1, 20))
def test_nothing_is_lost_that_is_early_by_few(mixed: list[int], first: int) -> None:
    numbers = [first, *(first + 1 + number for number in mixed), first + 6]
    assert through(numbers) == list(range(first, first + 7))


def test_what_is_missing_is_waited_for_only_so_long() -> None:
    order: Order[int] = Order(2)
    assert order.push(1, 1) == (1,)
    assert order.push(3, 3) == ()
    assert order.push(4, 4) == ()
    assert order.push(5, 5) == (3, 4, 5)
    assert order.push(2, 2) == ()
    assert order.dropped == 1


@given(st.lists(st.binary(max_size=500)), st.sampled_from([TELEPHONE, WIDE]))
def test_pieces_are_of_a_length_that_telnyx_takes_and_hold_all_audio(
    pieces: list[bytes], fmt: AudioFormat
) -> None:
    packing = Packing(fmt)
    sent = [each for piece in pieces for each in packing.push(piece)]
    assert all(len(each) >= fmt.nbytes(SHORTEST) for each in sent)
    rest = packing.flush()
    assert len(rest) in {0, fmt.nbytes(SHORTEST)}
    audio = b"".join(pieces)
    assert (b"".join(sent) + rest)[: len(audio)] == audio
    assert packing.flush() == b""


@given(st.integers(1, 4), st.integers(0, 400))
def test_long_audio_is_cut_and_no_piece_is_too_short(times: int, more: int) -> None:
    audio = bytes(times * TELEPHONE.nbytes(LONGEST) + more)
    sent = list(Packing(TELEPHONE).push(audio))
    assert b"".join(sent) == audio
    assert all(
        TELEPHONE.nbytes(SHORTEST) <= len(each) <= TELEPHONE.nbytes(LONGEST) for each in sent
    )


def test_cleared_audio_does_not_come_later() -> None:
    packing = Packing(TELEPHONE)
    assert list(packing.push(b"\x01" * 100)) == []
    packing.clear()
    assert packing.flush() == b""


@given(st.binary(max_size=100))
def test_the_other_byte_order_is_its_own_inverse(samples: bytes) -> None:
    whole = samples[: len(samples) // 2 * 2]
    assert swapped(swapped(whole)) == whole
    assert swapped(b"\x01\x02") == b"\x02\x01"
