"""A language model made of several.

The first is asked; when its first token is late, the next is asked beside it, and whoever speaks first goes on alone.
An error asks the next at once. In the middle of an answer the same holds, but the next is told what was said so far and
writes only what follows: words that are out are neither taken back nor said twice. For this, an answer is passed on up
to its last whole word.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dialog_core.call.guard import closing
from dialog_core.errors import ProviderProtocolError
from dialog_core.messages import Message, Prompt, Role, TextDelta, ToolCall, Usage
from dialog_core.protocols import LanguageModel
from dialog_core.resilience.failover import Board, Lease, Roster, late, lone

__all__ = ["CONTINUE", "FailoverLlm", "continued"]

STAGE = "llm"
ITEMS = 32
"""Items that may wait for the caller's side; then the models' sockets are not read."""
GOODBYE_SECONDS = 0.5
CONTINUE = (
    "Your reply above broke off and was already spoken. Go on directly behind its last word: "
    "write only what follows, and repeat nothing."
)
"""Told to a model that goes on with another's answer."""
WORD = re.compile(r"[A-Za-z0-9\u00c0-\u024f\u0370-\u04ff'\u2019-]{1,40}$")
"""A word that may not be whole yet, in scripts that part their words."""

Item = TextDelta | ToolCall | Usage


@attrs.frozen(eq=False)
class FailoverLlm:
    """See :class:`dialog_core.protocols.LanguageModel`; one object a call."""

    roster: Roster[LanguageModel]

    @asynccontextmanager
    async def generate(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Item]]:
        """Stream one answer; leaving the block stops every model that was asked."""
        board = await self.roster.board()
        send, receive = anyio.create_memory_object_stream[News](ITEMS)
        with send, receive:
            answer = Answer(self.roster, board, prompt, send, receive)
            try:
                yield answer
            finally:
                await answer.stop()


@attrs.define(eq=False)
class Contender:
    """One model at work on the answer."""

    lease: Lease[LanguageModel]
    said: str
    """What had been said when it was asked."""
    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    over: anyio.Event = attrs.field(factory=anyio.Event)


@attrs.frozen
class End:
    """A model has finished its answer, or failed."""

    error: Exception | None = None


News = tuple[Contender, Item | End]


@attrs.define(eq=False)
class Text:
    """What goes out of an answer, up to its last whole word."""

    said: str = ""
    ready: list[Item] = attrs.field(factory=list)
    _held: str = ""
    """The end of the text, which may not be a whole word."""

    def say(self, text: str, *, behind: str) -> None:
        """More text, of a model that was asked to go on behind some words."""
        begins = behind and self.said == behind and not self._held
        whole = self._held + (joined(behind, text) if begins else text)
        partial = WORD.search(whole)
        self._held = partial[0] if partial else ""
        self._emit(whole[: len(whole) - len(self._held)])

    def pass_on(self, item: ToolCall | Usage) -> None:
        """Something else, which all text comes before."""
        self.flush()
        self.ready.append(item)

    def flush(self) -> None:
        """The last word is whole."""
        held, self._held = self._held, ""
        self._emit(held)

    def drop(self) -> None:
        """The last word will be said by another model."""
        self._held = ""

    def _emit(self, text: str) -> None:
        if text:
            self.said += text
            self.ready.append(TextDelta(text))


