"""Fakes of OpenAI's interfaces, one a component; each is an ASGI application, strict, scripted and faulty on demand."""

from __future__ import annotations

from dialog_openai.testing.chat import FakeOpenAI, Fault, Reply, Request, frames_of
from dialog_openai.testing.http import KEY, Refuse

__all__ = ["KEY", "FakeOpenAI", "Fault", "Refuse", "Reply", "Request", "frames_of"]
