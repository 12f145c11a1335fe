"""Messages and settings of Realtime transcription sessions."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import attrs
import pytest
from dialog_openai.realtime import protocol as wire
from dialog_openai.realtime.intake import Gate, Intake
from dialog_openai.realtime.settings import RealtimeSettings
from dialog_openai.testing.realtime_checks import read_configuration

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, Encoding
from dialog_core.errors import ProviderProtocolError
from dialog_core.fields import Secret
from dialog_core.language import in_language
from dialog_core.resilience.replay import ReplayBuffer

ALAW = AudioFormat(Encoding.ALAW, 8000)
PCM24 = AudioFormat(Encoding.PCM16, 24_000)
PCM16 = AudioFormat(Encoding.PCM16, 16_000)


def settings(**options: Any) -> RealtimeSettings:
    return RealtimeSettings(**{"api_key": Secret("k"), **options})


def heard(fmt: AudioFormat = TELEPHONE, **options: Any) -> dict[str, Any]:
    """The part of a configuration that is about input, which the strict fake accepts."""
    message = json.loads(wire.configure(settings(**options), Intake(fmt).declared))
    read_configuration(message["session"])
    inside: dict[str, Any] = message["session"]["audio"]["input"]
    return inside


@pytest.mark.requirement("A.27")
@pytest.mark.parametrize(
    ("fmt", "declared"),
    [
        (TELEPHONE, {"type": "audio/pcmu"}),
        (ALAW, {"type": "audio/pcma"}),
        (PCM24, {"type": "audio/pcm", "rate": 24_000}),
        (PCM16, {"type": "audio/pcm", "rate": 24_000}),
    ],
)
def test_each_line_s_format_is_declared(fmt: AudioFormat, declared: dict[str, Any]) -> None:
    assert heard(fmt)["format"] == declared


@pytest.mark.requirement("A.27")
def test_server_vad_takes_all_its_options() -> None:
    inside = heard(
        turn_detection="server_vad", threshold=0.6, prefix_padding_ms=200, silence_duration_ms=350
    )
    assert inside["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.6,
        "prefix_padding_ms": 200,
        "silence_duration_ms": 350,
    }


@pytest.mark.requirement("A.27")
def test_semantic_vad_takes_its_eagerness() -> None:
    inside = heard(turn_detection="semantic_vad", eagerness="low")
    assert inside["turn_detection"] == {"type": "semantic_vad", "eagerness": "low"}


def test_detection_is_switched_off_in_words() -> None:
    assert heard()["turn_detection"] is None


@pytest.mark.requirement("A.27")
@pytest.mark.parametrize("field", ["near_field", "far_field"])
def test_noise_is_reduced_for_near_and_far_fields(field: str) -> None:
    assert heard(noise_reduction=field)["noise_reduction"] == {"type": field}


@pytest.mark.requirement("A.27")
def test_model_prompt_and_language_reach_the_vendor() -> None:
    told = heard(model="gpt-4o-transcribe", prompt="order numbers", language="en")
    assert told["transcription"] == {
        "model": "gpt-4o-transcribe",
        "prompt": "order numbers",
        "language": "en",
    }


def test_what_only_some_models_take_reaches_them() -> None:
    lists = heard(model="gpt-transcribe", languages=("de", "en"), keywords=("Tisch",))
    assert lists["transcription"]["languages"] == ["de", "en"]
    assert lists["transcription"]["keywords"] == ["Tisch"]
    assert heard(model="gpt-realtime-whisper", delay="low")["transcription"]["delay"] == "low"


@pytest.mark.requirement("D.39")
def test_the_agent_s_language_becomes_an_iso_code() -> None:
    assert in_language(settings(), "pt-BR").language == "pt"
    assert in_language(settings(language="de"), "pt-BR").language == "de"
    listing = settings(model="gpt-transcribe", languages=("de",))
    assert in_language(listing, "pt-BR").language is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"api_key": None}, "api_key is missing"),
        ({"threshold": 0.5}, "threshold has no effect with turn_detection 'none'"),
        ({"turn_detection": "semantic_vad", "silence_duration_ms": 300}, "no effect"),
        ({"eagerness": "high"}, "eagerness has no effect"),
        ({"turn_detection": "semantic_vad", "prefix_padding_ms": 300}, "no effect"),
        ({"turn_detection": "vad"}, "none, server_vad, semantic_vad"),
        ({"model": "gpt-live-transcribe", "turn_detection": "server_vad"}, "set turn_detection"),
        ({"languages": ("de",)}, "need model gpt-transcribe"),
        ({"keywords": ("x",)}, "need model gpt-transcribe"),
        ({"delay": "low"}, "needs model gpt-realtime-whisper"),
        ({"model": "gpt-realtime-whisper", "prompt": "x"}, "prompt has no effect"),
        (
            {"model": "gpt-transcribe", "language": "de", "languages": ("en",)},
            "exclude each other",
        ),
        ({"voice_events": True}, "voice_events need turn_detection"),
        ({"noise_reduction": "near"}, "near_field, far_field"),
        ({"reconnect_window": 4.0}, "must be longer than first_result"),
        ({"prefix_padding_ms": 1500, "replay": 1.0}, "replay must be longer"),
        ({"url": "wss://api.openai.com/v1"}, "http or https"),
    ],
)
def test_settings_say_what_is_wrong(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**wrong)


def test_a_server_of_one_s_own_needs_no_key() -> None:
    assert RealtimeSettings(url="http://whisper:8000/v1").api_key is None


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.metadata["help"] for field in attrs.fields(RealtimeSettings))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            '{"type":"input_audio_buffer.committed","item_id":"a","previous_item_id":null,"x":1}',
            wire.Committed("a"),
        ),
        ('{"type":"session.updated","session":{}}', wire.SessionUpdated()),
        ('{"type":"rate_limits.updated","rate_limits":[]}', wire.Unknown("rate_limits.updated")),
        (
            (
                '{"type":"conversation.item.input_audio_transcription.delta","item_id":"a",'
                '"content_index":0,"delta":"x","logprobs":null}'
            ),
            wire.Delta("a", "x"),
        ),
    ],
)
def test_messages_are_read(data: str, message: wire.Message | wire.Unknown) -> None:
    assert wire.parse(data) == message


@pytest.mark.parametrize(
    "data",
    ["{", "[]", '"x"', "{}", '{"type":3}', '{"type":"input_audio_buffer.committed"}', b"\xff"],
)
def test_what_cannot_be_read_is_the_vendor_s_fault(data: str | bytes) -> None:
    with pytest.raises(ProviderProtocolError):
        wire.parse(data)


def test_audio_is_sent_as_base64() -> None:
    message = json.loads(wire.append(b"\xff\x00\x7f"))
    assert message["type"] == "input_audio_buffer.append"
    assert b64decode(message["audio"]) == b"\xff\x00\x7f"


def test_other_rates_are_resampled_and_keep_their_length() -> None:
    intake = Intake(PCM16)
    audio = b"".join(intake.take(PCM16.silence(0.02)) for _ in range(50))
    assert PCM24.seconds(len(audio)) == pytest.approx(1.0, abs=0.005)


def frames(*, until: float) -> list[AudioFrame]:
    count = round(until / 0.02)
    return [AudioFrame(number * 0.02, TELEPHONE.silence(0.02)) for number in range(count)]


def test_only_speech_and_the_moment_before_it_pass_the_gate() -> None:
    buffer = ReplayBuffer(TELEPHONE, 10.0)
    gate = Gate(buffer, lead=0.3)
    for frame in frames(until=5.0):
        gate.feed(frame)
    assert buffer.take() is None
    gate.open(4.8)
    sent = buffer.take()
    assert sent is not None
    assert sent.at == pytest.approx(4.5, abs=0.021)
    gate.close()
    gate.feed(AudioFrame(5.0, TELEPHONE.silence(0.02)))
    assert buffer.take() is None
