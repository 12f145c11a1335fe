"""A fake of AssemblyAI's streaming, strict about what it is sent, and the kits that use it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import attrs
from dialog_core import AudioFormat, Encoding
from dialog_core.testing.contracts import Door, SttAbility, SttKit, SttVendor
from dialog_core.testing.hearing import Ear
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from dialog_assemblyai.protocol import FORMATS

__all__ = ["KEY", "FakeAssemblyAI", "kits"]

KEY = "assemblyai-test"
MODELS = frozenset(
    {
        "universal-3-6-pro",
        "universal-3-5-pro",
        "u3-rt-pro",
        "universal-streaming-english",
        "universal-streaming-multilingual",
    }
)
ENCODINGS = {"pcm_mulaw": Encoding.MULAW, "pcm_s16le": Encoding.PCM16}
SHORTEST, LONGEST = 0.05, 1.0
"""Seconds of audio in a message."""
TURN_SILENCE = 1.28
"""Seconds of silence that end a turn where the client does not say otherwise."""
SURE = 0.9
FAR = 10**9
"""Milliseconds that lie in no call."""


@attrs.frozen
class RefusedError(Exception):
    """An `Error` message and a close with the same code."""

    code: int
    text: str


@attrs.define(eq=False)
class FakeAssemblyAI:
    """Hears each stretch of voice as the next phrase; a turn ends on request or after silence."""

    script: Sequence[str] = ()
    vocabulary: Sequence[str] = ()
    """Words that are in the audio itself, instead of a script."""
    queries: list[Mapping[str, str]] = attrs.field(factory=list)
    """Parameters of each session."""
    lies: int = 0
    """Sessions to come whose times are impossible."""
    expires_after: float | None = None
    """Seconds of audio after which the first session is closed with 3008."""
    mute_at_the_end: bool = False
    """True if no turn is ever ended."""
    surprises: Sequence[Mapping[str, object]] = ()
    """Messages that are sent after each Begin."""
    terminated: int = 0
    """Sessions whose client said goodbye."""

    @property
    def app(self) -> Starlette:
        """The server."""
        return Starlette(routes=[WebSocketRoute("/v3/ws", self.hear)])

    def languages(self) -> list[str]:
        """The languages that were asked for."""
        asked = [json.loads(query.get("language_codes", "[]")) for query in self.queries]
        return [code for codes in asked for code in codes]

    async def hear(self, socket: WebSocket) -> None:
        """One session. Refusals come on the open socket, as the vendor's do."""
        await socket.accept()
        try:
            session = self.session(socket)
            await socket.send_text(session.begin())
            for surprise in self.surprises:
                await socket.send_text(json.dumps(surprise))
            while (message := await socket.receive())["type"] == "websocket.receive":
                audio, text = message.get("bytes"), message.get("text")
                answers = session.audio(audio) if audio is not None else session.control(text or "")
                self.terminated += session.is_over
                for answer in answers:
                    await socket.send_text(answer)
                if session.is_over:
                    await socket.close(1000)
                    return
        except RefusedError as refused:
            told = {"type": "Error", "error_code": refused.code, "error": refused.text}
            await socket.send_text(json.dumps(told))
            await socket.close(refused.code, refused.text)

    def session(self, socket: WebSocket) -> Session:
        """What the parameters ask for. Raises: RefusedError."""
        query = dict(socket.query_params)
        if socket.headers.get("authorization") != KEY:
            raise RefusedError(1008, "Unauthorized Connection: Missing Authorization header")
        if query.get("speech_model") not in MODELS:
            raise RefusedError(3006, f"Invalid 'speech_model': {query.get('speech_model')}")
        if query.get("encoding", "pcm_s16le") not in ENCODINGS:
            raise RefusedError(3006, f"Invalid 'encoding': {query['encoding']}")
        first = not self.queries
        self.queries.append(query)
        untrue, self.lies = self.lies > 0, max(0, self.lies - 1)
        fmt = AudioFormat(ENCODINGS[query.get("encoding", "pcm_s16le")], int(query["sample_rate"]))
        return Session(
            query,
            Ear(fmt, tuple(self.script), tuple(self.vocabulary)),
            shift=FAR if untrue else 0,
            expires_after=self.expires_after if first else None,
            ends_turns=not self.mute_at_the_end,
        )


