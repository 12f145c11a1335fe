from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.wav import Aligner, Wav, WavStripper, header, parse, write

PCM = AudioFormat(Encoding.PCM16, 24000)
pytestmark = pytest.mark.requirement("B.5")


@st.composite
def recordings(draw: st.DrawFn) -> Wav:
    fmt = AudioFormat(draw(st.sampled_from(Encoding)), draw(st.sampled_from([8000, 16000, 24000])))
    channels = draw(st.integers(1, 2))
    frames = draw(st.integers(1, 50))
    size = frames * channels * fmt.width
    return Wav(fmt, draw(st.binary(min_size=size, max_size=size)), channels)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return (data[start:end] for start, end in pairwise(edges))


@given(wav=recordings())
def test_what_is_written_is_read_again(wav: Wav) -> None:
    assert parse(write(wav)) == wav


@given(wav=recordings(), cuts=st.lists(st.integers(0, 160), max_size=12), known=st.booleans())
def test_a_header_is_stripped_however_the_stream_is_cut(
    wav: Wav, cuts: list[int], *, known: bool
) -> None:
    length = len(wav.data) if known else None
    stream = header(wav.fmt, length, channels=wav.channels) + wav.data
    stripper = WavStripper()
    audio = b"".join(stripper.feed(piece) for piece in pieces(stream, cuts)) + stripper.flush()
    assert (audio, stripper.fmt, stripper.channels) == (wav.data, wav.fmt, wav.channels)


@given(data=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60), max_size=6))
def test_a_stream_without_a_header_passes_as_it_is(data: bytes, cuts: list[int]) -> None:
    stripper = WavStripper()
    data = b"RI" + data.removeprefix(b"FF")
    audio = b"".join(stripper.feed(piece) for piece in pieces(data, cuts)) + stripper.flush()
    assert (audio, stripper.fmt) == (data, None)


@given(cuts=st.lists(st.integers(0, 120), max_size=8))
def test_chunks_that_mean_nothing_to_us_are_skipped(cuts: list[int]) -> None:
    whole = write(Wav(PCM, b"abcd"))
    odd = b"LIST" + struct.pack("<I", 3) + b"xyz\0"
    stream = whole[:36] + odd + whole[36:] + b"LIST" + struct.pack("<I", 2) + b"ok"
    stripper = WavStripper()
    assert b"".join(stripper.feed(piece) for piece in pieces(stream, cuts)) == b"abcd"


def test_the_standard_library_reads_our_pcm() -> None:
    file = write(Wav(PCM, bytes(range(200)), 2))
    with wave.open(io.BytesIO(file)) as reader:
        assert reader.getparams()[:4] == (2, 2, 24000, 50)
        assert reader.readframes(50) == bytes(range(200))


def test_an_extensible_header_is_read() -> None:
    guid = struct.pack("<H", 1) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    body = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 0) + guid
    file = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", len(body)) + body + b"data\2\0\0\0ab"
    assert parse(file) == Wav(AudioFormat(Encoding.PCM16, 8000), b"ab")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"ID3 mp3", "not a WAV file"),
        (b"RIFF\0\0\0\0AVI LIST", "its RIFF form is b'AVI '"),
        (b"RIFF\0\0\0\0WAVEdata\2\0\0\0ab", "no 'fmt ' chunk"),
        (b"RIFF\0\0\0\0WAVEfmt \4\0\0\0abcd", "has 4 bytes"),
        (header(PCM, 2)[:30], "ends before its audio"),
        (header(PCM, 2).replace(b"\1\0\1\0", b"\3\0\1\0"), "WAV format 3 with 16 bits"),
        (b"RIFF\0\0\0\0WAVELIST\xff\xff\xff\x7f", "longer than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(file: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(file)


@given(
    frames=st.lists(st.tuples(st.binary(min_size=2, max_size=2), st.binary(min_size=2, max_size=2)))
)
def test_a_channel_can_be_taken_alone(frames: list[tuple[bytes, bytes]]) -> None:
    both = Wav(PCM, b"".join(left + right for left, right in frames), 2)
    assert both.channel(0) == b"".join(left for left, _ in frames)
    assert both.channel(1) == b"".join(right for _, right in frames)


@pytest.mark.requirement("B.6")
@given(data=st.binary(max_size=64), cuts=st.lists(st.integers(0, 64)), width=st.integers(1, 4))
def test_odd_bytes_wait_for_the_rest_of_their_sample(
    data: bytes, cuts: list[int], width: int
) -> None:
    aligner = Aligner(width)
    aligned = [aligner.feed(piece) for piece in pieces(data, cuts)]
    assert all(len(piece) % width == 0 for piece in aligned)
    assert b"".join(aligned) + aligner.rest == data
    assert len(aligner.rest) < width
