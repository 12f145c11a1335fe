"""From the bytes of a Responses stream to the items of an answer (pure). How the bytes were cut does not matter.

The same rules as in :mod:`dialog_openai.reader`: text comes out as it comes in, tool calls when the model has stopped,
the token count at the end, and a malformed event is skipped and counted. There is no ``[DONE]``: an event that says how
the answer ended is its last.
"""

from __future__ import annotations

import attrs

from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.messages import TextDelta
from dialog_core.net.sse import ServerSentEvent, SseParser
from dialog_openai.failures import PROVIDER, refusal
from dialog_openai.protocol import DONE, STAGE
from dialog_openai.protocol_responses import Output, parse
from dialog_openai.reader import BROKEN_OFF, FILTERED, NOTHING_READABLE, Item

__all__ = ["ResponsesReader"]


@attrs.define(eq=False)
class ResponsesReader:
    """Reads one answer; once it has ended, it is not to be fed any more."""

    request_id: str | None = None
    """The vendor's name for the request, for error messages."""
    valid: int = 0
    """Events that could be read."""
    malformed: int = 0
    """Events that could not be read."""
    ended: bool = False
    """True when nothing more is to come."""
    failure: ProviderError | None = None
    """Why the answer ended, if not well; to be raised after the items."""
    spoke: bool = False
    """True when any text is out."""
    _events: SseParser = attrs.field(factory=SseParser)
    _output: Output = attrs.field(factory=Output)

    @property
    def finish(self) -> str | None:
        """Why the model stopped, in the words of Chat Completions; None while it has not."""
        return self._output.finish

    @property
    def begun(self) -> bool:
        """True when the first token is here, be it of text or of a tool call."""
        return self.spoke or bool(self._output.drafts)

    def feed(self, data: bytes) -> tuple[Item, ...]:
        """Take the next bytes; returns what they complete."""
        return self._take(self._events.feed(data))

    def close(self, reason: str = BROKEN_OFF) -> tuple[Item, ...]:
        """No more bytes come. reason: says so, if the model had not stopped yet."""
        items = self._take(self._events.finish())
        if not self.ended:
            self.ended = True
            only_garbage = self.malformed and not self.valid
            kind = ProviderProtocolError if only_garbage else ProviderUnavailable
            self._fail(kind, NOTHING_READABLE if only_garbage else reason)
        return items

    def _take(self, events: tuple[ServerSentEvent, ...]) -> tuple[Item, ...]:
        """What the events complete."""
        was_over = self.ended
        text = "".join([self._read(event.data) for event in events])
        self.spoke = self.spoke or bool(text)
        items: list[Item] = [TextDelta(text)] if text else []
        if self.ended and not was_over:
            items += self._end()
        return tuple(items)

    def _read(self, data: str) -> str:
        """The text of an event, often empty."""
        if self.ended or data == DONE:  # some compatible servers end every stream with it
            return ""
        try:
            event = parse(data)
        except ProviderProtocolError:
            self.malformed += 1
            return ""
        self.valid += 1
        text = self._output.add(event)
        self.ended = self._output.finish is not None or self._output.failure is not None
        return text

    def _end(self) -> list[Item]:
        """The model has stopped: its tool calls and its cost, or why it failed."""
        output = self._output
        if output.failure is not None:
            self.failure = refusal(output.failure, stage=STAGE, request_id=self.request_id)
            return []
        if output.finish == "content_filter" and not self.begun:
            self._fail(ProviderRejected, FILTERED)
            return []
        usage = output.usage()
        return [*output.calls(), *([] if usage is None else [usage])]

    def _fail(self, kind: type[ProviderError], message: str) -> None:
        self.failure = kind(PROVIDER, message, stage=STAGE, request_id=self.request_id)
