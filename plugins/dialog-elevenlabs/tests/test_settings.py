from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from dialog_elevenlabs import dialog_tts
from dialog_elevenlabs.protocol import handshake_headers, socket_path, voice_settings
from dialog_elevenlabs.settings import ElevenLabsSettings

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.fields import Secret
from dialog_core.language import in_language
from dialog_core.messages import PLAIN, Manner


def new(**changes: Any) -> ElevenLabsSettings:
    return ElevenLabsSettings(**{"api_key": Secret("xi-test"), "voice": "v1", **changes})


def query_of(settings: ElevenLabsSettings, fmt: AudioFormat = TELEPHONE) -> dict[str, list[str]]:
    return parse_qs(urlsplit(socket_path(settings, fmt)).query)


def test_the_plugin_offers_one_text_to_speech() -> None:
    [factory] = dialog_tts()
    assert (factory.name, factory.settings) == ("elevenlabs", ElevenLabsSettings)


def test_the_key_does_not_show_in_the_settings() -> None:
    assert "xi-test" not in repr(new())


@pytest.mark.requirement("D.37")
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("stability", 0.0, 1.0),
        ("similarity_boost", 0.0, 1.0),
        ("style", 0.0, 1.0),
        ("speed", 0.7, 1.2),
    ],
)
def test_voice_settings_have_the_vendors_own_ranges(name: str, low: float, high: float) -> None:
    for value in (low, high):
        assert voice_settings(new(**{name: value}), PLAIN) == {name: value}
    for value in (low - 0.01, high + 0.01):
        with pytest.raises(ValueError, match=r"must be at (least|most)"):
            new(**{name: value})
        with pytest.raises(ValueError, match=f"{name} must be from {low} to {high}"):
            new(moods={"odd": {name: value}})


@pytest.mark.requirement("D.37")
@pytest.mark.parametrize("boost", [True, False])
def test_the_speaker_boost_is_sent_as_it_is_set(*, boost: bool) -> None:
    assert voice_settings(new(use_speaker_boost=boost), PLAIN) == {"use_speaker_boost": boost}


def test_what_is_left_out_stays_as_the_voice_has_it() -> None:
    assert voice_settings(new(), PLAIN) == {}


@pytest.mark.requirement("D.38")
def test_a_mood_changes_what_it_names_and_leaves_the_rest() -> None:
    settings = new(stability=0.6, speed=0.9, moods={"merry": {"stability": 0.2, "style": 0.5}})
    assert voice_settings(settings, Manner(mood="merry")) == {
        "stability": 0.2,
        "style": 0.5,
        "speed": 0.9,
    }
    assert voice_settings(settings, Manner(speed=1.1, mood="unknown")) == {
        "stability": 0.6,
        "speed": 1.1,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api_key": Secret("")}, "must not be empty"),
        ({"voice": "a/../b"}, "must be the id of a voice"),
        ({"model": "eleven_v3"}, "must be a model with a WebSocket"),
        ({"model": ""}, "must be a model with a WebSocket"),
        ({"language": "english"}, "ISO 639-1"),
        ({"language": "de", "model": "eleven_multilingual_v2"}, "finds the language in the text"),
        ({"url": "https://api.elevenlabs.io"}, "must begin with wss:// or ws://"),
        ({"chunk_length_schedule": (20,), "auto_mode": False}, "numbers from 50 to 500"),
        ({"chunk_length_schedule": (120,)}, "has no effect with auto_mode"),
        ({"moods": {"odd": {"volume": 1.0}}}, "may hold stability"),
        ({"query": {"output_format": "mp3_44100_128"}}, "may not hold output_format"),
        ({"keepalive": 60.0}, "must be less than inactivity_timeout"),
        ({"inactivity_timeout": 181}, "at most 180"),
        ({"seed": -1}, "at least 0"),
        ({"text_normalization": "maybe"}, "one of auto, on, off"),
        ({"contexts": 0}, "at least 1"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_do(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        new(**changes)


@pytest.mark.requirement("A.29")
def test_address_parameters_and_headers_may_be_overridden() -> None:
    settings = new(
        query={"authorization": "token"}, headers={"X-Trace": "t", "xi-api-key": "another"}
    )
    assert handshake_headers(settings) == {"xi-api-key": "another", "x-trace": "t"}
    assert query_of(settings)["authorization"] == ["token"]


@pytest.mark.requirement("A.29")
def test_the_voice_is_in_the_address_and_options_are_its_parameters() -> None:
    settings = new(language="de", seed=7, logging=False, ssml=True, text_normalization="off")
    assert urlsplit(socket_path(settings, TELEPHONE)).path == (
        "/v1/text-to-speech/v1/multi-stream-input"
    )
    assert query_of(settings) == {
        "model_id": ["eleven_flash_v2_5"],
        "output_format": ["ulaw_8000"],
        "auto_mode": ["true"],
        "sync_alignment": ["true"],
        "inactivity_timeout": ["60"],
        "apply_text_normalization": ["off"],
        "enable_logging": ["false"],
        "enable_ssml_parsing": ["true"],
        "language_code": ["de"],
        "seed": ["7"],
    }


@pytest.mark.parametrize(
    ("fmt", "name"),
    [
        (TELEPHONE, "ulaw_8000"),
        (AudioFormat(Encoding.ALAW, 8000), "alaw_8000"),
        (AudioFormat(Encoding.PCM16, 8000), "pcm_8000"),
        (AudioFormat(Encoding.PCM16, 24000), "pcm_24000"),
    ],
)
def test_the_lines_own_format_is_asked_for(fmt: AudioFormat, name: str) -> None:
    assert query_of(new(), fmt)["output_format"] == [name]


def test_the_agents_language_is_told_to_models_that_take_one() -> None:
    assert in_language(new(), "pt-BR").language == "pt"
    assert in_language(new(model="eleven_multilingual_v2"), "pt-BR").language is None
