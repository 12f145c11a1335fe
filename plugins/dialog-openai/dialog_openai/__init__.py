"""OpenAI for dialog: the language model `openai`, for OpenAI's API and servers compatible with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialog_core.factory import Factory, Services
from dialog_core.hookspecs import hookimpl
from dialog_openai.settings import OpenAISettings

if TYPE_CHECKING:
    from dialog_core.protocols import LanguageModel

__all__ = ["OpenAISettings", "dialog_llm"]


def build(settings: OpenAISettings, services: Services) -> LanguageModel:
    """Make the model of one call."""
    from dialog_openai.session import OpenAIModel  # noqa: PLC0415 - the HTTP stack loads with use

    return OpenAIModel(settings, services)


@hookimpl
def dialog_llm() -> tuple[Factory[OpenAISettings, LanguageModel], ...]:
    """The language model `openai`."""
    return (Factory("openai", OpenAISettings, build),)
