"""Calls that are recognised over Realtime transcription sessions, by a fake that fails on request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest
from dialog_openai.realtime.session import RealtimeTranscription
from dialog_openai.realtime.settings import RealtimeSettings
from dialog_openai.testing import KEY, FakeRealtime, RealtimeFault

from dialog_core.audio import TELEPHONE, AudioFormat, AudioFrame
from dialog_core.errors import ProviderError, ProviderRejected, ProviderUnavailable
from dialog_core.fields import Secret
from dialog_core.messages import Transcript
from dialog_core.observe.observations import Observation, ProviderTimed, Trouble
from dialog_core.protocols import SttEvent, SttSession
from dialog_core.testing.hearing import spoken, voiced
from dialog_core.testing.speech import pass_time
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped

pytestmark = pytest.mark.anyio

FIRST, SECOND = "I want to cancel", "my old order"


@attrs.define(eq=False)
class Call:
    """One call, and what was heard of it."""

    session: SttSession
    fake: FakeRealtime
    observed: list[Observation]
    at: float = 0.0
    events: list[SttEvent] = attrs.field(factory=list)
    error: ProviderError | None = None
    _news: anyio.Event = attrs.field(factory=anyio.Event)

    async def say(self, phrase: str, *, silence: float = 0.0, noted: bool = True) -> None:
        """Say a phrase, then be silent; noted: the line's voice detector notices."""
        if noted:
            self.session.note(SpeechStarted(self.at))
        await self.play(voiced(phrase, TELEPHONE))
        if noted:
            self.session.note(SpeechStopped(self.at))
        await self.hush(silence)

    async def hush(self, seconds: float) -> None:
        await self.play(TELEPHONE.silence(seconds))

    async def play(self, audio: bytes, fmt: AudioFormat = TELEPHONE) -> None:
        size = fmt.nbytes(0.02)
        for start in range(0, len(audio), size):
            data = audio[start : start + size]
            await pass_time(fmt.seconds(len(data)))
            self.session.feed(AudioFrame(self.at, data))
            self.at += fmt.seconds(len(data))

    async def listen(self) -> None:
        try:
            async for event in self.session.events():
                self.events.append(event)
                self._tell()
        except ProviderError as error:
            self.error = error
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, anyio.Event()
        news.set()

    async def until(self, reached: Callable[[], object], *, within: float = 20.0) -> None:
        with anyio.fail_after(within):
            while not reached():
                await self._news.wait()

    @property
    def finals(self) -> list[str]:
        return [e.text for e in self.events if isinstance(e, Transcript) and e.final and e.text]

    @property
    def said(self) -> str:
        return " ".join(self.finals)

    def kinds(self, connection: int = 0) -> list[str]:
        """Types of the messages that were sent, audio left out."""
        sent = self.fake.connections[connection].kinds
        return [kind.removeprefix("input_audio_buffer.") for kind in sent if "append" not in kind]

    def troubles(self) -> list[str]:
        return [each.what for each in self.observed if isinstance(each, Trouble)]


@asynccontextmanager
async def calling(
    *faults: RealtimeFault,
    script: tuple[str, ...] = (FIRST, SECOND),
    vocabulary: tuple[str, ...] = (),
    **options: Any,
) -> AsyncIterator[Call]:
    """A call over a fake whose first connections have these faults."""
    fake = FakeRealtime(script, vocabulary, faults)
    observed: list[Observation] = []
    settings = RealtimeSettings(**{"api_key": Secret(KEY), **options})
    async with (
        in_memory(fake.app, observe=observed.append) as services,
        RealtimeTranscription(settings, services).open(TELEPHONE) as session,
        anyio.create_task_group() as tasks,
    ):
        call = Call(session, fake, observed)
        tasks.start_soon(call.listen)
        yield call
        tasks.cancel_scope.cancel()


async def test_the_line_s_silence_commits_and_nothing_but_speech_is_sent() -> None:
    async with calling() as call:
        await call.hush(5.0)
        await call.say(FIRST, silence=5.0)
        await call.say(SECOND, silence=1.0)
        assert call.finals == [FIRST, SECOND]
        assert call.kinds() == ["session.update", "commit", "commit"]
        spoken = TELEPHONE.seconds(len(voiced(FIRST + " " + SECOND, TELEPHONE)))
        assert call.fake.connections[0].seconds == pytest.approx(spoken + 2 * 0.3, abs=0.05)
        assert call.fake.refused == []


