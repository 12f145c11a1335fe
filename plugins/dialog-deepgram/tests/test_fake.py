"""What the fake hears and refuses; that it does so as Deepgram does is for the certification."""

from __future__ import annotations

import pytest
from dialog_deepgram import protocol as wire
from dialog_deepgram.checks import Options, Refusal, check
from dialog_deepgram.recogniser import FluxRecogniser, LiveRecogniser

from dialog_core.audio import TELEPHONE, AudioFormat, Encoding
from dialog_core.testing.hearing import Ear

VOICE = {
    Encoding.MULAW: b"\x90\x10",
    Encoding.ALAW: b"\xaa\x2a",
    Encoding.PCM16: b"\x00\x40\x00\xc0",
}
AUTH = {"authorization": "Token k"}
LIVE = {"model": "nova-3", "encoding": "mulaw", "sample_rate": "8000"}
SCRIPT = ("I want to cancel", "my old order")


def voice(fmt: AudioFormat, seconds: float) -> bytes:
    pattern = VOICE[fmt.encoding]
    return pattern * (fmt.nbytes(seconds) // len(pattern))


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("seconds", [0.1, 0.7, 1.5, 4.0])
def test_each_stretch_of_voice_says_the_next_phrase_whole(
    encoding: Encoding, seconds: float
) -> None:
    fmt = AudioFormat(encoding, 8000)
    recogniser = LiveRecogniser(Options(fmt, endpointing=0.3), Ear(fmt, SCRIPT))
    audio = (voice(fmt, seconds) + fmt.silence(1.0)) * 2
    results = [each for each in recogniser.hear(audio) if isinstance(each, wire.Results)]
    said = [each.channel.alternatives[0].transcript for each in results if each.is_final]
    assert [text for text in said if text] == list(SCRIPT)


@pytest.mark.parametrize("size", [1, 7, 160, 333, 5000])
def test_how_the_audio_was_cut_does_not_matter(size: int) -> None:
    audio = (voice(TELEPHONE, 1.0) + TELEPHONE.silence(1.0)) * 2
    options = Options(TELEPHONE, interim_results=True, endpointing=0.3, utterance_end=1.0)
    whole = list(LiveRecogniser(options, Ear(TELEPHONE, SCRIPT)).hear(audio))
    recogniser = LiveRecogniser(options, Ear(TELEPHONE, SCRIPT))
    pieces = [audio[start : start + size] for start in range(0, len(audio), size)]
    assert [message for piece in pieces for message in recogniser.hear(piece)] == whole


def test_a_short_pause_does_not_end_a_phrase() -> None:
    audio = (voice(TELEPHONE, 0.5) + TELEPHONE.silence(0.1)) * 2 + TELEPHONE.silence(1.0)
    recogniser = FluxRecogniser(Options(TELEPHONE), Ear(TELEPHONE, SCRIPT))
    turns = [each for each in recogniser.hear(audio) if isinstance(each, wire.TurnInfo)]
    ended = [each.transcript for each in turns if each.event == wire.Event.END]
    assert ended == ["I want to cancel"]


def test_flux_ends_a_turn_on_command() -> None:
    recogniser = FluxRecogniser(Options(TELEPHONE), Ear(TELEPHONE, SCRIPT))
    list(recogniser.hear(voice(TELEPHONE, 0.5)))
    (ended,) = recogniser.obey(wire.ForceEndTurn())
    assert isinstance(ended, wire.TurnInfo)
    assert ended.trigger == "manual"


@pytest.mark.parametrize(
    "options",
    [
        {"punctuate": "True"},
        {"sentiment": "true"},
        {"encoding": "pcm"},
        {"sample_rate": "fast"},
        {"endpointing": "soon"},
        {"utterance_end_ms": "1000"},
        {"utterance_end_ms": "500", "interim_results": "true"},
        {"model": "nova-2", "keyterm": "a"},
        {"keywords": "a"},
        {"model": "flux-general-en"},
        {"channels": "2"},
        {"diarize_model": "v2"},
    ],
)
def test_what_deepgram_refuses_is_refused(options: dict[str, str]) -> None:
    judged = check(AUTH, tuple({**LIVE, **options}.items()), key="k", flux=False)
    assert isinstance(judged, Refusal)
    assert judged.status == 400


@pytest.mark.parametrize("missing", LIVE)
def test_what_deepgram_needs_is_demanded(missing: str) -> None:
    given = tuple((name, text) for name, text in LIVE.items() if name != missing)
    assert isinstance(check(AUTH, given, key="k", flux=False), Refusal)


@pytest.mark.parametrize("option", ["language", "interim_results", "endpointing", "vad_events"])
def test_flux_has_no_options_of_v1(option: str) -> None:
    query = (*{**LIVE, "model": "flux-general-en"}.items(), (option, "true"))
    judged = check(AUTH, query, key="k", flux=True)
    assert isinstance(judged, Refusal)


@pytest.mark.parametrize("header", ["", "k", "Token wrong", "Basic k"])
def test_wrong_credentials_are_refused(header: str) -> None:
    judged = check({"authorization": header}, tuple(LIVE.items()), key="k", flux=False)
    assert isinstance(judged, Refusal)
    assert judged.status == 401


@pytest.mark.parametrize(
    ("flux", "wrong"),
    [
        (False, {"model": "nova-9"}),
        (False, {"language_hint": "es"}),
        (False, {"model": "nova-2", "language": "multi", "language_hint": "es"}),
        (True, {"model": "flux-general-xx"}),
        (True, {"model": "flux-general-en", "language_hint": "es"}),
        (True, {"model": "flux-general-en", "redact": "pci"}),
    ],
)
def test_models_and_what_they_do_not_take_are_refused(flux: bool, wrong: dict[str, str]) -> None:
    query = tuple((LIVE | wrong).items())
    refused = check(AUTH, query, key="k", flux=flux)
    assert isinstance(refused, Refusal)
    assert refused.status == 400


def test_options_given_twice_are_refused_unless_they_are_lists() -> None:
    twice = check(AUTH, (*LIVE.items(), ("model", "nova-2")), key="k", flux=False)
    assert isinstance(twice, Refusal)
    terms = (*LIVE.items(), ("keyterm", "a"), ("keyterm", "b"))
    assert isinstance(check(AUTH, terms, key="k", flux=False), Options)
