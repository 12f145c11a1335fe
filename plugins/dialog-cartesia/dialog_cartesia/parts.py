"""What a voice is made of: what its call gives it, its present context, and its times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from dialog_cartesia.pool import Link, Pool
from dialog_cartesia.settings import CartesiaSettings
from dialog_core.audio import AudioFormat
from dialog_core.factory import Services
from dialog_core.messages import Manner
from dialog_core.speech.manner import Unheeded

__all__ = ["Channel", "Context", "Times"]


@attrs.frozen
class Channel:
    """What the voices of one call have in common."""

    settings: CartesiaSettings
    services: Services
    fmt: AudioFormat
    fields: Mapping[str, Any]
    """What every submission repeats, unless the manner of speaking changes it."""
    pool: Pool
    unheeded: Unheeded


@attrs.define(eq=False)
class Context:
    """What the vendor knows the reply by, on which socket."""

    id: str
    link: Link
    manner: Manner
    fields: Mapping[str, Any]
    """What its submissions repeat; the vendor refuses any change."""
    ended: bool = False
    """True once no more text may follow."""


@attrs.define(eq=False)
class Times:
    """Moments of one reply; seconds on the loop's clock."""

    started: float | None = None
    first: float | None = None
