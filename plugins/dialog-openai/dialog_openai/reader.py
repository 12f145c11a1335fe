"""From the bytes of a stream to the items of an answer (pure). How the bytes were cut does not matter.

Text comes out as it comes in, the text of one feeding as one delta. Tool calls come out when the model has stopped,
the token count at the end. A malformed event is skipped and counted; only a stream of which nothing could be read is a
failure of the protocol.
"""

from __future__ import annotations

import attrs

from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.messages import TextDelta, ToolCall, Usage
from dialog_core.net.sse import ServerSentEvent, SseParser
from dialog_openai.failures import PROVIDER, as_failure, refusal
from dialog_openai.protocol import DONE, STAGE, Gathering, parse

__all__ = ["BROKEN_OFF", "FILTERED", "NOTHING_READABLE", "Item", "Reader"]

Item = TextDelta | ToolCall | Usage

NOTHING_READABLE = "sent nothing that is a chunk of an answer"
FILTERED = "the content filter withheld the answer"
BROKEN_OFF = "the answer broke off"


@attrs.define(eq=False)
class Reader:
    """Reads one answer; once it has ended, it is not to be fed any more."""

    request_id: str | None = None
    """The vendor's name for the request, for error messages."""
    valid: int = 0
    """Events that were chunks."""
    malformed: int = 0
    """Events that could not be read."""
    ended: bool = False
    """True when nothing more is to come."""
    failure: ProviderError | None = None
    """Why the answer ended, if not well; to be raised after the items."""
    spoke: bool = False
    """True when any text is out."""
    _events: SseParser = attrs.field(factory=SseParser)
    _gathering: Gathering = attrs.field(factory=Gathering)

    @property
    def finish(self) -> str | None:
        """Why the model stopped, as the server says it; None while it has not."""
        return self._gathering.finish

    @property
    def begun(self) -> bool:
        """True when the first token is here, be it of text or of a tool call."""
        return self.spoke or bool(self._gathering.drafts)

    def feed(self, data: bytes) -> tuple[Item, ...]:
        """Take the next bytes; returns what they complete."""
        return self._take(self._events.feed(data))

    def close(self, reason: str = BROKEN_OFF) -> tuple[Item, ...]:
        """No more bytes come. reason: says so, if the model had not stopped yet."""
        items = self._take(self._events.finish())
        if self.ended:
            return items
        self.ended = True
        if self.finish is None:
            self._fail(ProviderUnavailable, reason)
        return (*items, *self._end())

    def _take(self, events: tuple[ServerSentEvent, ...]) -> tuple[Item, ...]:
        """What the events complete."""
        stopped = self.finish is not None
        text = "".join([self._read(event.data) for event in events])
        self.spoke = self.spoke or bool(text)
        items: list[Item] = [TextDelta(text)] if text else []
        if not stopped and (self.finish is not None or self.ended):
            items += self._stop()
        if self.ended:
            items += self._end()
        return tuple(items)

    def _read(self, data: str) -> str:
        """The text of an event, often empty."""
        if self.ended:
            return ""
        if data == DONE:
            self.ended = True
            return ""
        try:
            chunk = parse(data)
        except ProviderProtocolError:
            lines = data.split("\n")
            if len(lines) > 1:  # the server forgot the empty line between two events
                return "".join(map(self._read, lines))
            self.malformed += 1
            return ""
        self.valid += 1
        if chunk.error is None:
            return self._gathering.add(chunk)
        self.ended = True
        if self.finish is None:
            self.failure = refusal(as_failure(chunk.error), stage=STAGE, request_id=self.request_id)
        return ""

    def _stop(self) -> list[Item]:
        """The model has stopped: its tool calls are whole now."""
        if self.failure is not None:
            return []
        if self.finish == "content_filter" and not self.begun:
            self.ended = True
            self._fail(ProviderRejected, FILTERED)
            return []
        return list(self._gathering.calls())

    def _end(self) -> list[Item]:
        """The stream has ended: its cost, or why it failed."""
        if self.malformed and not self.valid:
            self._fail(ProviderProtocolError, NOTHING_READABLE)
        usage = self._gathering.usage()
        return [usage] if usage is not None and self.failure is None else []

    def _fail(self, kind: type[ProviderError], message: str) -> None:
        self.failure = kind(PROVIDER, message, stage=STAGE, request_id=self.request_id)
