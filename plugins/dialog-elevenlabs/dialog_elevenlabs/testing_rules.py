"""What the fake refuses: the rules of the vendor's handshake and messages.

Source: ElevenLabs docs, "Multi-Context WebSocket", "WebSocket", "Error messages", "Models".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from dialog_core.audio import AudioFormat, Encoding

__all__ = ["FORMATS", "denial", "problem"]

PCM_RATES = (8000, 16000, 22050, 24000, 44100)
FORMATS = {
    "ulaw_8000": AudioFormat(Encoding.MULAW, 8000),
    "alaw_8000": AudioFormat(Encoding.ALAW, 8000),
    **{f"pcm_{rate}": AudioFormat(Encoding.PCM16, rate) for rate in PCM_RATES},
}
"""What the fake speaks; the real one's default is MP3, which no telephone plays."""
MODELS = re.compile(r"eleven_(flash_v2|flash_v2_5|turbo_v2|turbo_v2_5|multilingual_v2)")
ENFORCING = re.compile(r"eleven_(flash|turbo)_v2_5")
BOOLEANS = ("true", "false")
QUERY = {
    "model_id": MODELS,
    "language_code": re.compile(r"[a-z]{2}"),
    "output_format": re.compile("|".join(FORMATS)),
    "enable_logging": re.compile("true|false"),
    "enable_ssml_parsing": re.compile("true|false"),
    "inactivity_timeout": re.compile(r"[1-9]\d?|1[0-7]\d|180"),
    "sync_alignment": re.compile("true|false"),
    "auto_mode": re.compile("true|false"),
    "apply_text_normalization": re.compile("auto|on|off"),
    "seed": re.compile(r"\d{1,10}"),
}
FIRST_ONLY = ("voice_settings", "generation_config", "pronunciation_dictionary_locators")
FIELDS = {
    "text": str,
    "context_id": str,
    "flush": bool,
    "close_context": bool,
    "close_socket": bool,
    "try_trigger_generation": bool,
    "voice_settings": dict,
    "generation_config": dict,
    "pronunciation_dictionary_locators": list,
    "xi_api_key": str,
}
RANGES = {
    "stability": (0.0, 1.0),
    "similarity_boost": (0.0, 1.0),
    "style": (0.0, 1.0),
    "speed": (0.7, 1.2),
}
CHUNK_LENGTHS = range(50, 501)


def denial(socket: WebSocket, api_key: str, voices: frozenset[str]) -> Response | None:
    """The response that refuses a handshake, None if it is right."""
    if socket.headers.get("xi-api-key") != api_key:
        return refused(401, "invalid_api_key", "Invalid API key")
    if voices and socket.path_params["voice"] not in voices:
        return refused(404, "voice_not_found", "A voice with that id does not exist")
    wrong = wrong_parameter(socket.query_params)
    if wrong is not None:
        return refused(400, "invalid_parameter", wrong)
    return None


def refused(status: int, word: str, message: str) -> Response:
    """An error in the vendor's form."""
    return JSONResponse({"detail": {"status": word, "message": message}}, status)


def wrong_parameter(query: QueryParams) -> str | None:
    """What is wrong with the address."""
    for name, value in query.multi_items():
        pattern = QUERY.get(name)
        if pattern is not None and pattern.fullmatch(value) is None:
            return f"{name} must not be {value!r}"
    if query.get("output_format") not in FORMATS:
        return "output_format is MP3, which this fake does not speak"
    model = query.get("model_id", "")
    if "language_code" in query and ENFORCING.fullmatch(model) is None:
        return f"model {model!r} does not support language_code"
    return None


def problem(request: Mapping[str, Any], *, first: bool) -> str | None:
    """What is wrong with a message. first: it begins a context."""
    for name, value in request.items():
        kind = FIELDS.get(name)
        if kind is None:
            return f"{name} is not a field"
        # The vendor's own client writes null for voice settings it has none of.
        if value is not None and not isinstance(value, kind):
            return f"{name} has the wrong type"
    if first:
        return wrong_settings(request)
    late = [name for name in FIRST_ONLY if name in request]
    return f"{late[0]} may only be in the first message" if late else None


def wrong_settings(request: Mapping[str, Any]) -> str | None:
    """What is wrong with a first message."""
    if request.get("text") != " ":
        return "the first message must be a single blank"
    chosen = request.get("voice_settings") or {}
    unknown = chosen.keys() - RANGES.keys() - {"use_speaker_boost"}
    if unknown:
        return f"voice_settings has no {min(unknown)}"
    for name, (low, high) in RANGES.items():
        value = chosen.get(name)
        if value is not None and not low <= value <= high:
            return f"{name} must be from {low} to {high}"
    config = request.get("generation_config") or {}
    lengths = config.get("chunk_length_schedule", [])
    if config.keys() - {"chunk_length_schedule"}:
        return "generation_config holds a chunk_length_schedule only"
    if any(length not in CHUNK_LENGTHS for length in lengths):
        return "chunk_length_schedule must hold numbers from 50 to 500"
    for locator in request.get("pronunciation_dictionary_locators") or []:
        if locator.keys() != {"pronunciation_dictionary_id", "version_id"}:
            return "a locator needs pronunciation_dictionary_id and version_id"
    return None