async def test_words_come_soon_after_the_line_s_silence() -> None:
    async with calling() as call:
        await call.say(FIRST, silence=1.0)
        (timed,) = [each for each in call.observed if isinstance(each, ProviderTimed)]
    assert timed.first is not None
    assert timed.first - timed.started <= 0.3


async def test_the_address_names_no_model_and_asks_for_no_beta() -> None:
    async with calling() as call:
        await call.say(FIRST, silence=1.0)
        (connection,) = call.fake.connections
    assert connection.query == {"intent": "transcription"}
    assert "openai-beta" not in connection.headers


@pytest.mark.requirement("A.27")
async def test_the_server_s_silence_detector_cuts_without_our_help() -> None:
    async with calling(turn_detection="server_vad", silence_duration_ms=300) as call:
        await call.say(FIRST, silence=1.5, noted=False)
        await call.say(SECOND, silence=1.5, noted=False)
        assert call.finals == [FIRST, SECOND]
        assert call.kinds() == ["session.update"]
        assert not any(isinstance(event, EndOfTurn) for event in call.events)


@pytest.mark.requirement("A.27")
async def test_the_semantic_detector_s_turns_reach_the_endpointer() -> None:
    async with calling(turn_detection="semantic_vad", eagerness="high", voice_events=True) as call:
        await call.say(FIRST, silence=2.0)
        kinds = [type(each) for each in call.events if not isinstance(each, Transcript)]
        assert kinds == [SpeechStarted, SpeechStopped, EndOfTurn]
        assert isinstance(call.events[-2], Transcript)
        assert call.events[-2].final


async def test_speech_that_never_ends_is_cut() -> None:
    words = tuple(f"word{number}" for number in range(30))
    async with calling(longest=5.0, vocabulary=words) as call:
        call.session.note(SpeechStarted(0.0))
        await call.play(b"".join(frame.data for frame in spoken(" ".join(words), words, word=0.3)))
        assert call.kinds().count("commit") == 2
        call.session.note(SpeechStopped(call.at))
        await call.hush(1.0)
        assert tuple(call.said.split()) == words


async def test_items_that_overtake_each_other_are_told_in_order() -> None:
    async with calling(RealtimeFault(slow=frozenset({0}))) as call:
        await call.say(FIRST, silence=0.3)
        await call.say(SECOND, silence=3.0)
        await call.until(lambda: len(call.finals) == 2)
        assert call.finals == [FIRST, SECOND]


async def test_an_utterance_that_fails_costs_itself_alone() -> None:
    async with calling(RealtimeFault(failing=frozenset({0}))) as call:
        await call.say(FIRST, silence=1.0)
        await call.say(SECOND, silence=1.0)
        assert call.finals == [SECOND]
        assert len(call.fake.connections) == 1
    assert "an utterance could not be transcribed" in call.troubles()


async def test_known_words_are_settled_when_the_rest_does_not_come() -> None:
    async with calling(RealtimeFault(stuck=frozenset({0}))) as call:
        await call.say(FIRST, silence=1.5)
        assert call.finals == [FIRST]
        await call.say(SECOND, silence=1.0)
        assert call.finals == [FIRST, SECOND]
        assert len(call.fake.connections) == 1


@pytest.mark.parametrize("detection", ["none", "server_vad", "semantic_vad"])
async def test_a_connection_lost_in_a_word_costs_no_words(detection: str) -> None:
    async with calling(RealtimeFault(drop_after=0.7), turn_detection=detection) as call:
        await call.hush(0.5)
        await call.say(FIRST, silence=2.5)
        assert call.finals == [FIRST]
        (final,) = [e for e in call.events if isinstance(e, Transcript) and e.final]
        assert final.started == pytest.approx(0.5, abs=0.35)
        assert len(call.fake.connections) == 2


async def test_a_long_utterance_survives_a_loss_at_its_end() -> None:
    words = " ".join(f"word{number}" for number in range(20))
    async with calling(RealtimeFault(drop_after=5.9), script=(words,)) as call:
        await call.say(words, silence=2.0)
        assert call.said == words


async def test_a_connection_that_goes_mute_after_a_commit_is_replaced() -> None:
    async with calling(RealtimeFault(mute_after=1.0)) as call:
        await call.say(FIRST, silence=8.0)
        assert call.finals == [FIRST]
        assert len(call.fake.connections) == 2