@attrs.define(eq=False)
class Session:
    """The vendor's side of one session, as messages."""

    query: Mapping[str, str]
    ear: Ear
    shift: int
    expires_after: float | None
    ends_turns: bool
    turn: int = 0
    told: str = ""
    seconds: float = 0.0
    is_over: bool = False

    @property
    def silence(self) -> float:
        """Seconds of silence that end a turn."""
        return int(self.query.get("max_turn_silence", TURN_SILENCE * 1000)) / 1000

    def begin(self) -> str:
        """The greeting."""
        told = {"model": self.query["speech_model"], "mode": "balanced", "api_version": "1.0.0"}
        return json.dumps(
            {"type": "Begin", "id": "s-1", "expires_at": 1772570132, "configuration": told}
        )

    def audio(self, data: bytes) -> list[str]:
        """Audio of the client, in messages of 50 ms to 1 s. Raises: RefusedError."""
        seconds = self.ear.fmt.seconds(len(data))
        if not SHORTEST <= round(seconds, 4) <= LONGEST:
            expected = "Expected between 50 and 1000 ms"
            raise RefusedError(
                3007, f"Input duration violation: {seconds * 1000:.1f} ms. {expected}"
            )
        self.seconds += seconds
        if self.expires_after is not None and self.seconds > self.expires_after:
            raise RefusedError(3008, "Session Expired: Maximum session duration exceeded")
        answers = []
        for _voiced in self.ear.hear(data):
            if self.ear.words and self.ear.silent >= self.silence:
                answers += self.end_turn()
            elif (said := self.said()) and said != self.told:
                self.told = said
                answers.append(self.message(said, end=False))
        return answers

    def control(self, text: str) -> list[str]:
        """A message of the client. Raises: RefusedError."""
        try:
            kind = json.loads(text)["type"]
        except (ValueError, LookupError, TypeError):
            raise RefusedError(3006, f"Invalid JSON: {text}") from None
        match kind:
            case "ForceEndpoint":
                self.ear.finish_phrase()
                return self.end_turn()
            case "KeepAlive" | "UpdateConfiguration":
                return []
            case "Terminate":
                self.is_over = True
                return [*self.end_turn(), self.termination()]
            case _:
                raise RefusedError(3006, f"Invalid Message Type: {kind}")

    def said(self) -> str:
        """The words of the turn so far."""
        return " ".join(word.text for word in self.ear.words)

    def end_turn(self) -> list[str]:
        """The last message of a turn, once more with punctuation; none if nothing was said."""
        said = self.said()
        if not said or not self.ends_turns:
            return []
        answers = [self.message(said, end=True)]
        if self.query.get("format_turns") == "true":
            answers.append(self.message(f"{said.capitalize()}.", end=True, formatted=True))
        self.ear.settle()
        self.turn, self.told = self.turn + 1, ""
        return answers

    def message(self, said: str, *, end: bool, formatted: bool = False) -> str:
        """A `Turn`; while it goes on, its last word may still change."""
        heard = self.ear.words
        words = [
            {
                "text": word.text,
                "start": round(word.start * 1000) + self.shift,
                "end": round(word.end * 1000) + self.shift,
                "confidence": SURE,
                "word_is_final": end or word is not heard[-1],
            }
            for word in heard
        ]
        settled = " ".join(word.text for word in heard[:-1])
        return json.dumps(
            {
                "type": "Turn",
                "turn_order": self.turn,
                "turn_is_formatted": formatted,
                "end_of_turn": end,
                "transcript": said if end else settled,
                "end_of_turn_confidence": SURE if end else 0.01,
                "words": words,
                "utterance": said if end else "",
            }
        )

    def termination(self) -> str:
        """The vendor's goodbye."""
        seconds = round(self.seconds)
        told = {"audio_duration_seconds": seconds, "session_duration_seconds": seconds}
        return json.dumps({"type": "Termination", **told})


def vendor() -> SttVendor:
    """A fresh fake, as the kits want it."""
    fake = FakeAssemblyAI()

    def will_hear(*phrases: str) -> None:
        fake.script = phrases

    def will_spell(*words: str) -> None:
        fake.vocabulary = words

    def lie(times: int | None) -> None:
        fake.lies = 1000 if times is None else times

    return SttVendor(Door(fake.app, lie), will_hear, fake.languages, will_spell)


def at(base_url: str) -> Mapping[str, object]:
    """Settings that reach a fake on a real socket."""
    return {"url": f"{base_url.replace('http', 'ws', 1)}/v3/ws"}


def kits() -> tuple[SttKit, ...]:
    """What is tested, and what it claims to be able to do."""
    always = {
        SttAbility.PARTIALS,
        SttAbility.WORDS,
        SttAbility.CONFIDENCE,
        SttAbility.RECONNECTS,
        SttAbility.LANGUAGE,
    }
    table = {"api_key": KEY}
    asked = SttKit(
        "assemblyai", table, vendor, frozenset({*always, SttAbility.SETTLES}), FORMATS, at
    )
    turns = SttKit(
        "assemblyai",
        {**table, "turns": True},
        vendor,
        frozenset({*always, SttAbility.TURNS}),
        FORMATS,
        at,
        variant="turns",
    )
    return asked, turns
