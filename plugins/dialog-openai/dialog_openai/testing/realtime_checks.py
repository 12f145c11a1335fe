"""What the fake of the Realtime API refuses: configurations that OpenAI's server would refuse too (pure).

Source: OpenAI's API reference, "Realtime client events": "session.update" of a transcription session.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from dialog_core.audio import AudioFormat, Encoding
from dialog_openai.testing.http import BadRequest, need

__all__ = ["Configuration", "read_configuration"]

PCM = AudioFormat(Encoding.PCM16, 24000)
FORMATS = {
    "audio/pcm": PCM,
    "audio/pcmu": AudioFormat(Encoding.MULAW, 8000),
    "audio/pcma": AudioFormat(Encoding.ALAW, 8000),
}
LIVE = ("gpt-live-transcribe", "gpt-realtime-whisper")
LISTING = ("gpt-transcribe", "gpt-live-transcribe")
LOGPROBS = "item.input_audio_transcription.logprobs"
INPUT = frozenset({"format", "noise_reduction", "transcription", "turn_detection"})
TRANSCRIPTION = frozenset({"model", "language", "languages", "keywords", "prompt", "delay"})
SERVER_VAD = frozenset(
    {"type", "threshold", "prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms"}
)
SEMANTIC_VAD = frozenset({"type", "eagerness"})
IGNORED = frozenset({"create_response", "interrupt_response"})
EAGERNESS = {"high": 0.4, "auto": 0.7, "medium": 0.7, "low": 1.2}
"""Seconds of silence after which the fake believes that a turn is over; the server looks at the words as well."""


@attrs.frozen
class Configuration:
    """How a session is to listen."""

    fmt: AudioFormat = PCM
    is_live: bool = False
    """The model transcribes while the caller speaks."""
    detects: bool = True
    """The server cuts turns."""
    silence: float = 0.5
    """Seconds of silence that end a turn."""
    padding: float = 0.3
    """Seconds before speech that belong to it."""
    logprobs: bool = False


def read_configuration(session: Any) -> Configuration:
    """The configuration of a transcription session. Raises: BadRequest."""
    need(isinstance(session, dict), "Missing required parameter: 'session'.")
    need(session.get("type") == "transcription", "Passing 'session.type' is required.")
    need(session.keys() <= {"type", "audio", "include"}, "Unknown parameter in 'session'.")
    audio = session.get("audio", {})
    need(isinstance(audio, dict) and audio.keys() <= {"input"}, "Unknown parameter: 'audio'.")
    heard = audio.get("input", {})
    need(isinstance(heard, dict) and heard.keys() <= INPUT, "Unknown parameter: 'audio.input'.")
    include = session.get("include", [])
    need(isinstance(include, list) and set(include) <= {LOGPROBS}, "Invalid 'include'.")
    check_noise_reduction(heard.get("noise_reduction"))
    model = read_model(heard.get("transcription"))
    is_live = model.startswith(LIVE)
    detection = heard.get("turn_detection", {"type": "server_vad"})
    need(detection is None or not is_live, f"model {model} takes no turn_detection")
    return attrs.evolve(
        read_detection(detection),
        fmt=read_format(heard.get("format", {"type": "audio/pcm", "rate": 24000})),
        is_live=is_live,
        logprobs=bool(include),
    )


def read_format(fmt: Any) -> AudioFormat:
    """An object with a type; a rate beside PCM alone."""
    need(isinstance(fmt, dict), "Invalid type for 'format': expected an object.")
    kind = fmt.get("type")
    need(kind in FORMATS, f"Invalid value: '{kind}'.")
    if kind == "audio/pcm":
        need(fmt.get("rate") == PCM.rate, "rate must be 24000")
    else:
        need(fmt.keys() == {"type"}, "Unknown parameter: 'format.rate'.")
    return FORMATS[kind]


def read_model(transcription: Any) -> str:
    """The model, whose options fit it."""
    need(isinstance(transcription, dict), "Missing required parameter: 'transcription'.")
    need(transcription.keys() <= TRANSCRIPTION, "Unknown parameter: 'transcription'.")
    model = transcription.get("model")
    need(isinstance(model, str) and model, "Missing required parameter: 'model'.")
    language = transcription.get("language")
    need(language is None or (isinstance(language, str) and language.isalpha()), "bad language")
    lists = transcription.keys() & {"languages", "keywords"}
    need(not lists or str(model).startswith(LISTING), f"model {model} takes no lists")
    whispers = str(model).startswith("gpt-realtime-whisper")
    need("delay" not in transcription or whispers, f"model {model} takes no delay")
    need("prompt" not in transcription or not whispers, f"model {model} takes no prompt")
    return str(model)


def check_noise_reduction(reduction: Any) -> None:
    """Near, far or none."""
    if reduction is None:
        return
    need(isinstance(reduction, dict), "Invalid type for 'noise_reduction'.")
    need(reduction.get("type") in {"near_field", "far_field"}, "Invalid 'noise_reduction'.")


def read_detection(detection: Any) -> Configuration:
    """Who cuts turns."""
    if detection is None:
        return Configuration(detects=False)
    need(isinstance(detection, Mapping), "Invalid type for 'turn_detection'.")
    match detection.get("type"):
        case "server_vad":
            need(detection.keys() <= SERVER_VAD | IGNORED, "Unknown parameter: 'turn_detection'.")
            need(0 <= detection.get("threshold", 0.5) <= 1, "threshold must be in 0..1")
            silence = detection.get("silence_duration_ms", 500) / 1000
            padding = detection.get("prefix_padding_ms", 300) / 1000
            return Configuration(silence=silence, padding=padding)
        case "semantic_vad":
            known = SEMANTIC_VAD | IGNORED
            need(detection.keys() <= known, "Unknown parameter: 'turn_detection'.")
            eagerness = detection.get("eagerness", "auto")
            need(eagerness in EAGERNESS, f"Invalid value: '{eagerness}'.")
            return Configuration(silence=EAGERNESS[eagerness])
        case other:
            raise BadRequest(f"Invalid value: '{other}'.")
