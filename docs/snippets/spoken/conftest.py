"""Async tests run on a clock that jumps over every wait."""

from dialog_core.testing.pytest_plugin import virtual_backend as anyio_backend

__all__ = ["anyio_backend"]
