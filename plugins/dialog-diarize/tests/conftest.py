"""Async tests run on virtual time, unless they are marked ``real_loop``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dialog_diarize.files import CAMPPLUS, FILE

from dialog_core.factory import Services
from dialog_core.models import default_folder, missing
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation
from dialog_core.testing.pytest_plugin import no_tasks_left, quick_loop
from dialog_core.testing.pytest_plugin import virtual_backend as anyio_backend

__all__ = ["anyio_backend", "no_tasks_left", "quick_loop"]


@pytest.fixture(scope="session")
def file() -> Path:
    folder = default_folder() / CAMPPLUS.name
    if missing(CAMPPLUS, folder):
        pytest.skip("the model files are missing; run: dialogctl models fetch")
    return folder / FILE


@pytest.fixture
def observed() -> list[Observation]:
    return []


@pytest.fixture
async def services(observed: list[Observation]) -> AsyncIterator[Services]:
    async with open_services(observe=observed.append) as opened:
        yield opened
