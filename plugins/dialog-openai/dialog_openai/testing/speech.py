"""A fake of OpenAI's text-to-speech: strict about requests, faulty on demand.

Each character sounds for a twentieth of a second: words are a tone, blanks are silent, so a test can tell from the
audio whether the text was spoken whole.

Source: OpenAI's API reference, "Create speech".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import attrs
import msgspec
from starlette.types import Receive, Scope, Send

from dialog_core.audio import AudioFormat, Encoding
from dialog_core.testing.speech import synthesise
from dialog_core.testing.vendor import Drop
from dialog_core.wav import header
from dialog_openai.testing.http import (
    KEY,
    BadRequest,
    Refuse,
    headers_of,
    need,
    part,
    send_error,
    start,
    unless_gone,
    unwelcome,
    whole_body,
)

__all__ = ["SECONDS_PER_CHARACTER", "FakeSpeech", "SpeechFault", "Synthesis"]

PCM = AudioFormat(Encoding.PCM16, 24_000)
SECONDS_PER_CHARACTER = 0.05
FIELDS = frozenset(
    {"input", "instructions", "model", "response_format", "speed", "stream_format", "voice"}
)
FORMATS = frozenset({"mp3", "opus", "aac", "flac", "wav", "pcm"})
LONGEST = 4096


class SpeechFault(enum.Enum):
    """What goes wrong with an answer."""

    STALL = "stall"
    """No more audio, and the connection stays."""
    DROP = "drop"
    """The connection is lost."""
    EMPTY = "empty"
    """The answer ends without audio."""
    MP3 = "mp3"
    """Another format than was asked for."""
    PAGE = "page"
    """A page of a proxy's, with status 200."""


@attrs.frozen
class Synthesis:
    """How one request is answered."""

    first: float = 0.0
    """Seconds until the first audio."""
    between: float = 0.0
    """Seconds between chunks."""
    chunk: int = 4801
    """Bytes in a chunk; an odd number cuts samples in two."""
    fault: SpeechFault | None = None
    after: int = 0
    """Chunks before the fault."""
    wav: bool = False
    """Begin with a WAV header that nobody asked for."""


@attrs.define(eq=False)
class FakeSpeech:
    """The server; `app` is its ASGI application."""

    script: Sequence[Synthesis | Refuse] = (Synthesis(),)
    """Answers in the order of the requests; the last repeats."""
    key: str | None = KEY
    requests: list[Mapping[str, Any]] = attrs.field(factory=list)
    """Bodies of the requests that were let in."""
    refused: list[str] = attrs.field(factory=list)
    served: int = 0
    cancelled: int = 0
    active: int = 0
    most: int = 0
    """Answers that were under way at once, at most."""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: answer one request."""
        content = await whole_body(receive)
        answer = self.judge(scope, content)
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            if isinstance(answer, Refuse):
                await anyio.sleep(answer.delay)
                await send_error(send, answer)
                return
            text = str(self.requests[-1]["input"])
            done = await unless_gone(receive, lambda: stream(send, answer, text))
            self.served += done
            self.cancelled += not done
        finally:
            self.active -= 1

    def judge(self, scope: Scope, content: bytes) -> Synthesis | Refuse:
        """What to answer to a request."""
        problem = unwelcome(scope, headers_of(scope), path="/v1/audio/speech", key=self.key)
        if problem is None:
            try:
                self.requests.append(read_request(content))
            except BadRequest as bad:
                problem = Refuse(400, "invalid_request", bad.message)
        if problem is not None:
            self.refused.append(problem.message)
            return problem
        return self.script[min(len(self.requests), len(self.script)) - 1]


def read_request(content: bytes) -> Mapping[str, Any]:
    """The body of a request. Raises: BadRequest."""
    try:
        body: dict[str, Any] = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise BadRequest("We could not parse the JSON body of your request.") from error
    need(isinstance(body, dict) and body.keys() <= FIELDS, "Unrecognized request argument.")
    for name in ("model", "voice", "input"):
        need(isinstance(body.get(name), str) and body[name], f"[{{'loc': ('body', '{name}')}}]")
    need(len(body["input"]) <= LONGEST, "string_too_long", "input")
    need(body.get("response_format", "mp3") in FORMATS, "Invalid 'response_format'.")
    need(0.25 <= body.get("speed", 1.0) <= 4, "speed must be in 0.25..4")  # noqa: PLR2004
    return body


async def stream(send: Send, answer: Synthesis, text: str) -> None:
    """Answer with audio. Raises: Drop."""
    kind = {SpeechFault.MP3: "audio/mpeg", SpeechFault.PAGE: "text/html"}.get(
        answer.fault or SpeechFault.DROP, "audio/pcm"
    )
    audio = synthesise(text, PCM, SECONDS_PER_CHARACTER).data
    audio = header(PCM) + audio if answer.wav else audio
    chunks = [audio[at : at + answer.chunk] for at in range(0, len(audio), answer.chunk)]
    await anyio.sleep(answer.first)
    await send(start(200, {"content-type": kind, "x-request-id": "req_fake"}))
    stops = answer.fault in {SpeechFault.STALL, SpeechFault.DROP, SpeechFault.EMPTY}
    for number, chunk in enumerate(chunks[: answer.after] if stops else chunks):
        await anyio.sleep(answer.between if number else 0.0)
        await send(part(chunk))
    match answer.fault:
        case SpeechFault.STALL:
            await anyio.sleep_forever()
        case SpeechFault.DROP:
            raise Drop
        case _:
            await send(part(b"", more=False))
