"""Making a kit's component as a settings file would: by its name, through the installed plugins and their settings."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from dialog_core.converter import new_converter
from dialog_core.errors import SettingsError
from dialog_core.factory import Services
from dialog_core.plugins import Catalog, Chosen, Plugins
from dialog_core.sources import Faults, Sources
from dialog_core.testing.contracts.kit import Kit

__all__ = ["build", "choose"]


@cache
def catalog(kind: str, name: str) -> Catalog:
    """What the installed plugins offer; read once for each component, because metadata are slow to read."""
    return Plugins().catalog([(kind, name)])


def choose(kit: Kit, **settings: object) -> Chosen[Any]:
    """The component and its checked settings. settings: beside the kit's own, or instead. Raises: SettingsError."""
    known = catalog(kit.kind, kit.name)
    sources = Sources(os.environ, Path())
    converter = new_converter(
        sources, lambda kind, table: known.choose(kind, table, converter.structure)
    )
    table = {"use": kit.name, **kit.table, **settings}
    try:
        return known.choose(kit.kind, table, converter.structure)
    except Faults as error:
        raise SettingsError(*error.problems) from error


def build(kit: Kit, services: Services, **settings: object) -> Any:
    """One call's component. Raises: SettingsError."""
    return choose(kit, **settings).build(services)
