"""The agent's language, told to each of its components in the vendor's own form.

A component's setting takes the agent's language by being declared with a form, and with None as its default::

    language: str | None = setting(default=None, spoken=primary, help="ISO 639-1 code")

Where the settings file leaves it out, it becomes what the form makes of ``agents.NAME.language``. Where the file
writes it, that stands.
"""

from __future__ import annotations

from typing import Any

import attrs

from dialog_core.sources import Faults, under

__all__ = ["in_language", "primary", "whole"]


def whole(tag: str, _settings: object) -> str:
    """The tag as it is, such as ``pt-BR``: for vendors that take BCP-47."""
    return tag


def primary(tag: str, _settings: object) -> str:
    """The language alone, such as ``pt`` of ``pt-BR``: for vendors that take ISO 639 codes."""
    return tag.partition("-")[0].lower()


def in_language(settings: Any, tag: str) -> Any:
    """A component's settings with the language filled in where they leave it open.

    tag: BCP-47. Raises: Faults, when the component cannot speak or understand it.
    """
    for field in attrs.fields(type(settings)):
        form = field.metadata.get("spoken")
        if form is None or getattr(settings, field.name) is not None:
            continue
        try:
            settings = attrs.evolve(settings, **{field.alias: form(tag, settings)})
        except ValueError as error:
            raise Faults(*under(field.alias, error)) from error
    return settings
