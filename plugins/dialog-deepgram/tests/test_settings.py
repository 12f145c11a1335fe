from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest
from dialog_deepgram import dialog_stt
from dialog_deepgram.checks import Options, check
from dialog_deepgram.request import check_format, headers, listen_url
from dialog_deepgram.settings import FLUX_ONLY, LIVE_ONLY, DeepgramSettings

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.errors import SettingsError
from dialog_core.fields import Secret

KEY = Secret("k")
FLUX = "flux-general-en"

LIVE_VALUES: dict[str, Any] = {
    "language": "en-US",
    "version": "latest",
    "interim_results": True,
    "endpointing": 500,
    "utterance_end_ms": 1500,
    "vad_events": True,
    "smart_format": True,
    "punctuate": True,
    "numerals": True,
    "dictation": True,
    "profanity_filter": True,
    "diarize_model": "latest",
    "detect_entities": True,
    "keyterms": ("Acme corp", "Jane"),
    "redact": ("pci", "ssn"),
    "replace": ("um:uh",),
    "search": ("refund",),
    "tag": ("front", "desk"),
    "extra": ("tenant:7",),
    "mip_opt_out": True,
}
NAMES = {"keyterms": "keyterm", "keywords": "keywords", "language_hints": "language_hint"}


def settings(**options: Any) -> DeepgramSettings:
    return DeepgramSettings(api_key=KEY, **options)


def query(chosen: DeepgramSettings) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(listen_url(chosen, TELEPHONE)).query)


@pytest.mark.requirement("A.26")
@pytest.mark.parametrize("name", LIVE_VALUES)
def test_every_live_option_is_passed_through(name: str) -> None:
    value = LIVE_VALUES[name]
    sent = query(settings(**{name: value}))
    written = value if isinstance(value, tuple) else (value,)
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in written]
    assert [text for key, text in sent if key == NAMES.get(name, name)] == texts


@pytest.mark.requirement("A.26")
def test_the_vendor_accepts_all_live_options_together() -> None:
    sent = tuple(query(settings(**LIVE_VALUES)))
    assert isinstance(check({"authorization": "Token k"}, sent, key="k", flux=False), Options)


def test_every_flux_option_is_passed_through() -> None:
    chosen = settings(
        model="flux-general-multi",
        eot_threshold=0.8,
        eager_eot_threshold=0.4,
        eot_timeout_ms=3000,
        keyterms=("Acme",),
        language_hints=("en", "es"),
        redact=("numbers",),
        tag=("x",),
        numerals=True,
        profanity_filter=True,
        mip_opt_out=True,
    )
    sent = tuple(query(chosen))
    assert isinstance(check({"authorization": "Token k"}, sent, key="k", flux=True), Options)
    assert ("eot_threshold", "0.8") in sent
    assert [text for key, text in sent if key == "language_hint"] == ["en", "es"]


def test_the_defaults_suit_a_phone_agent() -> None:
    sent = dict(query(settings()))
    assert sent["endpointing"] == "300"
    assert sent["interim_results"] == "true"
    assert sent["utterance_end_ms"] == "1000"
    assert (sent["encoding"], sent["sample_rate"]) == ("mulaw", "8000")


@pytest.mark.parametrize(
    ("model", "path"),
    [("nova-3", "/v1/listen"), ("nova-2-phonecall", "/v1/listen"), (FLUX, "/v2/listen")],
)
def test_the_model_chooses_the_interface(model: str, path: str) -> None:
    assert urlsplit(listen_url(settings(model=model), TELEPHONE)).path == path


def test_audio_is_sent_as_the_line_has_it() -> None:
    pcm = AudioFormat(Encoding.PCM16, 16000)
    sent = dict(parse_qsl(urlsplit(listen_url(settings(), pcm)).query))
    assert (sent["encoding"], sent["sample_rate"]) == ("linear16", "16000")


LIVE_ODD: dict[str, Any] = {
    "language": "en",
    "version": "x",
    "interim_results": False,
    "endpointing": 500,
    "utterance_end_ms": 1500,
    "vad_events": False,
    "smart_format": True,
    "punctuate": False,
    "dictation": True,
    "diarize": True,
    "diarize_model": "v1",
    "detect_entities": True,
    "keywords": ("a",),
    "replace": ("a:b",),
    "search": ("a",),
    "extra": ("a:b",),
    "keepalive": 3.0,
    "finalize_wait": 0.4,
}
FLUX_ODD = {"eot_threshold": 0.8, "eager_eot_threshold": 0.5, "eot_timeout_ms": 3000}


