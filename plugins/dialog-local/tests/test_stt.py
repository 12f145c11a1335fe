from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import attrs
import numpy as np
import pytest
from anyio.lowlevel import checkpoint
from dialog_local.desk import Desk
from dialog_local.moonshine import RATE, Heard
from dialog_local.recogniser import Recogniser
from dialog_local.settings import SttSettings
from dialog_local.stt import PHRASES, LocalSpeechToText
from numpy.typing import NDArray

from dialog_core import g711
from dialog_core.audio import TELEPHONE, AudioFrame, Encoding
from dialog_core.errors import ProviderRejected
from dialog_core.factory import Services
from dialog_core.messages import Transcript
from dialog_core.observe.observations import Counted, Observation
from dialog_core.protocols import SttEvent, SttSession
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.turns.events import SpeechStarted, SpeechStopped

pytestmark = [pytest.mark.anyio, real_loop]

PATIENCE = 60.0


@attrs.define
class Counter:
    """A model that says how many tenths of a second it was given, when the gate is open."""

    gate: threading.Event = attrs.field(factory=threading.Event)
    begun: threading.Event = attrs.field(factory=threading.Event)
    calls: int = 0
    unsure: bool = False
    probability: float = -0.1
    given: list[Heard] = attrs.field(factory=list)
    """What it has answered."""

    def transcribe(self, samples: NDArray[np.float32]) -> Heard:
        self.calls += 1
        self.begun.set()
        assert self.gate.wait(PATIENCE)
        heard = Heard(f"{samples.size / RATE:.1f} s", -2.0 if self.unsure else self.probability)
        self.given.append(heard)
        return heard

    async def answered(self) -> None:
        """Wait for the first answer."""
        with anyio.fail_after(PATIENCE):
            while not self.given:
                await checkpoint()


