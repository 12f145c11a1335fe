"""Text to speech to the line: the agent's words are cut into segments, spoken and played as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from weakref import ref

import anyio
import attrs

from dialog_core.agent.agent import Agent, nothing
from dialog_core.agent.call import Call
from dialog_core.audio import AudioOut
from dialog_core.call.draft import Draft
from dialog_core.call.guard import closing
from dialog_core.call.held import Held
from dialog_core.call.reply import LIVE_REPLY, Playout, ReplyPlan, Watched
from dialog_core.cascade.ready_made import Holding, ReadyMade
from dialog_core.errors import PluginError
from dialog_core.messages import PLAIN, Manner, SpeakText, Utterance
from dialog_core.protocols import TtsSession, Voice
from dialog_core.resilience.outlet import Pieces
from dialog_core.speech.chunker import Chunker
from dialog_core.speech.text import TextSettings
from dialog_core.speech.written import Spelling, as_written
from dialog_core.turns.effects import Apology, Cause, Nudge, Unheard
from dialog_core.turns.events import ReplyWanted

__all__ = ["CascadeResponder"]

Watch = Callable[[tuple[int, int]], Watched]
EAGER_CHARACTERS = 120
"""Of text given to the voice before it is certain that anybody will hear it; some seven seconds of speech."""


@attrs.define(eq=False)
class SegmentSpeaker:
    """Says one reply's text, piece by piece."""

    voice: Voice
    playout: Playout
    watch: Watch
    manner: Manner = PLAIN
    """Of the text that comes next."""
    chunker: Chunker = attrs.field(factory=Chunker)
    spell: Spelling = as_written
    _gathered: Manner = PLAIN
    """Of the text that the chunker holds."""

    @property
    def reply(self) -> int:
        """The reply's number."""
        return self.playout.reply

    @property
    def is_silent(self) -> bool:
        """Whether it has said nothing so far."""
        return self.playout.times.first_segment is None

    @property
    def draft(self) -> Draft | None:
        """What the reply keeps to itself until its turn is complete."""
        return self.playout.draft

    def speak_with(self, manner: Manner) -> None:
        """Speak what follows in this manner, to the end of the reply."""
        self.manner = manner

    async def push(self, text: str) -> None:
        """Say more of the reply, as far as it makes whole segments."""
        self.playout.text_came()
        if self.manner != self._gathered:
            await self._gather(" ")
            await self.flush()
            self._gathered = self.manner
        await self._gather(text)

    async def _gather(self, text: str) -> None:
        for piece in self.chunker.push(text):
            await self._speak(piece)

    async def flush(self, *, protected: bool = False) -> SpeakText | None:
        """Say what is left, although it ends no sentence."""
        last = None
        for piece in self.chunker.flush():
            last = await self._speak(piece, protected=protected)
        return last

    async def _speak(self, text: str, *, protected: bool = False) -> SpeakText:
        draft = self.playout.draft
        if draft is not None and self.playout.ledger.characters(self.reply) >= EAGER_CHARACTERS:
            await draft.certain.wait()
        spoken, written = self.spell(text)
        segment = self.playout.segment(
            spoken, protected=protected, manner=self._gathered, written=written
        )
        await self.voice.speak(segment)
        return segment

    async def say(self, text: str, *, interruptible: bool) -> bool:
        """Say a message within the reply; returns when it is over, True if it was heard to its end."""
        await self.push(" ")
        await self.flush()
        segments = [*self.chunker.push(f"{text.strip()} "), *self.chunker.flush()]
        last = None
        for piece in segments:
            last = await self._speak(piece, protected=not interruptible)
        if last is None:
            return True
        watched = self.watch((last.reply, last.index))
        await watched.over.wait()
        return watched.heard


@attrs.frozen(eq=False)
class CascadeResponder:
    """The agent's text, through the TTS, into the playout."""

    agent: Agent
    call: Call
    tts: Held[TtsSession]
    sorry: ReadyMade
    watch: Watch
    holding: Holding = attrs.field(factory=Holding)
    text: TextSettings = attrs.field(factory=TextSettings)

    async def respond(self, plan: ReplyPlan, playout: Playout) -> None:
        """Make one reply. Raises: ProviderError, PluginError, and whatever the agent raises."""
        if isinstance(plan.cause, Apology):
            await self._say_ready_made(self.sorry, playout)
            return
        if isinstance(plan.cause, Unheard) and self.holding.unheard is not None:
            await self._say_ready_made(self.holding.unheard, playout)
            return
        with self.tts.use() as session:
            async with session.voice(plan.reply) as voice, anyio.create_task_group() as tasks:
                tasks.start_soon(self._play, voice, playout)
                waiting = anyio.CancelScope()
                tasks.start_soon(self._bridge, playout, waiting)
                manner, language = self.call.next_manner(playout.draft), self.call.language
                chunker, spell = Chunker(language), self.text.spelling(language, session)
                speaker = SegmentSpeaker(voice, playout, self.watch, manner, chunker, spell)
                LIVE_REPLY.set(ref(speaker))
                async with aclosing(self._text(plan.cause)) as text:
                    async for piece in text:
                        await speaker.push(piece)
                await speaker.flush()
                await voice.finish()
                waiting.cancel()

    async def _bridge(self, playout: Playout, waiting: anyio.CancelScope) -> None:
        """Say a hold phrase whenever the reply keeps the caller waiting, as long as there are any."""
        with waiting:
            for sentence in self.holding.sentences:
                await playout.silence(self.holding.after, latest=self.holding.within)
                await playout.aside(sentence.text, sentence.audio)

    async def _play(self, voice: Voice, playout: Playout) -> None:
        async with closing(voice.audio()) as pieces:
            if isinstance(pieces, Pieces):
                pieces.divert(playout.push_now)
            async for audio in pieces:
                await playout.push(audio)

    async def _text(self, cause: Cause) -> AsyncGenerator[str]:
        match cause:
            case Utterance():
                source = self.agent.reply(cause, self.call)
            case Nudge(times=times) | Unheard(times=times):
                source = getattr(self.agent, "silence", silent)(times, self.call)
            case ReplyWanted(ticket=ticket):
                yield self.call.pending(ticket)
                return
            case Apology():
                return
        if not hasattr(source, "__aiter__"):
            name = type(self.agent).__name__
            raise PluginError(
                name, "reply must be an async generator: write async def and yield the text"
            )
        async with closing(source) as pieces:
            async for piece in pieces:
                yield piece

    async def _say_ready_made(self, sentence: ReadyMade, playout: Playout) -> None:
        segment = playout.segment(sentence.text)
        await playout.push(AudioOut(segment.reply, segment.index, sentence.audio, last=True))


def silent(_times: int, _call: Call) -> AsyncIterator[str]:
    """For agents that have nothing to say to silence."""
    return nothing()
