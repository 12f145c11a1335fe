"""Every message of both sockets, both ways, against the vendor's reference: no SDK speaks the speech socket."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from dialog_together import listen_protocol as listen
from dialog_together import speak_protocol as speak
from dialog_together.failures import Failure, connect_error, error_for
from dialog_together.settings import TogetherSttSettings, TogetherTtsSettings
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import (
    HandshakeRefused,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    SocketClosed,
)
from dialog_core.fields import Secret

KEY = Secret("tg-test")
TRANSCRIPTION = "conversation.item.input_audio_transcription"


# --- what we send


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (
            listen.build_append(b"\x01\x02"),
            {"type": "input_audio_buffer.append", "audio": "AQI="},
        ),
        (listen.COMMIT, {"type": "input_audio_buffer.commit"}),
        (listen.CLEAR, {"type": "input_audio_buffer.clear"}),
        (listen.build_echo(1), {"type": "echo", "echo_id": 1}),
        (
            speak.build_append('Say "hi". '),
            {"type": "input_text_buffer.append", "text": 'Say "hi". '},
        ),
        (speak.COMMIT, {"type": "input_text_buffer.commit"}),
        (speak.CLEAR, {"type": "input_text_buffer.clear"}),
    ],
)
def test_every_message_of_ours_is_as_documented(message: str, wire: dict[str, Any]) -> None:
    assert json.loads(message) == wire


def test_the_recognisers_address_and_headers_are_as_documented() -> None:
    settings = TogetherSttSettings(
        api_key=KEY,
        language="de",
        turn_detection="server_vad",
        threshold=0.4,
        min_silence_duration_ms=400,
        max_speech_duration_s=8.0,
        headers={"X-Trace": "t"},
        query={"prompt": "acme"},
    )
    url = urlsplit(listen.socket_url(settings))
    assert (url.scheme, url.netloc, url.path) == ("wss", "api.together.ai", "/v1/realtime")
    assert parse_qs(url.query) == {
        "model": ["openai/whisper-large-v3"],
        "input_audio_format": ["pcm_s16le_16000"],
        "turn_detection": ["server_vad"],
        "language": ["de"],
        "threshold": ["0.4"],
        "min_silence_duration_ms": ["400"],
        "max_speech_duration_s": ["8.0"],
        "prompt": ["acme"],
    }
    assert listen.handshake_headers(settings) == {
        "authorization": "Bearer tg-test",
        "openai-beta": "realtime=v1",
        "x-trace": "t",
    }


def test_the_voices_address_and_headers_are_as_documented() -> None:
    settings = TogetherTtsSettings(api_key=KEY, voice="af_bella", max_partial_length=100)
    url = urlsplit(speak.socket_url(settings))
    assert url.path == "/v1/audio/speech/websocket"
    assert parse_qs(url.query) == {
        "model": ["hexgrad/Kokoro-82M"],
        "voice": ["af_bella"],
        "max_partial_length": ["100"],
    }
    assert speak.handshake_headers(settings) == {"authorization": "Bearer tg-test"}


@pytest.mark.requirement("B.21")
def test_a_key_with_quotes_and_blanks_around_it_is_trimmed_in_both_handshakes() -> None:
    key = Secret(' "tg-test" ')
    hears, speaks = TogetherSttSettings(api_key=key), TogetherTtsSettings(api_key=key)
    assert listen.handshake_headers(hears)["authorization"] == "Bearer tg-test"
    assert speak.handshake_headers(speaks)["authorization"] == "Bearer tg-test"


# --- what the recogniser sends


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ({"type": "session.created", "session": {"id": "s"}}, listen.Created()),
        ({"type": "transcription_session.updated", "session": {}}, listen.Configured()),
        (
            {"type": f"{TRANSCRIPTION}.delta", "item_id": "i", "delta": "The quick"},
            listen.Delta("i", "The quick"),
        ),
        (
            {"type": f"{TRANSCRIPTION}.delta", "transcript": "The quick"},
            listen.Delta(None, None, "The quick"),
        ),
        (
            {
                "type": f"{TRANSCRIPTION}.completed",
                "item_id": "i",
                "transcript": "The quick fox.",
                "start": 0.0,
                "duration": 1.9,
                "logprobs": {"avg_logprob": -0.1},
            },
            listen.Completed("i", "The quick fox."),
        ),
        (
            {
                "type": f"{TRANSCRIPTION}.failed",
                "item_id": "i",
                "event_type": "completed",
                "error": {"message": "m", "type": "t", "param": None, "code": "c"},
            },
            listen.Failed("i", "completed", Failure("m", "t", "c")),
        ),
        (
            {"type": f"{TRANSCRIPTION}.failed", "error": {"code": "invalid_api_key"}},
            listen.Failed(None, None, Failure(code="invalid_api_key")),
        ),
        ({"type": "error", "error": {"message": "m"}}, listen.Erred(Failure("m"))),
        ({"type": "error", "error": "m"}, listen.Erred("m")),
        ({"type": "echo.response", "echo_id": 1}, listen.Echo()),
        ({"type": "input_audio_buffer.processed", "processed_ms": 1900}, listen.Processed()),
        (
            {"type": f"{TRANSCRIPTION}.end_of_turn", "transcript": "x"},
            listen.Unknown(f"{TRANSCRIPTION}.end_of_turn"),
        ),
    ],
)
def test_every_message_of_the_recognisers_is_read(
    wire: dict[str, Any], message: listen.Message
) -> None:
    assert listen.parse(json.dumps(wire)) == message


def test_a_failure_of_an_utterance_is_told_from_one_of_the_session() -> None:
    assert not listen.Failed("i", "completed").is_fatal
    assert listen.Failed("i").is_fatal


# --- what the voice sends


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ({"type": "session.created", "session": {"voice": "af_heart"}}, speak.Created()),
        ({"type": "tts_session.updated", "session": {}}, speak.Updated()),
        (
            {"type": "conversation.item.input_text.received", "text": "Hi. "},
            speak.Received("Hi. "),
        ),
        (
            {
                "type": "conversation.item.audio_output.delta",
                "item_id": "tts_1",
                "delta": "AQI=",
            },
            speak.Audio(b"\x01\x02", "tts_1"),
        ),
        (
            {"type": "conversation.item.audio_output.done", "item_id": "tts_1"},
            speak.Done("tts_1"),
        ),
        (
            {"type": "conversation.item.tts.failed", "error": {"message": "m", "code": "c"}},
            speak.Failed(Failure("m", None, "c")),
        ),
        ({"type": "error", "error": {"message": "m"}}, speak.Erred(Failure("m"))),
        ({"type": "conversation.item.visemes"}, speak.Unknown("conversation.item.visemes")),
    ],
)
def test_every_message_of_the_voices_is_read(wire: dict[str, Any], message: speak.Message) -> None:
    assert speak.parse(json.dumps(wire)) == message


@pytest.mark.parametrize("raw", ["{not json", "[]", "{}", b"\xff\xfe", '{"type": 7}'])
def test_what_cannot_be_read_is_the_vendors_fault(raw: str | bytes) -> None:
    for parse in (listen.parse, speak.parse):
        with pytest.raises(ProviderProtocolError):
            parse(raw)


def test_a_known_message_in_a_wrong_shape_is_the_vendors_fault() -> None:
    with pytest.raises(ProviderProtocolError, match="is malformed"):
        listen.parse(json.dumps({"type": f"{TRANSCRIPTION}.delta", "delta": 7}))
    with pytest.raises(ProviderProtocolError, match="is malformed"):
        speak.parse('{"type": "conversation.item.audio_output.delta", "delta": "***"}')


@given(st.binary(max_size=2000))
def test_audio_survives_the_wire(data: bytes) -> None:
    delta = b64encode(data).decode()
    wire = {"type": "conversation.item.audio_output.delta", "delta": delta, "item_id": "i"}
    assert speak.parse(json.dumps(wire)) == speak.Audio(data, "i")
    assert json.loads(listen.build_append(data))["audio"] == delta


@given(st.text())
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (listen.parse, speak.parse):
        with suppress(ProviderProtocolError):
            parse(text)


# --- whose fault it is


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure("m", "invalid_request_error", "x"), ProviderRejected),
        (Failure("m", None, "invalid_api_key"), ProviderRejected),
        (Failure("m", None, "model_not_available"), ProviderRejected),
        (Failure("Unsupported format pcm_s16le_8000"), ProviderRejected),
        (Failure("m", "server_error", "internal_error"), ProviderUnavailable),
        (Failure("m", None, "no_healthy_workers"), ProviderUnavailable),
        (Failure(), ProviderUnavailable),
    ],
)
def test_an_error_says_whether_to_try_again(failure: Failure, kind: type[Exception]) -> None:
    assert type(error_for(failure, stage="stt")) is kind


def test_a_refused_handshake_has_the_vendors_reason() -> None:
    body = b'{"error": {"message": "Invalid API key provided", "code": "invalid_api_key"}}'
    error = connect_error(HandshakeRefused(401, {}, body), stage="tts")
    assert isinstance(error, ProviderRejected)
    assert "Invalid API key provided" in str(error)
    assert isinstance(
        connect_error(HandshakeRefused(503, {}, b"x"), stage="tts"), ProviderUnavailable
    )
    assert isinstance(connect_error(SocketClosed(4503), stage="stt"), ProviderUnavailable)