@attrs.frozen
class OneThing:
    """Shared resources of which there is one, already open."""

    thing: Any

    async def get(
        self, _key: Hashable, _open: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> Any:
        return self.thing


@pytest.fixture
def model() -> Counter:
    counter = Counter()
    counter.gate.set()
    return counter


@pytest.fixture
def stt(model: Counter, services: Services, tmp_path: Path) -> LocalSpeechToText:
    for name in ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"):
        (tmp_path / name).touch()
    shared = OneThing(Recogniser(model, Desk()))
    return LocalSpeechToText(
        SttSettings(folder=str(tmp_path)), attrs.evolve(services, shared=shared)
    )


def sound(seconds: float) -> bytes:
    """A tone that comes and goes, so that it is not steady."""
    time = np.arange(round(seconds * 8000)) / 8000
    samples = 8000 * np.sin(2 * np.pi * 300 * time) * (np.sin(2 * np.pi * 2 * time) > 0)
    return g711.encode(samples.astype(np.int16), Encoding.MULAW)


def feed(session: SttSession, start: float, seconds: float) -> None:
    data = sound(seconds)
    for at in range(0, len(data), 160):
        session.feed(AudioFrame(start + at / 8000, data[at : at + 160]))


async def next_of(events: AsyncIterator[SttEvent]) -> Transcript:
    with anyio.fail_after(PATIENCE):
        event = await anext(events)
    assert isinstance(event, Transcript)
    return event


async def test_a_phrase_becomes_one_final_transcript_on_the_calls_clock(
    stt: LocalSpeechToText,
) -> None:
    async with stt.open(TELEPHONE) as session:
        events = session.events()
        feed(session, 0.0, 1.0)
        session.note(SpeechStarted(0.9))
        feed(session, 1.0, 0.3)
        session.note(SpeechStopped(1.1))
        final = await next_of(events)
    assert final.final
    assert (final.started, final.at) == (0.9, 1.1)
    assert final.text == "0.8 s"
    assert final.confidence == pytest.approx(0.905, abs=0.001)


async def test_close_phrases_stay_apart_and_in_order(
    stt: LocalSpeechToText, model: Counter
) -> None:
    model.gate.clear()
    async with stt.open(TELEPHONE) as session:
        feed(session, 0.0, 3.0)
        session.note(SpeechStarted(0.5))
        session.note(SpeechStopped(1.0))
        session.note(SpeechStarted(1.2))
        session.note(SpeechStopped(2.5))
        model.gate.set()
        events = session.events()
        first, second = await next_of(events), await next_of(events)
    assert first.final
    assert second.final
    assert (first.at, second.started) == (1.0, 1.3)


async def test_interims_grow_while_the_caller_speaks(stt: LocalSpeechToText) -> None:
    async with stt.open(TELEPHONE) as session:
        events = session.events()
        feed(session, 0.0, 0.5)
        session.note(SpeechStarted(0.4))
        feed(session, 0.5, 0.5)
        first = await next_of(events)
        feed(session, 1.0, 0.6)
        second = await next_of(events)
        session.note(SpeechStopped(1.5))
        final = await next_of(events)
    assert [first.final, second.final, final.final] == [False, False, True]
    assert first.started == second.started == final.started
    assert (first.at, second.at) == pytest.approx((1.0, 1.6))
    assert final.at == 1.5


async def test_an_interim_that_comes_after_the_phrase_is_not_told(
    stt: LocalSpeechToText, model: Counter
) -> None:
    model.gate.clear()
    async with stt.open(TELEPHONE) as session:
        events = session.events()
        session.note(SpeechStarted(0.0))
        feed(session, 0.0, 1.0)
        await anyio.to_thread.run_sync(model.begun.wait)
        session.note(SpeechStopped(0.9))
        model.gate.set()
        assert (await next_of(events)).final
    assert model.calls == 2


@pytest.mark.parametrize("interim", [True, False])
async def test_noise_is_told_only_to_take_back_interim_words(
    stt: LocalSpeechToText,
    model: Counter,
    interim: bool,
) -> None:
    async with stt.open(TELEPHONE) as session:
        events = session.events()
        session.note(SpeechStarted(0.0))
        feed(session, 0.0, 1.0 if interim else 0.4)
        if interim:
            assert not (await next_of(events)).final
        model.unsure = True
        session.note(SpeechStopped(0.4))
        feed(session, 1.0, 0.4)
        if interim:
            taken_back = await next_of(events)
            assert taken_back.final
            assert taken_back.text == ""
        else:
            await model.answered()
            model.unsure = False
            session.note(SpeechStarted(1.1))
            session.note(SpeechStopped(1.3))
            assert (await next_of(events)).started == 1.1


async def test_words_that_were_sure_outlive_a_doubt_about_the_whole_phrase(
    stt: LocalSpeechToText, model: Counter
) -> None:
    async with stt.open(TELEPHONE) as session:
        events = session.events()
        session.note(SpeechStarted(0.0))
        feed(session, 0.0, 1.0)
        interim = await next_of(events)
        model.probability = -0.8
        session.note(SpeechStopped(0.4))
        feed(session, 1.0, 0.4)
        final = await next_of(events)
        assert (final.final, final.text) == (True, interim.text)


async def test_an_interim_that_waited_too_long_is_not_made(
    stt: LocalSpeechToText, model: Counter
) -> None:
    model.gate.clear()
    async with stt.open(TELEPHONE) as other, stt.open(TELEPHONE) as session:
        other.note(SpeechStarted(0.0))
        feed(other, 0.0, 1.0)
        other.note(SpeechStopped(0.9))
        await anyio.to_thread.run_sync(model.begun.wait)
        session.note(SpeechStarted(0.0))
        feed(session, 0.0, 2.0)
        await anyio.wait_all_tasks_blocked()
        session.note(SpeechStopped(1.9))
        model.gate.set()
        assert (await next_of(session.events())).final
    assert model.calls == 2


async def test_a_call_that_cannot_be_followed_drops_phrases_and_says_so(
    stt: LocalSpeechToText, model: Counter, observed: list[Observation]
) -> None:
    model.gate.clear()
    async with stt.open(TELEPHONE) as session:
        feed(session, 0.0, 1.0)
        for _ in range(PHRASES + 1):
            session.note(SpeechStarted(1.0))
            session.note(SpeechStopped(1.0))
        model.gate.set()
    assert Counted("", "local.stt phrases dropped", 1) in observed


async def test_missing_files_end_the_session_and_say_what_to_run(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALOG_MODELS", str(tmp_path))
    async with LocalSpeechToText(SttSettings(), services).open(TELEPHONE) as session:
        with pytest.raises(ProviderRejected, match="run: dialogctl models fetch"):
            await anext(session.events())
