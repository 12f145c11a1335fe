"""Every message of the multi-context socket, both ways, against the vendor's documentation: no SDK speaks it."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from dialog_elevenlabs.attribution import Attribution
from dialog_elevenlabs.protocol import (
    CLOSE_SOCKET,
    Alignment,
    Audio,
    Failure,
    Final,
    Message,
    Unknown,
    build_close,
    build_keepalive,
    build_open,
    build_text,
    context_of,
    error_for,
    parse,
    refusal,
)
from dialog_elevenlabs.settings import ElevenLabsSettings
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import TELEPHONE, AudioFormat, AudioOut, Encoding
from dialog_core.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from dialog_core.fields import Secret
from dialog_core.messages import PLAIN, Manner


def new(**changes: Any) -> ElevenLabsSettings:
    return ElevenLabsSettings(**{"api_key": Secret("xi-test"), "voice": "v1", **changes})


# --- what we send


@pytest.mark.requirement("A.29", "D.37")
@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (build_open(new(), "r1", PLAIN), {"text": " ", "context_id": "r1"}),
        (
            build_open(
                new(
                    stability=0.5,
                    similarity_boost=0.75,
                    style=0.0,
                    use_speaker_boost=True,
                    speed=1.0,
                    auto_mode=False,
                    chunk_length_schedule=(120, 160),
                    pronunciation_dictionaries={"d1": "v2"},
                ),
                "r1",
                PLAIN,
            ),
            {
                "text": " ",
                "context_id": "r1",
                "voice_settings": {
                    "stability": 0.5,
                    "similarity_boost": 0.75,
                    "style": 0.0,
                    "use_speaker_boost": True,
                    "speed": 1.0,
                },
                "generation_config": {"chunk_length_schedule": [120, 160]},
                "pronunciation_dictionary_locators": [
                    {"pronunciation_dictionary_id": "d1", "version_id": "v2"}
                ],
            },
        ),
        (
            build_open(new(), "r1", Manner(speed=0.9)),
            {"text": " ", "context_id": "r1", "voice_settings": {"speed": 0.9}},
        ),
        (
            build_text("r1", 'Say "hi" '),
            {"text": 'Say "hi" ', "context_id": "r1", "flush": True},
        ),
        (build_keepalive("r1"), {"text": "", "context_id": "r1"}),
        (build_close("r1"), {"context_id": "r1", "close_context": True}),
        (CLOSE_SOCKET, {"close_socket": True}),
    ],
)
def test_every_message_of_ours_is_as_documented(message: str, wire: dict[str, Any]) -> None:
    assert json.loads(message) == wire


# --- what the server sends

HI = {"chars": ["H", "i"], "charStartTimesMs": [0, 60], "charDurationsMs": [60, 80]}
SPELT_AGAIN = {"chars": ["H", "i"], "charsStartTimesMs": [0, 60], "charsDurationsMs": [60, 80]}
TIMES = Alignment(("H", "i"), (0.0, 0.06), (0.06, 0.14))


@pytest.mark.parametrize(
    ("wire", "messages"),
    [
        (
            {"audio": "/38=", "contextId": "r1", "isFinal": None, "alignment": HI},
            (Audio("r1", b"\xff\x7f", TIMES),),
        ),
        (
            {"audio": "/38=", "context_id": "r1", "isFinal": False, "alignment": SPELT_AGAIN},
            (Audio("r1", b"\xff\x7f", TIMES),),
        ),
        (
            {"audio": "/38=", "contextId": "r1", "alignment": None, "normalizedAlignment": HI},
            (Audio("r1", b"\xff\x7f"),),
        ),
        ({"isFinal": True, "contextId": "r1"}, (Final("r1"),)),
        ({"is_final": True, "context_id": "r1"}, (Final("r1"),)),
        ({"audio": None, "isFinal": True, "contextId": "r1"}, (Final("r1"),)),
        (
            {"audio": "/38=", "isFinal": True, "contextId": "r1"},
            (Audio("r1", b"\xff\x7f"), Final("r1")),
        ),
        ({"audio": None, "isFinal": None, "contextId": "r1"}, ()),
        ({"audio": "", "contextId": "r1"}, ()),
        (
            {"message": "Have not received", "error": "input_timeout_exceeded", "code": 1008},
            (Failure(None, "input_timeout_exceeded", "Have not received"),),
        ),
        (
            {"error": "voice_not_found", "contextId": "r1"},
            (Failure("r1", "voice_not_found"),),
        ),
        ({"contextId": "r1", "visemes": []}, (Unknown("r1", "contextId, visemes"),)),
    ],
)
def test_every_message_of_the_servers_is_read(
    wire: dict[str, Any], messages: tuple[Message, ...]
) -> None:
    assert parse(json.dumps(wire)) == messages
    assert parse(json.dumps(wire).encode()) == messages


@pytest.mark.parametrize(
    "raw",
    [
        "{not json",
        "[]",
        b"\xff\xfe",
        '{"audio": "***", "contextId": "r1"}',
        '{"audio": 7}',
        '{"audio": "/38=", "alignment": {"chars": ["a"], "charStartTimesMs": [], "charDurationsMs": [1]}}',
        '{"audio": "/38=", "alignment": {"chars": ["a"]}}',
    ],
)
def test_what_cannot_be_read_is_the_vendors_fault(raw: str | bytes) -> None:
    with pytest.raises(ProviderProtocolError):
        parse(raw)


def test_an_unreadable_message_still_names_its_context_if_it_can() -> None:
    assert context_of('{"audio": "***", "contextId": "r1"}') == "r1"
    assert context_of('{"audio": "***", "context_id": "r1"}') == "r1"
    assert context_of("{not json") is None


@given(st.binary(min_size=1, max_size=2000))
def test_audio_survives_the_wire(data: bytes) -> None:
    wire = json.dumps({"audio": b64encode(data).decode(), "contextId": "r1"})
    assert parse(wire) == (Audio("r1", data),)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(ProviderProtocolError):
        parse(text)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("input_timeout_exceeded", ProviderUnavailable),
        ("system_busy", ProviderUnavailable),
        ("something_new", ProviderUnavailable),
        ("invalid_input_message", ProviderRejected),
        ("quota_exceeded", ProviderRejected),
        ("detected_unusual_activity", ProviderRejected),
    ],
)
def test_an_errors_word_says_whether_to_try_again(word: str, kind: type[Exception]) -> None:
    assert type(error_for(word)) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, {"detail": {"status": "invalid_api_key", "message": "m"}}, ProviderRejected, "key"),
        (404, {"detail": {"status": "voice_not_found"}}, ProviderRejected, "voice_not_found"),
        (422, {"detail": [{"loc": ["query"], "msg": "m"}]}, ProviderRejected, "refused"),
        (429, {"detail": {"status": "system_busy"}}, ProviderUnavailable, "system_busy"),
        (429, {"detail": {"status": "quota_exceeded"}}, ProviderRejected, "quota_exceeded"),
        (503, {}, ProviderUnavailable, "refused"),
        (500, "not an object", ProviderUnavailable, "refused"),
    ],
)
def test_a_refused_handshake_has_the_vendors_reason(
    status: int, body: object, kind: type[Exception], said: str
) -> None:
    error = refusal(status, json.dumps(body).encode())
    assert type(error) is kind
    assert said in str(error)
    assert error.status == status


# --- which segment audio belongs to


def times_of(text: str, unit: float) -> list[tuple[str, float, float]]:
    return [(letter, at * unit, (at + 1) * unit) for at, letter in enumerate(text)]


def aligned(letters: list[tuple[str, float, float]], origin: float) -> Alignment:
    return Alignment(
        tuple(letter for letter, _, _ in letters),
        tuple(start - origin for _, start, _ in letters),
        tuple(end - origin for _, _, end in letters),
    )


@given(
    texts=st.lists(st.from_regex(r"\A[a-z]{1,6}( [a-z]{1,6}){0,2}\.\Z"), min_size=1, max_size=4),
    cuts=st.lists(st.integers(min_value=1, max_value=4000), max_size=8),
    width=st.sampled_from([TELEPHONE, AudioFormat(Encoding.PCM16, 8000)]),
)
def test_however_chunks_are_cut_each_segment_gets_its_own_audio(
    texts: list[str], cuts: list[int], width: AudioFormat
) -> None:
    unit = 0.02
    attribution = Attribution(1, width)
    for index, text in enumerate(texts):
        attribution.add(index, f"{text} ")
    attribution.begin()
    while (part := attribution.following()) is not None:
        attribution.submit(part)
    letters = times_of("".join(f"{text} " for text in texts), unit)
    sound = bytes(number % 251 for number in range(width.nbytes(len(letters) * unit)))
    bounds = sorted({0, len(sound), *(cut for cut in cuts if cut < len(sound))})
    pieces: list[AudioOut] = []
    for start, end in pairwise(bounds):
        low, high = start / width.bytes_per_second, end / width.bytes_per_second
        here = [each for each in letters if low <= each[1] < high]
        pieces += attribution.audio(sound[start:end], aligned(here, low) if here else None)
    assert not attribution.is_lacking
    pieces += attribution.complete()
    assert b"".join(piece.data for piece in pieces) == sound
    assert [piece.index for piece in pieces if piece.last] == list(range(len(texts)))
    for index, text in enumerate(texts):
        got = b"".join(piece.data for piece in pieces if piece.index == index)
        # A chunk may cut a sample, and then its times are known to half a sample only.
        assert abs(len(got) - width.nbytes((len(text) + 1) * unit)) <= 2 * width.width
    words = [word for piece in pieces for word in piece.words]
    assert [word.text for word in words] == " ".join(texts).split()
    moments = [moment for word in words for moment in (word.start, word.end)]
    assert moments == sorted(moments)


def test_letters_that_the_vendor_loses_leave_no_segment_without_an_end() -> None:
    attribution = Attribution(1, TELEPHONE)
    attribution.add(0, "One. ")
    attribution.add(1, "Two. ")
    attribution.begin()
    while (part := attribution.following()) is not None:
        attribution.submit(part)
    sounding = attribution.audio(bytes(800), aligned(times_of("On Two", 0.02), 0.0))
    pieces = (*sounding, *attribution.complete())
    assert [piece.index for piece in pieces if piece.last] == [0, 1]


def test_after_a_loss_what_was_handed_on_is_skipped() -> None:
    attribution = Attribution(1, TELEPHONE)
    attribution.add(0, "One. ")
    attribution.begin()
    part = attribution.following()
    assert part is not None
    attribution.submit(part)
    [first] = attribution.audio(b"abc", None)
    attribution.begin()
    again = attribution.following()
    assert again is part
    attribution.submit(part)
    [second] = attribution.audio(b"abcdef", None)
    assert first.data + second.data == b"abcdef"
