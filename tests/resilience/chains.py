"""Chains of providers that a test made itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs

from dialog_core.factory import Factory, Services
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.plugins import Chosen
from dialog_core.resilience.failover import Chain, FailoverSettings, chain_of
from dialog_core.testing.vendor import in_memory

__all__ = ["Stage", "open_stage"]


@attrs.frozen
class NoSettings:
    """Of a member that is handed in."""

    name: str


@attrs.define
class Stage:
    """One process's services, and what its chains told."""

    services: Services
    observed: list[Observation]

    def chain(self, kind: str, *members: object, failover: FailoverSettings | None = None) -> Any:
        """A call's component out of these; the first is called one, the next two, and so on."""
        chosen = chain_of(
            kind, [member(name, each) for name, each in zip(NAMES, members, strict=False)]
        )
        settings = attrs.evolve(chosen.settings, failover=failover or FailoverSettings())
        assert isinstance(settings, Chain)
        return attrs.evolve(chosen, settings=settings).build(self.services)

    @property
    def troubles(self) -> list[str]:
        """Where, of each failure."""
        return [each.where for each in self.observed if isinstance(each, Trouble)]


NAMES: Sequence[str] = ("one", "two", "three")


def member(name: str, made: object) -> Chosen[Any]:
    """A chain's member that is this very object."""
    return Chosen(Factory(name, NoSettings, lambda _settings, _services: made), NoSettings(name))


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Services without a vendor."""
    observed: list[Observation] = []
    async with in_memory({}, observe=observed.append) as services:
        yield Stage(services, observed)
