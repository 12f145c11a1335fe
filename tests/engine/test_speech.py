from __future__ import annotations

import gc
import itertools
import math
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import attrs
import numpy as np
import pytest

from dialog_core import g711
from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame, Encoding
from dialog_core.engine.slot import BACKLOG
from dialog_core.engine.speech import SpeechEngine, SpeechEngineSettings
from dialog_core.observe.observations import Counted, Observation, Trouble
from dialog_core.testing.pytest_plugin import real_loop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

pytestmark = pytest.mark.anyio
WINDOW = 0.032
ALAW = AudioFormat(Encoding.ALAW, 8000)
WIDE = AudioFormat(Encoding.PCM16, 16000)


@attrs.define
class Counting:
    """Answers the level of each window; its state counts a stream's windows."""

    rate: int = 8000
    window: int = 256
    state: tuple[int, ...] = (2,)
    heavy: bool = False
    fails_after: int | None = None
    """Batches that succeed before it breaks."""
    batches: list[list[float]] = attrs.field(factory=list)
    """How many windows each stream of each batch had behind it."""

    def probabilities(self, windows: F32, state: F32) -> tuple[F32, F32]:
        if self.fails_after is not None and len(self.batches) >= self.fails_after:
            raise OSError("the model is broken")
        self.batches.append(state[:, 0].tolist())
        return np.abs(windows).mean(axis=1), state + np.float32(1)


@attrs.define
class Ear:
    """What one call heard."""

    heard: list[tuple[float, float]] = attrs.field(factory=list)
    news: anyio.Event = attrs.field(factory=anyio.Event)

    def __call__(self, probability: float, at: float, seconds: float) -> None:
        assert seconds == WINDOW
        self.heard.append((probability, at))
        self.news.set()
        self.news = anyio.Event()

    async def until(self, count: int) -> None:
        while len(self.heard) < count:
            await self.news.wait()


@attrs.define
class Running:
    engine: SpeechEngine
    observed: list[Observation]


@asynccontextmanager
async def running(
    model: Counting, settings: SpeechEngineSettings | None = None
) -> AsyncIterator[Running]:
    observed: list[Observation] = []
    engine = SpeechEngine(model, settings or SpeechEngineSettings(), observed.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.run)
        yield Running(engine, observed)
        tasks.cancel_scope.cancel()


def voice(level: float, windows: float = 1, fmt: AudioFormat = TELEPHONE) -> bytes:
    samples = np.full(round(256 * windows * fmt.rate / 8000), level * 32768).astype(np.int16)
    return g711.encode(samples, fmt.encoding)


async def test_each_window_is_judged_once_with_its_time() -> None:
    model, ear = Counting(), Ear()
    data = b"".join(voice(level) for level in (0.1, 0.5, 0.9))
    async with running(model) as here:
        with here.engine.open(TELEPHONE, ear) as slot:
            for start in range(0, len(data), 160):
                slot.feed(AudioFrame(2 + start / 8000, data[start : start + 160]))
                await anyio.wait_all_tasks_blocked()
            await ear.until(3)
    assert [at for _, at in ear.heard] == pytest.approx([2, 2 + WINDOW, 2 + 2 * WINDOW])
    assert [p for p, _ in ear.heard] == pytest.approx([0.1, 0.5, 0.9], rel=0.05)


@pytest.mark.requirement("B.13")
async def test_two_windows_of_a_call_never_share_a_batch_and_keep_their_order() -> None:
    model, ear, other = Counting(), Ear(), Ear()
    async with running(model) as here:
        with here.engine.open(TELEPHONE, ear) as slot, here.engine.open(ALAW, other) as second:
            slot.feed(AudioFrame(0.0, b"".join(voice(n / 10) for n in (1, 2, 3))))
            second.feed(AudioFrame(0.0, voice(0.4, fmt=ALAW)))
            await ear.until(3)
    assert model.batches == [[0, 0], [1], [2]]
    assert [p for p, _ in ear.heard] == pytest.approx([0.1, 0.2, 0.3], rel=0.05)
    assert other.heard[0] == pytest.approx((0.4, 0.0), rel=0.05)


