from __future__ import annotations

from typing import Any

import pytest
from dialog_together import dialog_stt, dialog_tts
from dialog_together.settings import TogetherSttSettings, TogetherTtsSettings

from dialog_core.fields import Secret
from dialog_core.language import in_language

KEY = Secret("tg-test")


def test_the_plugin_offers_a_recogniser_and_a_voice() -> None:
    [stt], [tts] = dialog_stt(), dialog_tts()
    assert (stt.name, stt.settings) == ("together", TogetherSttSettings)
    assert (tts.name, tts.settings) == ("together", TogetherTtsSettings)


def test_the_key_does_not_show_in_the_settings() -> None:
    assert "tg-test" not in repr(TogetherSttSettings(api_key=KEY))
    assert "tg-test" not in repr(TogetherTtsSettings(api_key=KEY))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api_key": Secret("")}, "must not be empty"),
        ({"model": ""}, "must not be empty"),
        ({"sample_rate": 44100}, "one of 8000, 16000, 24000"),
        ({"turn_detection": "semantic"}, "one of none, server_vad"),
        ({"threshold": 0.4}, "set turn_detection = 'server_vad'"),
        ({"turn_detection": "server_vad", "threshold": 2}, "at most 1"),
        ({"url": "https://api.together.ai/v1"}, "must begin with wss:// or ws://"),
        ({"settle_wait": 0}, "more than 0"),
    ],
)
def test_a_wrong_value_of_the_recognisers_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TogetherSttSettings(**{"api_key": KEY, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api_key": Secret("")}, "must not be empty"),
        ({"voice": ""}, "must not be empty"),
        ({"completion": 0}, "more than 0"),
        ({"max_partial_length": 0}, "at least 1"),
    ],
)
def test_a_wrong_value_of_the_voices_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TogetherTtsSettings(**{"api_key": KEY, **changes})


def test_the_agents_language_is_told_to_the_recogniser() -> None:
    assert in_language(TogetherSttSettings(api_key=KEY), "pt-BR").language == "pt"
