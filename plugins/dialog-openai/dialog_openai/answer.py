"""One answer under way: items for whoever iterates, deadlines for whoever does not send them."""

from __future__ import annotations

import re
from collections import deque
from typing import Protocol, Self

import attrs
import httpx

from dialog_core.errors import ProviderError
from dialog_core.factory import Services
from dialog_core.messages import TextDelta
from dialog_core.observe.observations import Counted, Trouble
from dialog_openai.body import Body
from dialog_openai.failures import PROVIDER
from dialog_openai.protocol import CUT_SHORT
from dialog_openai.reader import Item

__all__ = ["Answer", "AnswerReader"]

SHORTEST = 0.001
"""Seconds of the last wait for an answer that has been silent for as long as it may."""

SENTENCE_END = re.compile(r"""[.!?]["')\]”’»]*\s|[。！？]""")  # noqa: RUF001 - the marks of all scripts are meant
SECOND_LETTERS = 15
"""Letters of about a second of speech: what is shorter keeps no voice busy."""
LONGEST_LETTERS = 240
"""Letters after which a sentence is spoken in parts."""

TAIL_SECONDS = 0.5
"""Time for the token count and the end, once the model has stopped."""


class AnswerReader(Protocol):
    """From bytes to items, in one of the interfaces' ways; see :class:`dialog_openai.reader.Reader`."""

    @property
    def valid(self) -> int: ...

    @property
    def malformed(self) -> int: ...

    @property
    def ended(self) -> bool: ...

    @property
    def failure(self) -> ProviderError | None: ...

    @property
    def finish(self) -> str | None: ...

    @property
    def begun(self) -> bool: ...

    def feed(self, data: bytes) -> tuple[Item, ...]: ...

    def close(self, reason: str = ...) -> tuple[Item, ...]: ...


@attrs.define(eq=False)
class Answer:
    """Iterates over an answer as it comes. Each read handles all the bytes that it got."""

    services: Services
    body: Body
    token_gap: float
    """Seconds without a chunk that count as dead."""
    reader: AnswerReader
    first: float | None = None
    """When the first token came; None before, and if the answer is empty."""
    _ready: deque[Item] = attrs.field(factory=deque)
    _silent: float = 0.0
    _opening: str = ""
    """The text up to the end of a sentence."""

    async def begin(self) -> None:
        """Wait for the first token; the caller limits the time.

        Raises: ProviderError, httpx.RequestError.
        """
        while not self.reader.ended and not self.reader.begun:
            data = await self.body.read(urgent=True)
            self._ready += self.reader.close() if data is None else self._read(data)
        if self.reader.begun:
            self.first = self.services.clock.monotonic()
        elif self.reader.failure is not None:
            raise self.reader.failure

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        while not self._ready:
            if self.reader.failure is not None:
                raise self.reader.failure
            if self.reader.ended:
                raise StopAsyncIteration
            self._ready += await self._more()
        return self._ready.popleft()

    async def _more(self) -> tuple[Item, ...]:
        """The items of one read, often none. Silence and loss end the answer."""
        stopped = self.reader.finish is not None
        limit = TAIL_SECONDS if stopped else self.token_gap
        try:
            data = await self.body.read(urgent=stopped, within=max(limit - self._silent, SHORTEST))
        except TimeoutError:
            return self.reader.close(f"no token for {self.token_gap:g} s")
        except httpx.RequestError as error:
            return self.reader.close(f"lost in the middle of an answer: {type(error).__name__}")
        if data is None:
            return self.reader.close()
        valid = self.reader.valid
        items = self._read(data)
        heard = self.reader.valid > valid
        self._silent = 0.0 if heard else self._silent + self.body.waited
        return items

    def _read(self, data: bytes) -> tuple[Item, ...]:
        """The items of these bytes. After a sentence the body may take its time."""
        items = self.reader.feed(data)
        if not self.body.ahead:
            self._opening += "".join(item.text for item in items if isinstance(item, TextDelta))
            ends = SENTENCE_END.search(self._opening, SECOND_LETTERS)
            self.body.ahead = ends is not None or len(self._opening) > LONGEST_LETTERS
        return items

    async def close(self) -> None:
        """End the answer, and the server's work on it."""
        reader, observe = self.reader, self.services.observe
        if reader.malformed:
            observe(Counted("", f"{PROVIDER} malformed events", reader.malformed))
        if reader.finish in CUT_SHORT and reader.failure is None:
            observe(Trouble("", PROVIDER, "the answer was cut short", str(reader.finish)))
        await self.body.close(ended=reader.ended and reader.failure is None)