@pytest.mark.parametrize("detection", ["server_vad", "semantic_vad"])
async def test_a_detector_that_goes_mute_is_asked_for_a_sign_of_life(detection: str) -> None:
    async with calling(RealtimeFault(mute_after=0.02), turn_detection=detection) as call:
        await call.hush(1.0)
        await call.say(FIRST, silence=8.0)
        assert call.kinds() == ["session.update", "session.update"]
        assert call.finals == [FIRST]
        assert len(call.fake.connections) == 2


async def test_a_session_that_expires_is_renewed_without_losing_words() -> None:
    async with calling(RealtimeFault(expire_after=1.0)) as call:
        await call.say(FIRST, silence=2.0)
        assert call.finals == [FIRST]


async def test_an_old_connection_is_replaced_while_nobody_speaks() -> None:
    async with calling(renew=10.0) as call:
        await call.say(FIRST, silence=12.0)
        assert call.fake.connections[0].closed
        assert len(call.fake.connections) == 1
        call.fake.script = (SECOND,)
        await call.say(SECOND, silence=1.0)
        assert call.finals == [FIRST, SECOND]
        assert len(call.fake.connections) == 2
        assert call.troubles() == []


async def test_an_idle_line_needs_no_new_connection() -> None:
    async with calling(RealtimeFault(expire_after=1.6)) as call:
        await call.say(FIRST, silence=1.0)
        await call.hush(10.0)
        assert len(call.fake.connections) <= 2
        assert call.finals == [FIRST]


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (RealtimeFault(refuse=401), ProviderRejected, "scripted refusal"),
        (RealtimeFault(refuse=429, code="insufficient_quota"), ProviderRejected, "quota"),
        (RealtimeFault(refuse=503), ProviderUnavailable, "scripted refusal"),
        (RealtimeFault(unready=True), ProviderUnavailable, "did not accept the session in 3 s"),
    ],
)
async def test_what_does_not_get_better_becomes_an_error(
    fault: RealtimeFault, kind: type[ProviderError], reason: str
) -> None:
    async with calling(*[fault] * 9) as call:
        await call.say(FIRST)
        await call.until(lambda: call.error)
        assert type(call.error) is kind
        assert reason in str(call.error)
        assert call.error is not None
        assert call.error.stage == "stt"


async def test_a_configuration_that_is_refused_is_not_tried_again() -> None:
    async with calling(headers={"OpenAI-Beta": Secret("realtime=v1")}) as call:
        await call.until(lambda: call.error)
        assert isinstance(call.error, ProviderRejected)
        assert "beta" in str(call.error).lower()
        assert len(call.fake.connections) == 1


async def test_complaints_and_unknown_messages_change_nothing() -> None:
    async with calling(RealtimeFault(complain_after=0.3)) as call:
        await call.say(FIRST, silence=1.0)
        assert call.finals == [FIRST]
        assert call.troubles() == [
            "the recogniser complained",
            "a message of an unknown kind was skipped",
        ]


async def test_garbage_costs_the_connection_but_no_words() -> None:
    async with calling(RealtimeFault(garbage_after=0.5)) as call:
        await call.say(FIRST, silence=2.0)
        assert call.finals == [FIRST]
        assert len(call.fake.connections) == 2


async def test_a_click_is_not_worth_a_commit() -> None:
    async with calling() as call:
        await call.hush(1.0)
        call.session.note(SpeechStarted(call.at))
        call.session.note(SpeechStopped(call.at + 0.04))
        await call.hush(1.0)
        assert call.kinds() == ["session.update"]
        await call.say(FIRST, silence=1.0)
        assert call.finals == [FIRST]


async def test_speech_noticed_twice_in_the_server_s_absence_is_committed_once() -> None:
    async with calling(RealtimeFault(refuse=503)) as call:
        await call.say(FIRST, silence=0.0)
        await call.say(SECOND, silence=2.0)
        assert sorted(call.said.split()) == sorted(f"{FIRST} {SECOND}".split())


async def test_words_spoken_while_the_connection_was_lost_are_waited_for() -> None:
    words = ("one", "two", "three", "four", "five", "six")
    lost_again = RealtimeFault(drop_after=0.1)
    faults = (RealtimeFault(drop_after=1.0), lost_again, lost_again, lost_again)
    async with calling(*faults, vocabulary=words, model="gpt-live-transcribe") as call:
        frames = spoken(" ".join(words), words)
        call.session.note(SpeechStarted(0.0))
        await call.play(b"".join(frame.data for frame in frames))
        call.session.note(SpeechStopped(call.at))
        await call.hush(5.0)
        assert call.said == " ".join(words)
        assert len(call.fake.connections) == 5
