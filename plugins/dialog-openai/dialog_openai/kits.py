"""The conformance kits of OpenAI's components."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dialog_core.testing.contracts import (
    FORMATS,
    Answer,
    Door,
    LlmAbility,
    LlmKit,
    LlmVendor,
    SttAbility,
    SttKit,
    SttVendor,
    TtsKit,
    TtsVendor,
)
from dialog_openai.testing import (
    KEY,
    FakeOpenAI,
    FakeRealtime,
    FakeSpeech,
    FakeTranscriber,
    RealtimeFault,
    Reply,
)
from dialog_openai.testing.speech import SECONDS_PER_CHARACTER

__all__ = ["kits"]

MANY = 1000
"""Connections that stand for all."""
LISTENS = frozenset({SttAbility.RECONNECTS, SttAbility.LANGUAGE})


def model() -> LlmVendor:
    """A fresh fake of Chat Completions and Responses."""
    fake = FakeOpenAI()

    def will_answer(*answers: str | Answer) -> None:
        given = len(fake.requests)
        script = [a if isinstance(a, str) else Reply(a.text, a.calls) for a in answers]

        def answer(_messages: Sequence[Mapping[str, object]]) -> str | Reply:
            return script[min(len(fake.requests) - given, len(script)) - 1]

        fake.script = answer

    return LlmVendor(
        Door(fake.app),
        will_answer,
        lambda: [request.body for request in fake.requests],
        lambda: fake.cancelled,
    )


def realtime() -> SttVendor:
    """A fresh fake of Realtime transcription sessions."""
    fake = FakeRealtime()

    def will_hear(*phrases: str) -> None:
        fake.script = phrases

    def will_spell(*words: str) -> None:
        fake.vocabulary = words

    def lie(times: int | None) -> None:
        well = (RealtimeFault(),) * len(fake.connections)
        fake.faults = (*well, *(RealtimeFault(lying=True),) * (MANY if times is None else times))

    def languages() -> tuple[str, ...]:
        sessions = (session for each in fake.connections for session in each.sessions)
        told = (each["audio"]["input"]["transcription"].get("language") for each in sessions)
        return tuple(tag for tag in told if tag)

    return SttVendor(Door(fake.app, lie), will_hear, languages, will_spell)


def transcriber() -> SttVendor:
    """A fresh fake of the transcription of files."""
    fake = FakeTranscriber()

    def will_hear(*phrases: str) -> None:
        fake.script = phrases

    def languages() -> tuple[str, ...]:
        told = (upload.fields.get("language") for upload in fake.uploads)
        return tuple(tag for tag in told if tag)

    return SttVendor(Door(fake.app), will_hear, languages)


def speaker() -> TtsVendor:
    """A fresh fake of text-to-speech."""
    fake = FakeSpeech()
    return TtsVendor(
        Door(fake.app),
        lambda: [str(body["input"]) for body in fake.requests],
        lambda: fake.cancelled,
    )


def at(base_url: str) -> Mapping[str, object]:
    """Settings that reach a fake there."""
    return {"url": f"{base_url}/v1"}


def llm(variant: str) -> LlmKit:
    """A kit of the model, in one of its two forms."""
    table = {"api_key": KEY, "api": variant}
    return LlmKit("openai", table, model, frozenset(LlmAbility), at, variant=variant)


def stt(
    variant: str,
    *abilities: SttAbility,
    name: str = "openai",
    vendor: Callable[[], SttVendor] = realtime,
    **table: object,
) -> SttKit:
    """A kit of a recogniser, with some settings."""
    return SttKit(
        name,
        {"api_key": KEY, **table},
        vendor,
        LISTENS | frozenset(abilities),
        FORMATS,
        at,
        variant=variant,
    )


def kits() -> tuple[LlmKit | SttKit | TtsKit, ...]:
    """All kits of this plugin."""
    ability = SttAbility
    return (
        llm("chat"),
        llm("responses"),
        stt("line", ability.PARTIALS, ability.CONFIDENCE, logprobs=True),
        stt(
            "server",
            ability.PARTIALS,
            ability.VOICE,
            turn_detection="server_vad",
            voice_events=True,
        ),
        stt("semantic", ability.PARTIALS, ability.TURNS, turn_detection="semantic_vad"),
        stt("live", ability.PARTIALS, ability.SETTLES, model="gpt-live-transcribe"),
        stt("streamed", ability.PARTIALS, name="openai:transcribe", vendor=transcriber),
        stt(
            "whisper",
            ability.WORDS,
            name="openai:transcribe",
            vendor=transcriber,
            model="whisper-1",
            word_times=True,
        ),
        TtsKit(
            "openai",
            {"api_key": KEY},
            speaker,
            seconds_per_character=SECONDS_PER_CHARACTER,
            at=at,
        ),
    )
