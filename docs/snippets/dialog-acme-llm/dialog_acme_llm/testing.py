"""A fake of Acme's models: an ASGI application that answers with a script, and the kit that uses it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import anyio
import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dialog_core.testing.contracts import Answer, Door, LlmKit, LlmVendor

KEY = "acme-test"


@attrs.define(eq=False)
class Answering:
    """The events of an answer, word by word; an iterator that may be left without closing it."""

    events: Sequence[str]
    sent: int = 0

    def __aiter__(self) -> Answering:
        return self

    async def __anext__(self) -> str:
        if self.sent == len(self.events):
            raise StopAsyncIteration
        await anyio.sleep(0.02)
        self.sent += 1
        return self.events[self.sent - 1]


@attrs.define(eq=False)
class FakeAcme:
    """Answers with a script; its last answer repeats."""

    script: list[str] = attrs.field(factory=list)
    requests: list[Mapping[str, object]] = attrs.field(factory=list)
    answers: list[Answering] = attrs.field(factory=list)

    @property
    def app(self) -> Starlette:
        """The server."""
        return Starlette(routes=[Route("/v1/chat", self.chat, methods=["POST"])])

    @property
    def unread(self) -> int:
        """Answers whose reader left before their end."""
        return sum(each.sent < len(each.events) for each in self.answers)

    async def chat(self, request: Request) -> Response:
        """One answer."""
        if request.headers.get("authorization") != f"Key {KEY}":
            return Response(status_code=401)
        self.requests.append(await request.json())
        text = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        first, *rest = text.split(" ")
        words = [first, *(f" {word}" for word in rest), None]
        events = [f"data: {json.dumps({'text': word})}\n\n" for word in words]
        self.answers.append(Answering(events))
        return StreamingResponse(self.answers[-1], media_type="text/event-stream")


def vendor() -> LlmVendor:
    """A fresh fake behind a door, which counts who comes and can fail in all the ways that vendors do."""
    fake = FakeAcme()

    def will_answer(*answers: str | Answer) -> None:
        fake.script = [each if isinstance(each, str) else each.text for each in answers]

    return LlmVendor(Door(fake.app), will_answer, lambda: fake.requests, lambda: fake.unread)


def at(base_url: str) -> Mapping[str, object]:
    """Settings that point the component at a fake on a real socket."""
    return {"url": f"{base_url}/v1/chat"}


def kits() -> Sequence[LlmKit]:
    """One kit for each component; it claims no ability, so that the absence of each is tested."""
    return (LlmKit("acme-llm", {"api_key": KEY}, vendor, at=at),)