@pytest.mark.parametrize("name", LIVE_ONLY)
def test_an_option_of_v1_is_refused_with_flux(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has no effect with model 'flux-general-en'"):
        settings(model=FLUX, **{name: LIVE_ODD[name]})


@pytest.mark.parametrize("name", FLUX_ONLY)
def test_an_option_of_v2_is_refused_with_nova(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has no effect with model 'nova-3'"):
        settings(**{name: FLUX_ODD[name]})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"keywords": ("a",)}, "use keyterms"),
        ({"model": "nova-2", "keyterms": ("a",)}, "use keywords"),
        ({"interim_results": False, "utterance_end_ms": 1000}, "needs interim_results"),
        ({"utterance_end_ms": 500}, "at least 1000"),
        ({"diarize": True, "diarize_model": "v1"}, "exclude each other"),
        ({"diarize_model": "v2"}, "must be one of v1, latest"),
        ({"language_hints": ("en",)}, "language 'multi'"),
        ({"model": FLUX, "language_hints": ("en",)}, "flux-general-multi"),
        ({"model": FLUX, "redact": ("pci",)}, "numbers"),
        ({"url": "https://api.deepgram.com"}, "ws:// or wss://"),
        ({"url": "wss://api.deepgram.com?model=x"}, "settings of their own"),
        ({"keyterms": (" ",)}, "empty entry"),
        ({"token": Secret("t")}, "exclude each other"),
        ({"reconnect_window": 5.0}, "longer than first_result"),
    ],
)
def test_what_would_not_work_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        settings(**options)


def test_all_problems_between_settings_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"api_key is missing.*use keyterms"):
        DeepgramSettings(keywords=("a",))


def test_a_weight_does_not_become_part_of_a_keyterm() -> None:
    sent = query(settings(keyterms=("Acme corp:2.5", "ratio 1:2:-3")))
    assert [text for key, text in sent if key == "keyterm"] == ["Acme corp", "ratio 1:2"]


def test_keywords_keep_their_weight() -> None:
    sent = query(settings(model="nova-2", keywords=("Acme:2.5",)))
    assert ("keywords", "Acme:2.5") in sent


def test_switched_off_options_are_not_sent_or_sent_as_false() -> None:
    sent = dict(query(settings(interim_results=False, endpointing=0, vad_events=False)))
    assert sent["endpointing"] == "false"
    assert "utterance_end_ms" not in sent
    assert "vad_events" not in sent


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"api_key": Secret("abc")}, {"authorization": "Token abc"}),
        ({"token": Secret("jwt")}, {"authorization": "Bearer jwt"}),
        ({"url": "ws://stt.internal:8080"}, {}),
    ],
)
def test_credentials_go_into_the_header(auth: dict[str, Any], header: dict[str, str]) -> None:
    assert headers(DeepgramSettings(**auth)) == header


def test_flux_refuses_a_sample_rate_that_it_does_not_have() -> None:
    with pytest.raises(SettingsError, match="11025 Hz"):
        check_format(settings(model=FLUX), AudioFormat(Encoding.PCM16, 11025))


def test_every_setting_is_explained() -> None:
    for field in attrs.fields(DeepgramSettings):
        assert field.metadata["help"]


def test_the_hook_offers_one_component() -> None:
    (factory,) = dialog_stt()
    assert (factory.name, factory.settings) == ("deepgram", DeepgramSettings)


@pytest.mark.requirement("D.35")
def test_formatting_speakers_the_utterances_end_and_weighted_keywords_reach_the_vendor() -> None:
    chosen = settings(
        model="nova-2", smart_format=True, diarize=True, utterance_end_ms=1500, keywords=("Acme:2",)
    )
    wanted = {"smart_format": "true", "diarize": "true", "utterance_end_ms": "1500"}
    assert wanted.items() | {("keywords", "Acme:2")} <= set(query(chosen))


@pytest.mark.requirement("D.34")
@pytest.mark.parametrize("model", ["nova-3", FLUX])
def test_options_that_have_no_setting_are_sent_as_they_are(model: str) -> None:
    assert ("summarize", "v2") in query(settings(model=model, options={"summarize": "v2"}))


@pytest.mark.parametrize("name", ["model", "encoding", "keyterm"])
def test_an_option_cannot_override_what_has_a_setting(name: str) -> None:
    with pytest.raises(ValueError, match=f"may not hold {name}"):
        settings(options={name: "x"})
