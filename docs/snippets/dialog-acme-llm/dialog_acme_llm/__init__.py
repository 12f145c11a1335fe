"""Acme's language model for dialog: its settings, and the factory that makes it."""

from __future__ import annotations

import attrs

from dialog_core import Factory, Secret, Services, hookimpl, setting
from dialog_core.protocols import LanguageModel


@attrs.frozen
class AcmeSettings:
    """An Acme account, and a model."""

    api_key: Secret = setting(help="API key of the account")
    url: str = setting(default="https://api.acme.example/v1/chat", help="address of the models")
    model: str = setting(default="small", help="name of the model")
    silence: float = setting(default=5.0, unit="s", above=0, help="wait for the next words")


def build(settings: AcmeSettings, services: Services) -> LanguageModel:
    """Make one for a call; what it needs is imported only now."""
    from dialog_acme_llm.session import Acme  # noqa: PLC0415 - listing plugins must stay quick

    return Acme(settings, services)


@hookimpl
def dialog_llm() -> tuple[Factory[AcmeSettings, LanguageModel], ...]:
    """The model, under the name that a settings file writes."""
    return (Factory("acme-llm", AcmeSettings, build),)
