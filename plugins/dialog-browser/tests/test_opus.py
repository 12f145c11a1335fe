from __future__ import annotations

import numpy as np
import pytest
from dialog_browser.protocol import Config
from dialog_browser.socket import new_codec
from dialog_browser.sound import Plain
from dialog_browser.testing import open_stage
from hypothesis import given, settings
from hypothesis import strategies as st

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.protocols import Line

av = pytest.importorskip("av", reason="the extra dialog-browser[opus] is not installed")

from dialog_browser.opus import OpusEncoder  # noqa: E402 - needs the extra

WIDE = AudioFormat(Encoding.PCM16, 16_000)


def tone(samples: int) -> bytes:
    time = np.arange(samples) / WIDE.rate
    return (16_000 * np.sin(2 * np.pi * 440 * time)).astype("<i2").tobytes()


def decoded(packets: list[bytes]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Samples at 48 kHz, by another decoder than the browser's."""
    decoder = av.CodecContext.create("opus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet))]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def test_what_is_encoded_sounds_as_loud_and_as_high_and_takes_a_tenth() -> None:
    encoder = OpusEncoder(WIDE.rate)
    packets = [*encoder.encode(tone(16_000)), *encoder.finish()]
    sound = decoded(packets)[4800:43_200]
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) * 48_000 / sound.size == pytest.approx(440, abs=2)
    assert np.sqrt((sound**2).mean()) == pytest.approx(16_000 / 32_768 / 2**0.5, rel=0.1)
    assert sum(map(len, packets)) < 32_000 / 5


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=8))
def test_however_audio_is_cut_finishing_sends_all_of_it_and_the_look_ahead(
    sizes: list[int],
) -> None:
    encoder = OpusEncoder(WIDE.rate)
    packets = [packet for size in sizes for packet in encoder.encode(tone(size))]
    packets += encoder.finish()
    needed = sum(sizes) + 104 if sum(sizes) else 0
    assert len(packets) == -(-needed // 320)


def test_what_is_forgotten_is_not_sent() -> None:
    encoder = OpusEncoder(WIDE.rate)
    assert encoder.encode(tone(300)) == []
    encoder.forget()
    assert len(encoder.encode(tone(320))) == 1


def test_opus_is_chosen_only_where_the_page_can_play_it() -> None:
    assert isinstance(new_codec(Config(48_000, ("opus", "pcm16")), WIDE), OpusEncoder)
    assert isinstance(new_codec(Config(48_000, ("pcm16",)), WIDE), Plain)
    assert isinstance(new_codec(Config(48_000, ("mp3",)), WIDE), Plain)


@pytest.mark.anyio
@pytest.mark.requirement("D.14")
async def test_a_page_that_asks_for_opus_gets_packets_and_its_marks_after_them() -> None:
    async def answer(line: Line) -> None:
        await line.play(tone(4000))
        await line.mark("end")
        async for _ in line.events():
            pass

    config = {"type": "config", "rate": 48_000, "codecs": ["opus", "pcm16"]}
    async with open_stage(answer, rate=16_000) as stage, stage.call(config=config) as page:
        await page.answered()
        await page.silent(0.1)
    assert page.session["codec"] == "opus"
    assert decoded(page.binary).size == 13 * 960
    assert page.told("mark") == [{"type": "mark", "id": 1}]
