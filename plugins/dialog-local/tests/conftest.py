from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dialog_local.models import MOONSHINE, default_folder, missing

from dialog_core.factory import Services
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation
from dialog_core.testing.pytest_plugin import (
    virtual_backend as anyio_backend,  # noqa: F401 - a fixture
)

CALLER = Path(__file__).parents[3] / "contrib/examples/local"


@pytest.fixture
def moonshine_folder() -> Path:
    folder = default_folder() / MOONSHINE.name
    if missing(MOONSHINE, folder):
        pytest.skip("the model files are missing; run: dialogctl models fetch")
    return folder


@pytest.fixture
def caller() -> Path:
    return CALLER


@pytest.fixture
def observed() -> list[Observation]:
    return []


@pytest.fixture
async def services(observed: list[Observation]) -> AsyncIterator[Services]:
    async with open_services(observe=observed.append) as opened:
        yield opened