@attrs.define(eq=False)
class Answer:
    """Iterates over an answer, whoever gives it."""

    roster: Roster[LanguageModel]
    board: Board
    prompt: Prompt
    _send: MemoryObjectSendStream[News]
    _receive: MemoryObjectReceiveStream[News]
    _contenders: list[Contender] = attrs.field(factory=list)
    _leader: Contender | None = None
    _tried: set[int] = attrs.field(factory=set)
    _asked: float = 0.0
    """When the latest contender was asked, or the latest item came."""
    _text: Text = attrs.field(factory=Text)
    _called: bool = False
    _finished: bool = False
    _error: Exception | None = None

    def __aiter__(self) -> Answer:
        return self

    async def __anext__(self) -> Item:
        """The next item. Raises: ProviderError, when every model has failed."""
        while not self._text.ready:
            if self._finished:
                raise StopAsyncIteration
            if not self._contenders and not self._ask_next():
                raise self._error or StopAsyncIteration
            await self._wait()
        return self._text.ready.pop(0)

    async def stop(self) -> None:
        """Stop whoever is still at work."""
        for contender in self._contenders:
            contender.scope.cancel()
            contender.lease.released()
        with anyio.move_on_after(GOODBYE_SECONDS, shield=True):
            for contender in self._contenders:
                await contender.over.wait()

    # --- asking

    def _ask_next(self) -> bool:
        lease = self.roster.lease(self.board, self._tried)
        if lease is None:
            return False
        contender = Contender(lease, self._text.said)
        self._contenders.append(contender)
        self._asked = self.roster.now()
        self.board.tasks.start_soon(self._run, contender, continued(self.prompt, contender.said))
        return True

    async def _run(self, contender: Contender, prompt: Prompt) -> None:
        try:
            with contender.scope:
                end = End()
                try:
                    async with (
                        contender.lease.component.generate(prompt) as answer,
                        closing(answer) as items,
                    ):
                        async for item in items:
                            await self._send.send((contender, item))
                except Exception as error:  # noqa: BLE001 - it is raised where the answer is read
                    end = End(error)
                await self._send.send((contender, end))
        finally:
            contender.over.set()

    async def _wait(self) -> None:
        """Take the next news; when none comes in time, ask the next model too."""
        with anyio.move_on_after(self._patience()):
            self._take(*await self._receive.receive())
            return
        self._asked = math.inf if not self._ask_next() else self._asked

    def _patience(self) -> float:
        """Seconds until another model is asked."""
        failover = self.roster.failover
        limit = failover.first_token if self._leader is None else failover.token_gap
        return max(0.0, self._asked + limit - self.roster.now())

    # --- what comes

    def _take(self, contender: Contender, news: Item | End) -> None:
        if contender not in self._contenders:
            return
        if isinstance(news, End):
            self._end(contender, news.error)
            return
        self._lead(contender)
        self._asked = self.roster.now()
        if isinstance(news, TextDelta):
            self._text.say(news.text, behind=contender.said)
        else:
            self._called = self._called or isinstance(news, ToolCall)
            self._text.pass_on(news)

    def _lead(self, contender: Contender) -> None:
        """It spoke first: the others are not needed, and those asked before it were too slow."""
        if self._leader is contender and len(self._contenders) == 1:
            return
        if self._leader not in {None, contender}:
            self._text.drop()
        self._leader = contender
        place = self._contenders.index(contender)
        for number, other in enumerate(self._contenders):
            if other is contender:
                continue
            other.scope.cancel()
            if number < place:
                name = other.lease.name
                other.lease.failed(late(name, STAGE, "was overtaken by the next model"))
            else:
                other.lease.released()
        self._contenders = [contender]

    def _end(self, contender: Contender, error: Exception | None) -> None:
        self._contenders.remove(contender)
        leads = self._leader is contender
        if error is None and not leads:
            error = ProviderProtocolError(contender.lease.name, "answered nothing", stage=STAGE)
            self._finished = not self._contenders and not self._remain()
        if error is None:
            contender.lease.succeeded()
            self._text.flush()
            self._finished = True
            return
        contender.lease.failed(error)
        self._error = lone(error)
        if leads:
            self._leader = None
            self._text.drop()
            self._asked = self.roster.now()
        if leads and self._called:
            self._finished = True  # the calls are out; another model would make them again
        elif not self._contenders and not self.roster.goes_on(error, spoken=bool(self._text.said)):
            raise self._error

    def _remain(self) -> bool:
        """Whether a member has not been asked."""
        return len(self._tried) < len(self.roster.chain.members)


def continued(prompt: Prompt, said: str) -> Prompt:
    """The prompt of a model that goes on behind these words."""
    if not said.strip():
        return prompt
    more = (Message(Role.ASSISTANT, said), Message(Role.SYSTEM, CONTINUE))
    return attrs.evolve(prompt, messages=(*prompt.messages, *more))


def joined(said: str, text: str) -> str:
    """The first text of a continuation, with a space where two words would touch."""
    if said[-1:].isspace():
        return text.lstrip()
    return f" {text}" if text[:1].isalnum() else text
