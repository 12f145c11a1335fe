"""What the fake refuses: the rules of the vendor's requests.

Source: Cartesia docs, "TTS WebSocket", "Contexts", "API conventions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.websockets import WebSocket

from dialog_cartesia.protocol import RATES
from dialog_core.audio import Encoding

__all__ = ["ENCODINGS", "NEW_ERRORS", "denial", "problem", "version_of"]

NEW_ERRORS = "2026-03-01"
"""First version with the new shape of errors."""

ENCODINGS = {
    "pcm_mulaw": Encoding.MULAW,
    "pcm_alaw": Encoding.ALAW,
    "pcm_s16le": Encoding.PCM16,
}
VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
MODELS = re.compile(r"sonic-(2|3|3\.5|latest)(-\d{4}-\d{2}-\d{2})?")
MOST_DELAY = 5000
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "context_id": str,
    "model_id": str,
    "transcript": str,
    "voice": dict,
    "output_format": dict,
    "language": str,
    "continue": bool,
    "flush": bool,
    "max_buffer_delay_ms": int,
    "add_timestamps": bool,
    "add_phoneme_timestamps": bool,
    "use_normalized_timestamps": bool,
    "generation_config": dict,
    "speed": str,
    "pronunciation_dict_id": str,
    "duration": (int, float),
}
REQUIRED = ("context_id", "model_id", "transcript", "voice", "output_format")
VARYING = {"transcript", "continue", "flush", "duration"}
CONTROLS = {"speed": (0.6, 1.5), "volume": (0.5, 2.0)}


def version_of(socket: WebSocket) -> str:
    """The version a client asks for; the query wins."""
    version = socket.query_params.get("cartesia_version")
    return version or socket.headers.get("cartesia-version", "")


def denial(socket: WebSocket, api_key: str) -> int | None:
    """The HTTP status that refuses a handshake, None if it is right."""
    bearer = socket.headers.get("authorization", "").removeprefix("Bearer ")
    offered = {bearer, socket.headers.get("x-api-key"), socket.query_params.get("api_key")}
    if api_key not in offered:
        return 401
    return None if VERSION.fullmatch(version_of(socket)) else 400


def problem(request: Mapping[str, Any], first: Mapping[str, Any]) -> str | None:
    """What is wrong with a submission. first: the one that began its context."""
    for name in REQUIRED:
        if name not in request:
            return f"{name} is required"
    for name, value in request.items():
        kind = TYPES.get(name)
        if kind is None:
            return f"{name} is not a field"
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            return f"{name} has the wrong type"
        # The vendor's own client repeats not every field; a different value is refused all the same.
        if name not in VARYING and name in first and first[name] != value:
            return f"{name} differs from the context's first request"
    return shape_problem(request)


def shape_problem(request: Mapping[str, Any]) -> str | None:
    """What is wrong with the values of a submission."""
    voice, output = request["voice"], request["output_format"]
    if MODELS.fullmatch(request["model_id"]) is None:
        return "Invalid model"
    if voice.get("mode") != "id" or not isinstance(voice.get("id"), str):
        return "voice must be given by id"
    if output.get("container") != "raw" or output.get("encoding") not in ENCODINGS:
        return "output_format must be raw, in a known encoding"
    if output.get("sample_rate") not in RATES:
        return "output_format has no such sample_rate"
    if not 0 <= request.get("max_buffer_delay_ms", 0) <= MOST_DELAY:
        return "max_buffer_delay_ms is out of range"
    config = request.get("generation_config", {})
    for name, (low, high) in CONTROLS.items():
        if not low <= config.get(name, 1.0) <= high:
            return f"generation_config.{name} is out of range"
    return None
