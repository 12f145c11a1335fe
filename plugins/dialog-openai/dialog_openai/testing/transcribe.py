"""A fake of OpenAI's transcription of files: it hears a phrase of its script in each, and is faulty on demand.

Source: OpenAI's API reference, "Create transcription".
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import anyio
import attrs
from starlette.types import Receive, Scope, Send

from dialog_core.testing.hearing import Ear
from dialog_core.testing.vendor import Drop
from dialog_core.wav import Wav, parse
from dialog_openai.testing.http import (
    KEY,
    BadRequest,
    Refuse,
    event,
    headers_of,
    need,
    part,
    send_error,
    start,
    unless_gone,
    unwelcome,
    whole_body,
)

__all__ = ["FakeTranscriber", "TranscribeFault", "Upload", "Written"]

FIELDS = frozenset(
    {
        "chunking_strategy",
        "include[]",
        "language",
        "model",
        "prompt",
        "response_format",
        "stream",
        "temperature",
        "timestamp_granularities[]",
    }
)
GPT_FORMATS = frozenset({"json"})
FORMATS = frozenset({"json", "text", "srt", "verbose_json", "vtt"})
SHORTEST = 0.1
BOUNDARY = re.compile(r'multipart/form-data;.*boundary="?(?P<text>[^";]+)')
NAMES = re.compile(r'\b(name|filename)="([^"]*)"')


class TranscribeFault(enum.Enum):
    """What goes wrong with an answer."""

    STALL = "stall"
    """No more words, and the connection stays."""
    DROP = "drop"
    """The connection is lost."""
    END = "end"
    """The answer ends before it is whole."""
    ERROR = "error"
    """An error event inside of the stream."""
    GARBAGE = "garbage"
    """Something that cannot be read, in place of the answer."""


@attrs.frozen
class Written:
    """How one request is answered."""

    first: float = 0.05
    """Seconds until the answer begins."""
    between: float = 0.01
    """Seconds between the events of a stream."""
    fault: TranscribeFault | None = None
    after: int = 0
    """Events before the fault."""
    text: str | None = None
    """Instead of what is heard."""


@attrs.frozen
class Upload:
    """A request that was let in."""

    fields: Mapping[str, str]
    name: str
    wav: Wav


@attrs.define(eq=False)
class FakeTranscriber:
    """The server; `app` is its ASGI application."""

    script: Sequence[str] = ()
    """Phrases that the files say, in the order in which they come; a file without voice says none."""
    answers: Sequence[Written | Refuse] = (Written(),)
    """In the order of the requests; the last repeats."""
    key: str | None = KEY
    uploads: list[Upload] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)
    active: int = 0
    most: int = 0
    """Requests that were under way at once, at most."""
    _said: dict[bytes, str] = attrs.field(factory=dict)
    """What each file says: one that comes again says the same."""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: answer one request."""
        content = await whole_body(receive)
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            answer = self.judge(scope, content)
            if isinstance(answer, Refuse):
                await anyio.sleep(answer.delay)
                await send_error(send, answer)
                return
            upload = self.uploads[-1]
            text = self.hear(upload.wav) if answer.text is None else answer.text
            await unless_gone(receive, lambda: reply(send, answer, upload, text))
        finally:
            self.active -= 1

    def judge(self, scope: Scope, content: bytes) -> Written | Refuse:
        """What to answer to a request."""
        path = "/v1/audio/transcriptions"
        headers = headers_of(scope)
        problem = unwelcome(scope, headers, path=path, key=self.key)
        if problem is None:
            try:
                self.uploads.append(read_upload(headers.get("content-type", ""), content))
            except BadRequest as bad:
                problem = Refuse(400, "invalid_request", bad.message)
        if problem is not None:
            self.refused.append(problem.message)
            return problem
        return self.answers[min(len(self.uploads), len(self.answers)) - 1]

    def hear(self, wav: Wav) -> str:
        """What a file says."""
        ear = Ear(wav.fmt, ("voice",))
        if not any(tuple(ear.hear(wav.data))):
            return ""
        if wav.data not in self._said:
            number = len(self._said)
            self._said[wav.data] = self.script[number] if number < len(self.script) else ""
        return self._said[wav.data]


