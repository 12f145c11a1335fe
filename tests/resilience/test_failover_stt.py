from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame
from dialog_core.call.clock import SystemClock
from dialog_core.errors import ProviderError, ProviderRejected, ProviderUnavailable
from dialog_core.messages import Transcript, Word
from dialog_core.protocols import SttEvent
from dialog_core.resilience.failover_stt import FailoverStt
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped
from tests.resilience.chains import open_stage

pytestmark = pytest.mark.anyio

TEXT = "What does a room with breakfast cost?"
BEGINS, EACH = 1.0, 0.3
"""Call time of the first word; seconds of each."""
NOTICED = 0.2
"""Seconds of silence after which the line's voice detector says so."""
FRAME = 0.02


def spoken(text: str = TEXT, begins: float = BEGINS) -> list[Word]:
    return [
        Word(word, begins + number * EACH, begins + (number + 1) * EACH)
        for number, word in enumerate(text.split())
    ]


@attrs.define(eq=False)
class Ear:
    """Recognises the words whose audio it was given, and fails as told."""

    words: Sequence[Word] = attrs.field(factory=spoken)
    interims: bool = True
    fails_at: float = math.inf
    """Call time of the audio at which it fails."""
    trouble: ProviderError | None = None
    """What it raises then; None to fall silent."""
    guesses: bool = False
    """Falling silent, it settles its last guess all the same, as a session does for its vendor."""
    late: float = 0.0
    settles: bool = True
    """Words become final when the caller falls silent."""
    opened: int = 0
    open: int = 0

    @asynccontextmanager
    async def open_(self, fmt: AudioFormat) -> AsyncIterator[Hearing]:
        self.opened += 1
        self.open += 1
        try:
            yield Hearing(self, fmt)
        finally:
            self.open -= 1


@attrs.define(eq=False)
class Component:
    """An :class:`Ear` as a provider."""

    ear: Ear

    def open(self, fmt: AudioFormat) -> Any:
        return self.ear.open_(fmt)


@attrs.define(eq=False)
class Hearing:
    ear: Ear
    fmt: AudioFormat
    _start: float | None = None
    _fed: float = 0.0
    _stopped: bool = False
    _settled: float = -1.0
    _guess: str = ""
    _news: anyio.Event = attrs.field(factory=anyio.Event)

    def feed(self, frame: AudioFrame) -> None:
        self._start = frame.at if self._start is None else self._start
        self._fed = frame.at + self.fmt.seconds(len(frame.data))
        self._news.set()

    def note(self, event: SpeechStarted | SpeechStopped) -> None:
        self._stopped = isinstance(event, SpeechStopped)
        self._news.set()

    async def events(self) -> AsyncIterator[SttEvent]:
        ear = self.ear
        while True:
            failed = self._fed >= ear.fails_at
            if failed and ear.trouble is not None:
                raise ear.trouble
            transcript = self._heard(min(self._fed, ear.fails_at), failed=failed)
            if transcript is not None:
                await anyio.sleep(ear.late)
                yield transcript
                if transcript.final:
                    yield EndOfTurn(transcript.at)
                continue
            self._news = anyio.Event()
            await self._news.wait()

    def _heard(self, until: float, *, failed: bool) -> Transcript | None:
        start = max(self._settled, -1.0 if self._start is None else self._start)
        words = [w for w in self.ear.words if w.start >= start - 1e-6 and w.end <= until + 1e-6]
        text = " ".join(word.text for word in words)
        if not text or (failed and not (self._stopped and self.ear.guesses)):
            return None
        if self._stopped and self.ear.settles:
            self._settled, self._guess = until, ""
            return Transcript(until, text, final=True, started=words[0].start)
        if not self.ear.interims or text == self._guess:
            return None
        self._guess = text
        return Transcript(until, text, final=False, started=words[0].start)


@attrs.define
class Heard:
    events: list[SttEvent] = attrs.field(factory=list)
    times: list[float] = attrs.field(factory=list)

    @property
    def finals(self) -> list[str]:
        return [e.text for e in self.events if isinstance(e, Transcript) and e.final]

    @property
    def settled(self) -> float:
        """When the last words were settled."""
        pairs = zip(self.events, self.times, strict=True)
        return max(at for event, at in pairs if isinstance(event, Transcript) and event.final)


