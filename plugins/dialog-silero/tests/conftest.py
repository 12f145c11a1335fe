"""Async tests run on virtual time, unless they are marked ``real_loop``."""

from dialog_core.testing.pytest_plugin import no_tasks_left, quick_loop
from dialog_core.testing.pytest_plugin import virtual_backend as anyio_backend

__all__ = ["anyio_backend", "no_tasks_left", "quick_loop"]
