from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from dialog_core.fields import Secret, setting
from dialog_core.language import primary

__all__ = ["TogetherSttSettings", "TogetherTtsSettings"]

ADDRESS = "wss://api.together.ai/v1"


def filled(_settings: object, _attribute: attrs.Attribute[Any], value: Any) -> None:
    """Refuse an empty text or secret."""
    if not value:
        raise ValueError("must not be empty")


def socket_url(_settings: object, _attribute: attrs.Attribute[Any], value: str) -> None:
    """Refuse what is not a WebSocket URL."""
    if not value.startswith(("ws://", "wss://")):
        raise ValueError(f"must begin with wss:// or ws://, such as {ADDRESS}, not {value!r}")


def only_with_server_vad(
    settings: TogetherSttSettings, attribute: attrs.Attribute[Any], value: object
) -> None:
    """Refuse a setting of the vendor's voice detector where it is off."""
    if value is not None and settings.turn_detection != "server_vad":
        raise ValueError(
            f"has no effect; set turn_detection = 'server_vad', or leave out {attribute.name}"
        )


@attrs.frozen
class TogetherSttSettings:
    """Settings of the ``together`` speech-to-text."""

    api_key: Secret = setting(check=filled, help="API key of a Together AI account")
    model: str = setting(
        default="openai/whisper-large-v3", check=filled, help="model that transcribes"
    )
    language: str | None = setting(
        default=None, spoken=primary, help="ISO 639-1 code of the caller's language"
    )
    sample_rate: int = setting(
        default=16000,
        one_of=(8000, 16000, 24000),
        unit="Hz",
        help="rate at which audio is sent; every model takes 16000",
    )
    turn_detection: str = setting(
        default="none",
        one_of=("none", "server_vad"),
        help="who cuts the caller's audio into utterances: our voice detector, or the vendor's",
    )
    threshold: float | None = setting(
        default=None,
        at_least=0,
        at_most=1,
        unit="0..1",
        check=only_with_server_vad,
        help="how sure the vendor's detector must be of voice",
    )
    min_silence_duration_ms: int | None = setting(
        default=None,
        at_least=0,
        unit="ms",
        check=only_with_server_vad,
        help="silence at which the vendor cuts an utterance",
    )
    min_speech_duration_ms: int | None = setting(
        default=None,
        at_least=0,
        unit="ms",
        check=only_with_server_vad,
        help="shortest voice that the vendor takes for speech",
    )
    max_speech_duration_s: float | None = setting(
        default=None,
        above=0,
        unit="s",
        check=only_with_server_vad,
        help="length at which the vendor cuts an utterance in any case",
    )
    speech_pad_ms: int | None = setting(
        default=None,
        at_least=0,
        unit="ms",
        check=only_with_server_vad,
        help="audio that the vendor keeps around speech",
    )
    clear_at_speech: bool = setting(
        default=True,
        help="when the caller begins to speak, drop the silence and echo sent before; without server_vad",
    )
    lead: float = setting(
        default=0.4,
        at_least=0,
        unit="s",
        help="audio before speech that belongs to it, when what was before is dropped",
    )
    query: Mapping[str, str] = setting(
        factory=dict, help="more parameters of the socket's address, before those of the settings"
    )
    headers: Mapping[str, str] = setting(
        factory=dict, help="headers of the handshake, before those the plugin sets itself"
    )
    url: str = setting(default=ADDRESS, check=socket_url, help="base URL of the vendor's sockets")
    connect_timeout: float = setting(
        default=10.0, above=0, unit="s", help="limit for connecting the socket"
    )
    settle_wait: float = setting(
        default=0.2,
        above=0,
        unit="s",
        help="after the caller's silence, how long the final text is waited for before the last partial is taken",
    )
    commit_timeout: float = setting(
        default=3.0,
        above=0,
        unit="s",
        help="when a commit counts as answered with nothing; some never are",
    )
    doubt: float = setting(
        default=2.5,
        above=0,
        unit="s",
        help="speech without any message after which the vendor is asked for a sign of life",
    )
    sign_of_life: float = setting(
        default=1.5, above=0, unit="s", help="how long that sign may take; then the socket is lost"
    )
    send_every: float = setting(
        default=0.06, at_least=0.02, at_most=1.0, unit="s", help="audio in a message"
    )
    replay: float = setting(
        default=5.0,
        above=0,
        at_most=60,
        unit="s",
        help="audio kept for a lost connection, and while connecting",
    )


@attrs.frozen
class TogetherTtsSettings:
    """Settings of the ``together`` text-to-speech."""

    api_key: Secret = setting(check=filled, help="API key of a Together AI account")
    model: str = setting(default="hexgrad/Kokoro-82M", check=filled, help="model that synthesises")
    voice: str = setting(default="af_heart", check=filled, help="voice that speaks")
    max_partial_length: int | None = setting(
        default=None,
        at_least=1,
        unit="characters",
        help="text without punctuation that the vendor speaks without waiting for more",
    )
    query: Mapping[str, str] = setting(
        factory=dict, help="more parameters of the socket's address, before those of the settings"
    )
    headers: Mapping[str, str] = setting(
        factory=dict, help="headers of the handshake, before those the plugin sets itself"
    )
    url: str = setting(default=ADDRESS, check=socket_url, help="base URL of the vendor's sockets")
    connect_timeout: float = setting(
        default=10.0, above=0, unit="s", help="limit for connecting the socket"
    )
    first_audio: float = setting(
        default=4.0, above=0, unit="s", help="longest wait for the first or the next audio"
    )
    completion: float = setting(
        default=0.5,
        above=0,
        unit="s",
        help="silence after an item is done that ends a segment: the vendor does not say which is the last",
    )
    buffer: float = setting(
        default=30.0, above=0, unit="s", help="audio kept for one reply until the line takes it"
    )
