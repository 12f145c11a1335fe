"""Services for components that have no business with the world."""

from __future__ import annotations

from typing import Any, cast

from dialog_core.factory import Services

__all__ = ["QUIET"]


class Quiet:
    """Fails whoever uses a service of it."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a policy or a voice detector used services.{name}")


QUIET = cast("Services", Quiet())
