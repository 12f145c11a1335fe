from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from dialog_cartesia.attribution import Attribution
from dialog_cartesia.protocol import (
    Chunk,
    Done,
    Failure,
    FlushDone,
    PhonemeTimestamps,
    Timestamps,
    Unknown,
    WordTimes,
    build_cancel,
    build_end,
    build_text,
    context_of,
    error_for,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut, Encoding
from dialog_core.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from dialog_core.speech.words import is_pronounceable, spaced

FIELDS = {"model_id": "sonic-3", "language": "en"}


def wire(kind: str, **fields: Any) -> str:
    common = {"type": kind, "context_id": "c1", "status_code": 206, "done": False}
    return json.dumps({**common, **fields})


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (wire("chunk", data="/38=", step_time=12.3, flush_id=1), Chunk("c1", b"\xff\x7f", 1)),
        (wire("chunk", data=""), Chunk("c1", b"")),
        (wire("flush_done", flush_done=True, flush_id=1), FlushDone("c1", 1)),
        (wire("done"), Done("c1")),
        (
            wire("timestamps", word_timestamps={"words": ["Hi"], "start": [0], "end": [0.4]}),
            Timestamps("c1", WordTimes(["Hi"], [0.0], [0.4])),
        ),
        (wire("timestamps", word_timestamps=None), Timestamps("c1")),
        (wire("phoneme_timestamps", phoneme_timestamps={}), PhonemeTimestamps("c1")),
        (wire("visemes", visemes=[]), Unknown("visemes", "c1")),
        ('{"type":"session"}', Unknown("session")),
    ],
)
def test_every_message_is_read(raw: str, message: object) -> None:
    assert parse(raw) == message
    assert parse(raw.encode()) == message


def test_both_shapes_of_errors_are_read() -> None:
    new = parse(
        '{"type":"error","done":true,"title":"Invalid model","message":"no such","error_code":'
        '"model_not_found","doc_url":"d","request_id":"r","status_code":400,"context_id":"c1"}'
    )
    old = parse('{"type":"error","done":true,"error":"Invalid model: no such","status_code":400}')
    assert isinstance(new, Failure)
    assert isinstance(old, Failure)
    assert (new.text, new.request_id) == ("model_not_found: Invalid model: no such", "r")
    assert (old.text, old.context_id) == ("Invalid model: no such", None)


def test_an_error_without_anything_is_still_an_error() -> None:
    assert parse('{"type":"error","done":true}') == Failure()
    assert Failure().text == "no reason given"


@pytest.mark.parametrize(
    "raw",
    [
        "{not json",
        "[]",
        "{}",
        b"\xff\xfe",
        wire("chunk"),
        wire("chunk", data="***"),
        wire("chunk", data=7),
        wire("timestamps", word_timestamps={"words": ["a"], "start": [], "end": [1]}),
    ],
)
def test_what_cannot_be_read_is_the_vendors_fault(raw: str | bytes) -> None:
    with pytest.raises(ProviderProtocolError):
        parse(raw)


def test_an_unreadable_message_still_names_its_context_if_it_can() -> None:
    assert context_of(wire("chunk", data="***")) == "c1"
    assert context_of("{not json") is None


@given(st.binary(max_size=2000))
def test_audio_survives_the_wire(data: bytes) -> None:
    assert parse(wire("chunk", data=b64encode(data).decode())) == Chunk("c1", data)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(ProviderProtocolError):
        parse(text)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRejected),
        (401, ProviderRejected),
        (402, ProviderRejected),
        (429, ProviderUnavailable),
        (500, ProviderUnavailable),
        (None, ProviderUnavailable),
    ],
)
def test_a_status_says_whether_to_try_again(status: int | None, kind: type[Exception]) -> None:
    assert type(error_for(status, "why")) is kind


def test_text_says_that_more_follows_and_asks_for_a_boundary() -> None:
    assert msgspec.json.decode(build_text(FIELDS, "c1", "Hello, ")) == {
        **FIELDS,
        "context_id": "c1",
        "transcript": "Hello, ",
        "continue": True,
        "flush": True,
    }


