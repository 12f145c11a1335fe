"""The scenes in which recognisers are tested: a stage, calls on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from dialog_core.audio import AudioFormat
from dialog_core.testing.contracts.caller import Caller, calling
from dialog_core.testing.contracts.contract import Contract
from dialog_core.testing.contracts.kit import SttKit, SttVendor
from dialog_core.testing.contracts.stage import Stage, on_stage

__all__ = ["AT_ONCE", "SttScene"]

AT_ONCE = 0.05
"""Seconds in which what never waits is over."""
EDGE = 0.8
"""Seconds by which a transcript may miss the edges of what was said; recognisers end where silence convinces them."""


class SttScene(Contract):
    """What tests of recognisers share."""

    kit: ClassVar[SttKit]

    @property
    def phrase(self) -> str:
        """What is said first."""
        return self.kit.phrases[0]

    @asynccontextmanager
    async def stage(self, *phrases: str) -> AsyncIterator[Stage[SttVendor]]:
        """A stage whose vendor will hear these phrases; the kit's if there are none."""
        vendor = self.kit.vendor()
        vendor.will_hear(*(phrases or self.kit.phrases))
        async with on_stage(self.kit, vendor) as stage:
            yield stage

    @asynccontextmanager
    async def call(
        self, stage: Stage[SttVendor], fmt: AudioFormat | None = None, **settings: Any
    ) -> AsyncIterator[Caller]:
        """A call that a fresh component listens to."""
        chosen = fmt or self.kit.formats[0]
        async with calling(stage.new(**settings), self.kit, stage.services.clock, chosen) as call:
            yield call

    def needs_a_vendor(self) -> None:
        """End a test of failures that a component in this process cannot have."""
        if self.kit.local:
            pytest.skip("not applicable: no vendor that can fail")

    async def ordinary_call(self, stage: Stage[SttVendor]) -> None:
        """A short call from its beginning to its end."""
        async with self.call(stage) as call:
            await call.sound(self.kit.says(self.phrase, call.fmt), cut=call.fmt.nbytes(0.1))
            await call.hush(0.5)

    def check_times(self, call: Caller, began: float, ended: float) -> None:
        """The latest words lie where they were said."""
        final = call.finals[-1]
        assert final.started is None or 0 <= final.started <= began + EDGE
        assert began < final.at <= ended + EDGE
        for word in final.words:
            assert began - EDGE <= word.start <= word.end <= ended + EDGE
        starts = [word.start for word in final.words]
        assert starts == sorted(starts)
