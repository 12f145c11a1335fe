from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio
import attrs
import pytest

from dialog_core.observe.buffer import FLUSH_SECONDS, ObservationBuffer
from dialog_core.observe.observations import Counted, Observation, Observer, Trouble

pytestmark = pytest.mark.anyio


def counted(amount: int) -> Counted:
    return Counted("CA1", "frames dropped", amount)


@attrs.define
class Keeping:
    """Keeps its batches, after the trouble it is told to make."""

    error: Exception | None = None
    hangs: bool = False
    batches: list[tuple[Observation, ...]] = attrs.field(factory=list)

    async def observe(self, batch: Sequence[Observation]) -> None:
        if self.hangs:
            await anyio.sleep_forever()
        self.batches.append(tuple(batch))
        if self.error is not None:
            raise self.error


async def run_for(
    buffer: ObservationBuffer, observers: Mapping[str, Observer], seconds: float
) -> None:
    with anyio.move_on_after(seconds):
        await buffer.run(observers)


async def test_observers_get_batches_in_order() -> None:
    buffer, observer = ObservationBuffer(), Keeping()
    buffer.observe(counted(1))
    buffer.observe(counted(2))

    await run_for(buffer, {"test": observer}, FLUSH_SECONDS * 1.5)

    assert observer.batches == [(counted(1), counted(2))]


async def test_a_full_buffer_drops_and_counts() -> None:
    buffer = ObservationBuffer(limit=2)
    for amount in range(5):
        buffer.observe(counted(amount))

    assert buffer.take() == (counted(0), counted(1), Counted("", "observations dropped", 3))
    assert buffer.take() == ()


async def test_an_observer_that_raises_is_dropped_and_the_others_are_told() -> None:
    buffer, broken, other = ObservationBuffer(), Keeping(error=OSError("disk full")), Keeping()
    buffer.observe(counted(1))

    await run_for(buffer, {"broken": broken, "other": other}, FLUSH_SECONDS * 2.5)

    what = "an observer failed and gets nothing any more"
    assert broken.batches == [(counted(1),)]
    assert other.batches == [
        (counted(1),),
        (Trouble("", "observer broken", what, "OSError: disk full"),),
    ]


async def test_an_observer_that_hangs_is_dropped() -> None:
    buffer, hanging, other = ObservationBuffer(), Keeping(hangs=True), Keeping()
    buffer.observe(counted(1))

    await run_for(buffer, {"hanging": hanging, "other": other}, 6.0)

    assert other.batches[0] == (counted(1),)
    assert isinstance(other.batches[1][0], Trouble)


async def test_what_is_left_is_flushed_at_the_end() -> None:
    buffer, observer = ObservationBuffer(), Keeping()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(buffer.run, {"test": observer})
        await anyio.wait_all_tasks_blocked()
        buffer.observe(counted(1))
        tasks.cancel_scope.cancel()

    assert observer.batches == [(counted(1),)]
