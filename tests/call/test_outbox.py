from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
import pytest

from dialog_core.audio import TELEPHONE, AudioOut
from dialog_core.call.clock import SystemClock
from dialog_core.call.outbox import Outbox
from dialog_core.messages import SpeakText
from dialog_core.speech.ledger import Ledger
from dialog_core.testing.line import FakeLine

pytestmark = pytest.mark.anyio

PIECE = TELEPHONE.nbytes(0.05)


@attrs.define
class Stage:
    line: FakeLine
    outbox: Outbox
    ledger: Ledger
    sent: list[tuple[float, int]] = attrs.field(factory=list)

    async def speak(self, number: int, *, last: bool = False) -> None:
        for n in range(number):
            audio = AudioOut(1, 0, b"\x00" * PIECE, last=last and n == number - 1)
            await self.outbox.put(self.ledger.take(audio))

    def sizes(self) -> list[int]:
        return [size for _, size in self.sent]


@asynccontextmanager
async def on_stage() -> AsyncIterator[Stage]:
    ledger, clock = Ledger(TELEPHONE), SystemClock()
    ledger.add(SpeakText(1, 0, "Hello there."))
    began = clock.monotonic()
    async with FakeLine().calling() as line, anyio.create_task_group() as tasks:
        outbox = Outbox(line, ledger, lambda: clock.monotonic() - began)
        stage = Stage(line, outbox, ledger)
        outbox.on_sent = lambda piece: stage.sent.append((outbox.now(), len(piece.data)))
        tasks.start_soon(outbox.run)
        yield stage
        tasks.cancel_scope.cancel()


async def test_the_first_pieces_go_out_as_they_come() -> None:
    async with on_stage() as stage:
        for _ in range(5):
            await stage.speak(1)
            await anyio.wait_all_tasks_blocked()
        assert stage.sizes() == [PIECE] * 5


async def test_pieces_gather_while_the_line_holds_enough() -> None:
    async with on_stage() as stage:
        for _ in range(30):
            await stage.speak(1)
            await anyio.wait_all_tasks_blocked()
        assert stage.sizes()[:10] == [PIECE] * 10
        assert set(stage.sizes()[11:]) == {4 * PIECE}


async def test_a_piece_that_nothing_follows_is_sent_before_the_line_runs_dry() -> None:
    async with on_stage() as stage:
        await stage.speak(20)
        while sum(stage.sizes()) < 20 * PIECE:
            await anyio.wait_all_tasks_blocked()
        ends = sum(stage.sizes()[:-1]) / 8000
        assert stage.sent[-1][0] <= ends - 0.4


async def test_the_end_of_a_segment_waits_for_nothing() -> None:
    async with on_stage() as stage:
        await stage.speak(13, last=True)
        await anyio.wait_all_tasks_blocked()
        assert sum(stage.sizes()) == 13 * PIECE


async def test_a_line_that_holds_a_second_is_given_long_pieces() -> None:
    async with on_stage() as stage:
        await stage.outbox.put(stage.ledger.take(AudioOut(1, 0, b"\x00" * 8000 * 4, last=True)))
        await anyio.wait_all_tasks_blocked()
        sizes = stage.sizes()
        held = [sum(sizes[:n]) / 8000 for n in range(len(sizes))]
        assert max(size for size, before in zip(sizes, held, strict=True) if before < 1.0) == 1600
        assert {size for size, before in zip(sizes[:-1], held, strict=False) if before >= 1.0} == {
            4800
        }
        assert sum(sizes) == 8000 * 4


@pytest.mark.parametrize("again", [False, True])
async def test_the_line_never_holds_more_than_we_could_take_back(again: bool) -> None:
    async with on_stage() as stage:
        minute = stage.ledger.take(AudioOut(1, 0, b"\x00" * 8000 * 60, last=True))
        if again:
            stage.outbox.put_now(minute)
        else:
            await stage.outbox.put(minute)
        most = 0.0
        while sum(stage.sizes()) < 8000 * 60:
            await anyio.wait_all_tasks_blocked()
            most = max(most, stage.ledger.ahead(stage.outbox.now()))
            await anyio.sleep(0.1)
        assert 30.0 < most < 30.7


async def test_who_makes_audio_waits_while_much_is_queued() -> None:
    async with on_stage() as stage:
        done = list[int]()

        async def speak() -> None:
            for number in range(100):
                audio = AudioOut(1, 0, b"\x00" * 8000)
                await stage.outbox.put(stage.ledger.take(audio))
                done.append(number)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak)
            await anyio.wait_all_tasks_blocked()
            assert 43 <= len(done) <= 45
            tasks.cancel_scope.cancel()