async def test_windows_of_many_calls_wait_at_most_the_interval_for_each_other() -> None:
    model = Counting()
    ears = [Ear() for _ in range(3)]
    async with running(model) as here:
        with (
            here.engine.open(TELEPHONE, ears[0]) as first,
            here.engine.open(TELEPHONE, ears[1]) as second,
            here.engine.open(TELEPHONE, ears[2]) as third,
        ):
            began = anyio.current_time()
            first.feed(AudioFrame(0.0, voice(0.5)))
            await anyio.wait_all_tasks_blocked()
            second.feed(AudioFrame(0.0, voice(0.5)))
            third.feed(AudioFrame(0.0, voice(0.5)))
            await ears[2].until(1)
            assert anyio.current_time() - began == pytest.approx(0.02)
    assert model.batches == [[0, 0, 0]]


async def test_a_full_batch_leaves_no_ring_that_cuts_the_next_one_short() -> None:
    model, ears = Counting(), [Ear(), Ear()]
    async with running(model, SpeechEngineSettings(batch=2)) as here:
        with (
            here.engine.open(TELEPHONE, ears[0]) as first,
            here.engine.open(TELEPHONE, ears[1]) as second,
        ):
            await anyio.wait_all_tasks_blocked()
            for slot in (first, second):
                slot.feed(AudioFrame(0.0, voice(0.5)))
            await ears[1].until(1)
            for slot in (first, second):
                slot.feed(AudioFrame(WINDOW, voice(0.5)))
                await anyio.wait_all_tasks_blocked()
            await ears[1].until(2)
    assert model.batches == [[0, 0], [1, 1]]


async def test_a_window_is_judged_at_once_if_the_last_batch_is_long_over() -> None:
    model, ears = Counting(), [Ear(), Ear()]
    async with running(model) as here:
        with (
            here.engine.open(TELEPHONE, ears[0]) as first,
            here.engine.open(TELEPHONE, ears[1]) as second,
        ):
            with anyio.move_on_after(0.05):
                await ears[0].until(1)
            began = anyio.current_time()
            for slot in (first, second):
                slot.feed(AudioFrame(0.0, voice(0.5)))
            await ears[1].until(1)
            assert anyio.current_time() == began
            with anyio.move_on_after(0.005):
                await ears[0].until(2)
            first.feed(AudioFrame(WINDOW, voice(0.5)))
            await ears[0].until(2)
            assert anyio.current_time() - began == pytest.approx(0.02)
    assert model.batches == [[0, 0], [1]]


async def test_a_full_batch_does_not_wait() -> None:
    model, ears = Counting(), [Ear(), Ear()]
    settings = SpeechEngineSettings(batch=2, interval=0.1)
    async with running(model, settings) as here:
        with (
            here.engine.open(TELEPHONE, ears[0]) as first,
            here.engine.open(TELEPHONE, ears[1]) as second,
        ):
            began = anyio.current_time()
            first.feed(AudioFrame(0.0, voice(0.5)))
            second.feed(AudioFrame(0.0, voice(0.5)))
            await ears[1].until(1)
            assert anyio.current_time() == began


async def test_audio_that_comes_in_a_lump_is_judged_whole_and_without_waiting() -> None:
    """A network that pauses for a third of a second delivers what it kept all at once."""
    model, ear = Counting(), Ear()
    async with running(model) as here:
        with here.engine.open(TELEPHONE, ear, call="c1") as slot:
            slot.feed(AudioFrame(0.0, voice(0.5, windows=10)))
            await ear.until(1)
            caught_up = anyio.current_time()
            await ear.until(10)
            assert anyio.current_time() == caught_up
    assert [at for _, at in ear.heard] == pytest.approx([n * WINDOW for n in range(10)])
    assert here.observed == []


async def test_an_engine_that_fell_behind_skips_to_the_newest_window() -> None:
    model, ear = Counting(), Ear()
    async with running(model) as here:
        with here.engine.open(TELEPHONE, ear, call="c1") as slot:
            for n in range(3 * BACKLOG):
                slot.feed(AudioFrame(n * WINDOW, voice(n / 100)))
            await ear.until(BACKLOG)
            await anyio.wait_all_tasks_blocked()
    newest = [n * WINDOW for n in range(2 * BACKLOG, 3 * BACKLOG)]
    assert [at for _, at in ear.heard] == pytest.approx(newest)
    assert here.observed == [Counted("c1", "speech windows skipped", 2 * BACKLOG)]