def read_upload(content_type: str, content: bytes) -> Upload:
    """The file and the fields of a multipart body. Raises: BadRequest."""
    boundary = BOUNDARY.search(content_type)
    if boundary is None:
        raise BadRequest("you must send multipart/form-data")
    fields: dict[str, str] = {}
    name, file = "", b""
    for chunk in content.split(b"--" + boundary["text"].encode())[1:-1]:
        head, _, data = chunk[2:-2].partition(b"\r\n\r\n")
        named = dict(NAMES.findall(head.decode()))
        if named.get("name") == "file":
            name, file = named.get("filename", ""), data
        else:
            fields[named["name"]] = data.decode()
    need(fields.keys() <= FIELDS, f"Unknown parameter: {sorted(fields.keys() - FIELDS)}")
    need(fields.get("model"), "you must provide a model parameter")
    gpt = fields["model"].startswith("gpt-")
    wanted = fields.get("response_format", "json")
    need(wanted in (GPT_FORMATS if gpt else FORMATS), f"response_format '{wanted}' is not offered")
    need(gpt or "include[]" not in fields, "logprobs are not offered by this model")
    need(name.endswith(".wav"), f"Invalid file format: {name}")
    try:
        wav = parse(file)
    except ValueError as error:
        raise BadRequest("Audio file might be corrupted or unsupported") from error
    need(wav.fmt.seconds(len(wav.data)) >= SHORTEST, "Audio file is too short.")
    return Upload(fields, name, wav)


async def reply(send: Send, answer: Written, upload: Upload, text: str) -> None:
    """Answer with a transcript. Raises: Drop."""
    fields = upload.fields
    streams = fields.get("stream") == "true" and fields["model"].startswith("gpt-")
    await anyio.sleep(answer.first)
    kind = "text/event-stream" if streams else "application/json"
    pieces = list(events(text, fields) if streams else [whole(text, upload)])
    if answer.fault is TranscribeFault.STALL and not streams:
        await anyio.sleep_forever()
    await send(start(200, {"content-type": kind, "x-request-id": "req_fake"}))
    for piece in pieces if answer.fault is None else pieces[: answer.after]:
        await send(part(piece))
        await anyio.sleep(answer.between if streams else 0.0)
    match answer.fault:
        case TranscribeFault.STALL:
            await anyio.sleep_forever()
        case TranscribeFault.DROP:
            raise Drop
        case TranscribeFault.ERROR:
            error = {"type": "server_error", "code": "server_error", "message": "overloaded"}
            await send(part(event(json.dumps({"type": "error", "error": error}))))
        case TranscribeFault.GARBAGE:
            await send(part(b"data: {oops\n\n"))
    await send(part(b"", more=False))


def events(text: str, fields: Mapping[str, str]) -> Iterator[bytes]:
    """A transcript in pieces."""
    for number, word in enumerate(text.split()):
        delta = word if number == 0 else f" {word}"
        yield event(json.dumps({"type": "transcript.text.delta", "delta": delta}))
    done: dict[str, Any] = {"type": "transcript.text.done", "text": text}
    done["usage"] = {"type": "tokens", "input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
    yield event(json.dumps(done | logprobs(text, fields)))


def whole(text: str, upload: Upload) -> bytes:
    """A transcript in one piece."""
    answer: dict[str, Any] = {"text": text}
    if upload.fields.get("response_format") == "verbose_json":
        seconds = upload.wav.fmt.seconds(len(upload.wav.data))
        answer |= {"task": "transcribe", "language": "english", "duration": seconds}
        words = text.split()
        step = seconds / max(1, len(words))
        answer["words"] = [
            {"word": word, "start": number * step, "end": (number + 1) * step}
            for number, word in enumerate(words)
        ]
    else:
        answer["usage"] = {"type": "duration", "seconds": 1}
    return json.dumps(answer | logprobs(text, upload.fields)).encode()


def logprobs(text: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """How likely the words were, if that was asked for."""
    if fields.get("include[]") != "logprobs":
        return {}
    return {"logprobs": [{"token": word, "logprob": -0.1, "bytes": []} for word in text.split()]}