async def listen_to(
    chain: FailoverStt, *, phrases: Sequence[Sequence[Word]] = (), seconds: float = 9.0
) -> Heard:
    """Feed a call in which these phrases are spoken, as the line and its voice detector would."""
    heard, clock = Heard(), SystemClock()
    began = clock.monotonic()
    stretches = [(words[0].start, words[-1].end) for words in phrases or [spoken()]]
    notes: list[tuple[float, SpeechStarted | SpeechStopped]] = []
    for start, end in stretches:
        notes += [(start + 0.06, SpeechStarted(start)), (end + NOTICED, SpeechStopped(end))]

    async def collect(session: Any) -> None:
        async for event in session.events():
            heard.events.append(event)
            heard.times.append(clock.monotonic() - began)

    async with chain.open(TELEPHONE) as session, anyio.create_task_group() as tasks:
        tasks.start_soon(collect, session)
        for number in range(round(seconds / FRAME)):
            at = number * FRAME
            await anyio.sleep(began + at + FRAME - clock.monotonic())
            session.feed(AudioFrame(at, TELEPHONE.silence(FRAME)))
            while notes and notes[0][0] <= at + FRAME + 1e-9:
                session.note(notes.pop(0)[1])
        tasks.cancel_scope.cancel()
    return heard


async def heard_by(*ears: Ear, **options: Any) -> Heard:
    async with open_stage() as stage:
        chain = stage.chain("stt", *[Component(ear) for ear in ears])
        heard = await listen_to(chain, **options)
    assert all(ear.open == 0 for ear in ears)
    return heard


def ended() -> float:
    return spoken()[-1].end


def down() -> ProviderError:
    return ProviderUnavailable("one", "is down", stage="stt")


async def test_a_recogniser_in_time_listens_alone() -> None:
    two = Ear()
    assert (await heard_by(Ear(), two)).finals == [TEXT]
    assert two.opened == 0


async def test_one_without_interim_words_is_not_doubted_for_long_speech() -> None:
    one, two = Ear(interims=False), Ear(words=spoken("Never"))
    assert (await heard_by(one, two)).finals == [TEXT]


async def test_one_that_takes_turns_itself_may_settle_when_it_likes() -> None:
    one, two = Ear(settles=False), Ear()
    heard = await heard_by(one, two)
    assert two.opened == 0
    assert isinstance(heard.events[-1], Transcript)
    assert heard.events[-1].text == TEXT


@pytest.mark.parametrize(
    "one",
    [
        Ear(fails_at=0.0, trouble=ProviderRejected("one", "no credit", stage="stt")),
        Ear(fails_at=1.7, trouble=down()),
        Ear(fails_at=0.0),
        Ear(fails_at=1.7),
        Ear(fails_at=1.7, guesses=True),
        Ear(late=5.0),
    ],
    ids=["refused", "lost in a word", "mute", "mute from a word on", "guessing", "slow"],
)
async def test_no_word_is_lost_with_a_recogniser(one: Ear) -> None:
    heard = await heard_by(one, Ear())
    assert " ".join(heard.finals) == TEXT
    assert heard.settled <= ended() + 2.0
    assert sum(isinstance(event, EndOfTurn) for event in heard.events) == len(heard.finals)


async def test_times_stay_on_the_calls_clock() -> None:
    heard = await heard_by(Ear(fails_at=0.0), Ear())
    (final,) = [e for e in heard.events if isinstance(e, Transcript) and e.final]
    assert final.started == pytest.approx(BEGINS)
    assert final.at >= ended()


async def test_a_long_sentence_is_heard_from_its_beginning() -> None:
    words = spoken(" ".join(f"w{number}" for number in range(20)))
    heard = await heard_by(
        Ear(words, interims=False, fails_at=0.0), Ear(words), phrases=[words], seconds=12.0
    )
    assert " ".join(heard.finals) == " ".join(word.text for word in words)


async def test_noise_without_words_costs_ever_fewer_second_opinions() -> None:
    noises = [spoken("a cough", begins) for begins in (1.0, 6.0, 11.0, 16.0)]
    one, two = Ear([]), Ear([])
    heard = await heard_by(one, two, phrases=noises, seconds=24.0)
    assert heard.events == []
    assert one.opened == 1
    assert two.opened <= len(noises)


async def test_what_the_second_cannot_better_is_passed_on() -> None:
    one, two = Ear(fails_at=1.7, guesses=True), Ear(fails_at=0.0)
    assert (await heard_by(one, two)).finals == ["What does"]


async def test_when_all_have_failed_the_error_is_told() -> None:
    with pytest.RaisesGroup(ProviderUnavailable, allow_unwrapped=True, flatten_subgroups=True):
        await heard_by(Ear(fails_at=0.0, trouble=down()), Ear(fails_at=0.5, trouble=down()))


async def test_the_circuit_spares_the_next_call() -> None:
    one, two = Ear(fails_at=0.0), Ear()
    async with open_stage() as stage:
        for _call in range(2):
            heard = await listen_to(stage.chain("stt", Component(one), Component(two)))
            assert heard.finals == [TEXT]
    assert (one.opened, two.opened) == (1, 2)
    assert heard.settled == pytest.approx(ended() + NOTICED, abs=0.05)