async def test_a_new_call_in_an_old_place_starts_with_fresh_state() -> None:
    model, ear = Counting(), Ear()
    async with running(model) as here:
        for _ in range(3):
            with here.engine.open(TELEPHONE, ear) as slot:
                slot.feed(AudioFrame(0.0, voice(0.5)))
                await ear.until(len(model.batches) + 1)
    assert model.batches == [[0], [0], [0]]


async def test_more_calls_than_there_were_places_keep_their_own_state() -> None:
    model = Counting()
    ears = [Ear() for _ in range(150)]
    async with running(model) as here, anyio.create_task_group() as tasks:

        async def call(ear: Ear, windows: int) -> None:
            with here.engine.open(TELEPHONE, ear) as slot:
                for n in range(windows):
                    slot.feed(AudioFrame(n * WINDOW, voice(0.5)))
                    await ear.until(n + 1)

        for number, ear in enumerate(ears):
            tasks.start_soon(call, ear, 1 + number % 3)
    assert sorted(itertools.chain.from_iterable(model.batches)) == [0] * 150 + [1] * 100 + [2] * 50


async def test_a_result_for_a_call_that_ended_is_dropped() -> None:
    model, gone, ear = Counting(), Ear(), Ear()
    async with running(model) as here:
        with here.engine.open(TELEPHONE, gone) as slot:
            slot.feed(AudioFrame(0.0, voice(0.5, 2)))
        slot.feed(AudioFrame(WINDOW * 2, voice(0.5)))
        with here.engine.open(TELEPHONE, ear) as slot:
            slot.feed(AudioFrame(0.0, voice(0.5)))
            await ear.until(1)
    assert gone.heard == []
    assert model.batches == [[0]]


@pytest.mark.requirement("B.14")
@pytest.mark.parametrize("fails_after", [0, 2])
async def test_a_model_that_fails_gives_way_to_the_energy_detector(fails_after: int) -> None:
    model, ear = Counting(fails_after=fails_after), Ear()
    quiet, loud = voice(0.001), voice(0.3)
    async with running(model, SpeechEngineSettings(skip_below=-math.inf)) as here:
        with here.engine.open(TELEPHONE, ear) as slot:
            for n in range(20):
                slot.feed(AudioFrame(n * WINDOW, loud if n >= 15 else quiet))
                await ear.until(n + 1)
        assert [type(seen) for seen in here.observed] == [Trouble]
    assert all(p < 0.01 for p, _ in ear.heard[fails_after:15])
    assert all(p > 0.9 for p, _ in ear.heard[15:])


@pytest.mark.parametrize(
    "break_it",
    [lambda p: p * np.float32(np.nan), lambda p: p[:0], lambda p: p[:, None]],
)
async def test_an_answer_that_cannot_be_used_counts_as_a_failure(
    break_it: Callable[[F32], F32],
) -> None:
    @attrs.define
    class Broken(Counting):
        def probabilities(self, windows: F32, state: F32) -> tuple[F32, F32]:
            return break_it(windows[:, 0]), state

    ear = Ear()
    async with running(Broken()) as here:
        with here.engine.open(TELEPHONE, ear) as slot:
            slot.feed(AudioFrame(0.0, voice(0.3)))
            await ear.until(1)
        assert [type(seen) for seen in here.observed] == [Trouble]


async def test_an_error_of_one_call_is_raised_in_it_and_spares_the_others() -> None:
    def overflow(_probability: float, _at: float, _seconds: float) -> None:
        raise OverflowError("my event stream is full")

    model, ear = Counting(), Ear()
    async with running(model) as here:
        with (
            here.engine.open(TELEPHONE, overflow) as bad,
            here.engine.open(TELEPHONE, ear) as good,
        ):
            bad.feed(AudioFrame(0.0, voice(0.5)))
            good.feed(AudioFrame(0.0, voice(0.5, 2)))
            await ear.until(2)
            with pytest.raises(OverflowError):
                bad.feed(AudioFrame(WINDOW, voice(0.5)))


