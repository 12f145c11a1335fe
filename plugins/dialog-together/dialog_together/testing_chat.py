"""The chat of the fake: Chat Completions with this vendor's own touches.

The role stands in every chunk, the model's reasoning beside its text, an ordinary end is called ``eos``, and the count
of tokens comes in the last chunk that has a choice.

Source: Together AI's API reference, "Chat completions".
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

__all__ = ["answer", "denial"]


def denial(status: int, message: str, code: str) -> Response:
    """An HTTP error in the vendor's form."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, status)


async def answer(request: Request, text: str) -> Response:
    """Stream a text, word by word; refuse what the vendor would."""
    body = await request.json()
    if not body.get("messages") or not body.get("stream"):
        return denial(400, "messages are required, and this fake only streams", "invalid_request")
    return StreamingResponse(streamed(body["model"], text), media_type="text/event-stream")


async def streamed(model: str, text: str) -> AsyncIterator[str]:
    """The events of an answer."""
    yield event(model, {"content": "", "reasoning": "They want to know."})
    for word in text.split(" "):
        yield event(model, {"content": f"{word} "})
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    yield event(model, {"content": ""}, finish="eos", usage=usage)
    yield "data: [DONE]\n\n"


def event(
    model: str,
    delta: dict[str, Any],
    *,
    finish: str | None = None,
    usage: dict[str, int] | None = None,
) -> str:
    """One chunk."""
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 0, "model": model}
    return f"data: {json.dumps({**chunk, 'choices': [choice], 'usage': usage})}\n\n"