def test_the_end_repeats_the_fields_without_text() -> None:
    end = msgspec.json.decode(build_end(FIELDS, "c1"))
    assert end == {**FIELDS, "context_id": "c1", "transcript": "", "continue": False}


def test_a_cancel_names_only_the_context() -> None:
    assert msgspec.json.decode(build_cancel("c1")) == {"context_id": "c1", "cancel": True}


@pytest.mark.parametrize(
    ("text", "sent"),
    [("Hello.", "Hello. "), ("Hello. ", "Hello. "), ("Hello.\n", "Hello.\n"), ("你好。", "你好。")],
)
def test_words_of_two_submissions_never_touch(text: str, sent: str) -> None:
    assert spaced(text) == sent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi", True),
        ("7", True),
        ("€", True),
        ("你", True),
        ("...", False),
        (" —!", False),
        ("", False),
    ],
)
def test_only_text_with_something_to_say_is_sent(text: str, *, expected: bool) -> None:
    assert is_pronounceable(text) is expected


# --- attribution


def started(*texts: str, fmt: AudioFormat = TELEPHONE) -> Attribution:
    attribution = Attribution(1, fmt)
    for index, text in enumerate(texts):
        attribution.add(index, text)
    attribution.begin()
    while attribution.next_text() is not None:
        pass
    return attribution


def test_a_flush_closes_one_segment_and_audio_goes_to_the_next() -> None:
    attribution = started("One. ", "Two. ")
    assert attribution.audio(b"11") == (AudioOut(1, 0, b"11"),)
    assert attribution.flush(ended=True) == (AudioOut(1, 0, b"", last=True),)
    assert attribution.audio(b"22") == (AudioOut(1, 1, b"22"),)


def test_a_second_flush_without_new_audio_is_informational() -> None:
    attribution = started("One. ", "Two. ")
    attribution.audio(b"11")
    attribution.flush(ended=False)
    assert attribution.flush(ended=False) == ()


def test_the_newest_segment_waits_for_done_once_no_more_text_follows() -> None:
    attribution = started("One. ")
    attribution.audio(b"11")
    assert attribution.flush(ended=True) == ()
    assert attribution.audio(b"12") == (AudioOut(1, 0, b"12"),)
    assert attribution.complete() == (AudioOut(1, 0, b"", last=True),)


def test_a_second_take_skips_what_was_handed_on_and_shifts_the_words() -> None:
    attribution = started("One. ", "Two three. ")
    attribution.audio(bytes(8000))
    attribution.flush(ended=False)
    attribution.times(WordTimes(["Two"], [1.0], [1.4]))
    attribution.audio(bytes(4000))
    attribution.begin()
    assert attribution.next_text() == "Two three. "
    attribution.times(WordTimes(["Two", "three."], [0.0, 0.5], [0.4, 0.9]))
    assert attribution.audio(bytes(4000)) == ()
    [piece] = attribution.audio(bytes(800))
    assert [(word.text, word.start) for word in piece.words] == [("three.", 1.5)]
    assert len(piece.data) == 800


def test_text_that_got_no_audio_is_lacking() -> None:
    attribution = started("One. ", "Two. ")
    assert attribution.is_lacking(over=True)
    attribution.audio(b"11")
    assert not attribution.is_lacking(over=True)
    attribution.flush(ended=True)
    assert attribution.is_lacking(over=True)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.data())
def test_however_audio_is_cut_each_segment_gets_its_own_whole_samples(
    sizes: list[int], data: st.DataObject
) -> None:
    fmt = AudioFormat(Encoding.PCM16, 8000)
    attribution = started(*(f"Segment {index}. " for index in range(len(sizes))), fmt=fmt)
    pieces: list[AudioOut] = []
    for index, size in enumerate(sizes):
        rest = bytes([index]) * size * 2
        while rest:
            cut = data.draw(st.integers(1, len(rest)))
            pieces += attribution.audio(rest[:cut])
            rest = rest[cut:]
        pieces += attribution.flush(ended=False)
    pieces += attribution.complete()
    assert [each.index for each in pieces if each.last] == list(range(len(sizes)))
    assert all(len(each.data) % 2 == 0 for each in pieces)
    for index, size in enumerate(sizes):
        assert b"".join(p.data for p in pieces if p.index == index) == bytes([index]) * size * 2
