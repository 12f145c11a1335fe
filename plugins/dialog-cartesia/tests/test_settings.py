from __future__ import annotations

from typing import Any

import pytest
from dialog_cartesia import dialog_tts
from dialog_cartesia.protocol import generation, handshake_headers
from dialog_cartesia.settings import RESERVED, CartesiaSettings

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.fields import Secret


def new(**changes: Any) -> CartesiaSettings:
    return CartesiaSettings(**{"api_key": Secret("sk_car_x"), "voice": "v1", **changes})


def test_the_plugin_offers_one_text_to_speech() -> None:
    [factory] = dialog_tts()
    assert (factory.name, factory.settings) == ("cartesia", CartesiaSettings)


def test_the_key_does_not_show_in_the_settings() -> None:
    assert "sk_car_x" not in repr(new())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api_key": Secret("")}, "must not be empty"),
        ({"voice": ""}, "must not be empty"),
        ({"url": "https://api.cartesia.ai"}, "must begin with wss:// or ws://"),
        ({"url": "ws://api.cartesia.ai"}, "must use wss://"),
        ({"version": "latest"}, "must be a date"),
        ({"speed": 2.0}, "at most 1.5"),
        ({"volume": 0.1}, "at least 0.5"),
        ({"max_buffer_delay_ms": 6000}, "at most 5000"),
        ({"connect_timeout": 0}, "more than 0"),
        ({"contexts": 0}, "at least 1"),
        ({"options": {"voice": {}, "transcript": "x"}}, "may not hold transcript, voice"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_do(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        new(**changes)


@pytest.mark.parametrize(
    "changes",
    [{"speed": 1.2}, {"volume": 1.5}, {"emotion": "calm"}, {"pronunciation_dict_id": "d"}],
)
def test_controls_of_sonic_3_are_refused_for_older_models(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs model sonic-3 or later, not 'sonic-2'"):
        new(model="sonic-2", **changes)
    assert new(model="sonic-3.5", **changes)


def test_a_plain_socket_to_another_host_is_allowed() -> None:
    assert new(url="ws://127.0.0.1:9000").url == "ws://127.0.0.1:9000"


@pytest.mark.requirement("A.28")
def test_headers_may_be_added_and_overridden() -> None:
    headers = handshake_headers(new(headers={"X-Trace": "t", "Cartesia-Version": "2026-08-14"}))
    assert headers == {
        "authorization": "Bearer sk_car_x",
        "cartesia-version": "2026-08-14",
        "x-trace": "t",
    }


@pytest.mark.requirement("A.28", "D.34")
def test_options_pass_through_beside_what_the_settings_say() -> None:
    settings = new(
        language="en", speed=1.1, emotion="calm", options={"use_normalized_timestamps": True}
    )
    assert generation(settings, TELEPHONE) == {
        "model_id": "sonic-3",
        "voice": {"mode": "id", "id": "v1"},
        "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
        "language": "en",
        "max_buffer_delay_ms": 0,
        "add_timestamps": True,
        "generation_config": {"speed": 1.1, "emotion": "calm"},
        "use_normalized_timestamps": True,
    }


def test_no_option_can_take_a_reserved_name() -> None:
    assert set(generation(new(speed=1.0, pronunciation_dict_id="d"), TELEPHONE)) <= RESERVED


@pytest.mark.parametrize(
    ("encoding", "rate", "name"),
    [
        (Encoding.MULAW, 8000, "pcm_mulaw"),
        (Encoding.ALAW, 8000, "pcm_alaw"),
        (Encoding.PCM16, 24000, "pcm_s16le"),
    ],
)
def test_the_lines_own_format_is_asked_for(encoding: Encoding, rate: int, name: str) -> None:
    output = generation(new(), AudioFormat(encoding, rate))["output_format"]
    assert output == {"container": "raw", "encoding": name, "sample_rate": rate}
