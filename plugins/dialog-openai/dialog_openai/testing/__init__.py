"""Fakes of OpenAI's interfaces; each is an ASGI application, strict, scripted and faulty on demand.

`FakeOpenAI` answers as a language model, `FakeRealtime` and `FakeTranscriber` recognise speech, `FakeSpeech` speaks.
"""

from __future__ import annotations

from dialog_openai.testing.chat import FakeOpenAI, Fault, Reply, Request, frames_of
from dialog_openai.testing.http import KEY, Refuse
from dialog_openai.testing.realtime import FakeRealtime, RealtimeFault
from dialog_openai.testing.speech import FakeSpeech, SpeechFault, Synthesis
from dialog_openai.testing.transcribe import FakeTranscriber, TranscribeFault, Written

__all__ = [
    "KEY",
    "FakeOpenAI",
    "FakeRealtime",
    "FakeSpeech",
    "FakeTranscriber",
    "Fault",
    "RealtimeFault",
    "Refuse",
    "Reply",
    "Request",
    "SpeechFault",
    "Synthesis",
    "TranscribeFault",
    "Written",
    "frames_of",
]
