"""Audio between a vendor's reader and the line: in order, once, and given up when the vendor falls silent."""

from __future__ import annotations

import anyio
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.audio import AudioOut
from dialog_core.errors import ProviderUnavailable
from dialog_core.messages import Word
from dialog_core.resilience.outlet import Deadline, Outlet, Pieces

pytestmark = pytest.mark.anyio


def piece(data: bytes, index: int = 0, *, last: bool = False) -> AudioOut:
    return AudioOut(1, index, data, last=last)


@attrs.define
class Player:
    """Plays an outlet; what it takes at once it takes only while it is ready."""

    pieces: Pieces
    ready: bool = True
    played: list[bytes] = attrs.field(factory=list)
    at_once: int = 0

    def take(self, audio: AudioOut) -> bool:
        if self.ready and not audio.last:
            self.at_once += 1
            self.played.append(audio.data)
            return True
        return False

    async def play(self) -> None:
        async for audio in self.pieces:
            self.played.append(audio.data)


def player(outlet: Outlet, deadline: Deadline | None = None) -> Player:
    made = Player(Pieces(outlet, deadline))
    made.pieces.divert(made.take)
    return made


async def test_audio_that_a_player_waits_for_wakes_nobody() -> None:
    outlet = Outlet(100)
    playing = player(outlet)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(playing.play)
        await anyio.wait_all_tasks_blocked()
        assert outlet.put(piece(b"ab"))
        assert outlet.put(piece(b"cd"))
        assert (playing.played, outlet.nbytes) == ([b"ab", b"cd"], 0)
        outlet.close()
    assert playing.at_once == 2


async def test_who_waits_for_room_is_told_of_what_was_played_at_once() -> None:
    outlet = Outlet(100)
    playing = player(outlet)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(playing.play)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(1):
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(outlet.changed)
                await anyio.wait_all_tasks_blocked()
                outlet.put(piece(b"ab"))
        outlet.close()


async def test_audio_before_the_player_listens_waits_and_comes_in_one_piece() -> None:
    outlet = Outlet(100)
    word = Word("Hello", 0.0, 0.1)
    outlet.put(piece(b"ab"))
    outlet.put(AudioOut(1, 0, b"cd", (word,)))
    outlet.put(piece(b"", last=True))
    outlet.put(piece(b"ef", 1))
    assert outlet.take() == AudioOut(1, 0, b"abcd", (word,), last=True)
    assert outlet.take() == piece(b"ef", 1)
    assert (outlet.take(), outlet.nbytes) == (None, 0)


async def test_an_error_comes_after_the_audio_before_it() -> None:
    outlet = Outlet(100)
    playing = player(outlet)
    outlet.put(piece(b"ab"))
    outlet.close(ProviderUnavailable("vendor", "gone", stage="tts"))
    with pytest.raises(ProviderUnavailable, match="gone"):
        await playing.play()
    assert playing.played == [b"ab"]


async def test_more_than_fits_is_refused() -> None:
    outlet = Outlet(3)
    assert outlet.put(piece(b"ab"))
    assert not outlet.put(piece(b"cd"))


async def test_a_vendor_that_owes_audio_is_waited_for_from_its_last_sign_of_life() -> None:
    outlet, expired = Outlet(100), list[float]()

    def expire(_limit: float) -> None:
        expired.append(anyio.current_time())
        outlet.close()

    deadline = Deadline(lambda: 1.0, expire, anyio.current_time, anyio.current_time())
    began = deadline.touched
    playing = player(outlet, deadline)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(playing.play)
        await anyio.sleep(0.75)
        deadline.touched = anyio.current_time()
        outlet.put(piece(b"ab"))
    assert expired == [pytest.approx(began + 1.75)]


async def test_a_limit_that_changes_with_audio_taken_at_once_is_heeded() -> None:
    outlet, expired = Outlet(100), list[float]()

    def expire(limit: float) -> None:
        expired.append(limit)
        outlet.close()

    def limit() -> float:
        return 0.25 if playing.played else 5.0

    deadline = Deadline(limit, expire, anyio.current_time, anyio.current_time())
    playing = player(outlet, deadline)
    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(playing.play)
        await anyio.wait_all_tasks_blocked()
        deadline.touched = anyio.current_time()
        outlet.put(piece(b"ab"))
    assert expired == [0.25]
    assert anyio.current_time() - began == pytest.approx(0.25)


STEPS = st.sampled_from(["put", "put", "put", "end", "pause", "busy", "ready", "tell"])


@given(st.lists(STEPS, max_size=40))
def test_all_audio_is_played_once_and_in_order(steps: list[str]) -> None:
    """Whether the player is ready, busy or not there yet, and whoever else is told to look again."""

    async def work() -> None:
        outlet = Outlet(10_000)
        playing = player(outlet)
        sent, index = bytearray(), 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(playing.play)
            for number, step in enumerate(steps):
                if step == "pause":
                    await anyio.wait_all_tasks_blocked()
                elif step == "tell":
                    outlet.notify()
                elif step in ("busy", "ready"):
                    playing.ready = step == "ready"
                else:
                    data = bytes([number])
                    sent += data
                    outlet.put(piece(data, index, last=step == "end"))
                    index += step == "end"
            outlet.close()
        assert b"".join(playing.played) == bytes(sent)

    anyio.run(work, backend="trio")
