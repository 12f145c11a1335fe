from __future__ import annotations

from collections.abc import Callable

import attrs
from starlette.requests import Request

from dialog_core.factory import Clock
from dialog_core.observe.observations import Observation, Trouble
from dialog_telnyx.settings import TelnyxSettings
from dialog_telnyx.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, is_signed

__all__ = ["Gate"]


@attrs.frozen
class Gate:
    """Lets in what Telnyx signed for our account, and nothing else."""

    settings: TelnyxSettings
    clock: Clock
    observe: Callable[[Observation], None]

    def admits(self, request: Request, body: bytes) -> bool:
        """Whether a webhook is Telnyx's. A refusal is noted."""
        settings = self.settings
        if settings.allow_unsigned:
            return True
        signature = request.headers.get(SIGNATURE_HEADER, "")
        if not signature:
            self.refuse("an unsigned webhook was refused")
            return False
        admitted = is_signed(
            settings.public_key,
            body,
            signature=signature,
            timestamp=request.headers.get(TIMESTAMP_HEADER, ""),
            now=self.clock.wall(),
            tolerance=settings.tolerance,
        )
        if not admitted:
            self.refuse("a wrongly signed webhook was refused: compare public_key and the clocks")
        return admitted

    def refuse(self, what: str) -> None:
        """Note a refusal."""
        self.observe(Trouble("", "telnyx.webhook", what))