async def test_a_line_of_another_rate_is_judged_at_the_models() -> None:
    model, ear = Counting(), Ear()
    async with running(model) as here:
        with here.engine.open(WIDE, ear) as slot:
            slot.feed(AudioFrame(7.0, voice(0.5, 2.5, WIDE)))
            await ear.until(2)
    assert ear.heard[1] == pytest.approx((0.5, 7 + WINDOW), rel=0.02)
    assert ear.heard[1][1] == pytest.approx(7 + WINDOW)


async def test_plainly_silent_windows_skip_a_model_that_has_found_silence() -> None:
    model, ear = Counting(), Ear()
    silence = TELEPHONE.silence(WINDOW)
    async with running(model) as here:
        with here.engine.open(TELEPHONE, ear) as slot:
            for n, data in enumerate((silence, silence, silence, voice(0.5), silence, silence)):
                slot.feed(AudioFrame(n * WINDOW, data))
                await ear.until(n + 1)
    assert [round(p, 1) for p, _ in ear.heard] == [0, 0, 0, 0.5, 0, 0]
    assert model.batches == [[0], [1], [2]]


async def test_a_model_may_be_asked_about_every_window() -> None:
    model, ear = Counting(), Ear()
    async with running(model, SpeechEngineSettings(skip_below=-math.inf)) as here:
        with here.engine.open(TELEPHONE, ear) as slot:
            for n in range(5):
                slot.feed(AudioFrame(n * WINDOW, TELEPHONE.silence(WINDOW)))
                await ear.until(n + 1)
    assert model.batches == [[0], [1], [2], [3], [4]]


async def test_silence_does_not_overtake_a_window_that_waits() -> None:
    model, ear = Counting(), Ear()
    async with running(model) as here:
        with here.engine.open(TELEPHONE, ear) as slot:
            slot.feed(AudioFrame(0.0, TELEPHONE.silence(WINDOW)))
            await ear.until(1)
            slot.feed(AudioFrame(WINDOW, voice(0.5) + TELEPHONE.silence(WINDOW)))
            await ear.until(3)
    assert [at for _, at in ear.heard] == pytest.approx([0, WINDOW, 2 * WINDOW])


@real_loop
async def test_a_small_batch_of_a_heavy_model_is_not_worth_a_thread() -> None:
    threads = set()

    @attrs.define
    class Heavy(Counting):
        heavy: bool = True

        def probabilities(self, windows: F32, state: F32) -> tuple[F32, F32]:
            threads.add(threading.current_thread())
            return Counting.probabilities(self, windows, state)

    model, ears = Heavy(), [Ear(), Ear()]
    async with running(model, SpeechEngineSettings(inline=256)) as here:
        with here.engine.open(TELEPHONE, ears[0]) as first:
            first.feed(AudioFrame(0.0, voice(0.5)))
            await ears[0].until(1)
            assert threads == {threading.main_thread()}
            with here.engine.open(TELEPHONE, ears[1]) as second:
                first.feed(AudioFrame(WINDOW, voice(0.5)))
                second.feed(AudioFrame(WINDOW, voice(0.5)))
                await ears[1].until(1)
    assert len(threads) == 2


@real_loop
async def test_a_heavy_model_runs_in_its_own_thread() -> None:
    threads = set()

    @attrs.define
    class Heavy(Counting):
        heavy: bool = True

        def probabilities(self, windows: F32, state: F32) -> tuple[F32, F32]:
            threads.add(threading.current_thread())
            return Counting.probabilities(self, windows, state)

    model, ear = Heavy(), Ear()
    async with running(model, SpeechEngineSettings(inline=0)) as here:
        with here.engine.open(TELEPHONE, ear) as slot:
            for n in range(5):
                slot.feed(AudioFrame(n * WINDOW, voice(0.5)))
                await ear.until(n + 1)
    assert threading.main_thread() not in threads
    assert model.batches == [[0], [1], [2], [3], [4]]


async def test_nothing_of_a_call_stays_behind() -> None:
    async with running(Counting()) as here:
        with here.engine.open(TELEPHONE, Ear()) as slot:
            slot.feed(AudioFrame(0.0, voice(0.5)))
            await anyio.wait_all_tasks_blocked()
        left = weakref.ref(slot)
        del slot
        with here.engine.open(TELEPHONE, ear := Ear()) as another:
            another.feed(AudioFrame(0.0, voice(0.5)))
            await ear.until(1)
            gc.collect()
            assert left() is None
