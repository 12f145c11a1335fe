from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest
from dialog_openai import dialog_llm
from dialog_openai.session import OpenAIModel
from dialog_openai.settings import OpenAISettings
from dialog_openai.testing import FakeOpenAI, Fault, Refuse, Reply

from dialog_core.errors import (
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.fields import Secret
from dialog_core.messages import Message, Prompt, Role, TextDelta, ToolCall, ToolSpec, Usage
from dialog_core.net.http import new_http_client
from dialog_core.observe.observations import Counted, Observation, ProviderTimed, Trouble
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import in_memory, served

pytestmark = pytest.mark.anyio

Item = TextDelta | ToolCall | Usage

HELLO = Prompt((Message(Role.USER, "Hello?"),))
COUNT = "One two three four five six seven eight nine ten."
BOOK = ToolCall("call_1", "book", '{"seats": 3}')
SETTINGS = OpenAISettings(api_key=Secret("sk-test"))


@attrs.define(eq=False)
class Bench:
    """A model whose server is a fake, and a stopwatch."""

    model: OpenAIModel
    fake: FakeOpenAI
    seen: list[Observation]
    began: float

    @property
    def now(self) -> float:
        """Seconds since the bench was made."""
        return round(self.model.services.clock.monotonic() - self.began, 6)

    async def ask(self, prompt: Prompt = HELLO) -> list[tuple[float, Item]]:
        """A whole answer: when each item came, and the item."""
        async with self.model.generate(prompt) as items:
            return [(self.now, item) async for item in items]

    async def text(self) -> str:
        """A whole answer's text."""
        return text_of(await self.ask())

    def observed(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.seen if isinstance(one, kind)]


def text_of(came: list[tuple[float, Item]]) -> str:
    return "".join(item.text for _, item in came if isinstance(item, TextDelta))


@asynccontextmanager
async def bench(*script: str | Reply | Refuse, **changes: Any) -> AsyncIterator[Bench]:
    """The fake must have nothing under way when the bench is put away."""
    fake = FakeOpenAI(script)
    seen: list[Observation] = []
    async with in_memory(fake.app, observe=seen.append) as services:
        model = OpenAIModel(attrs.evolve(SETTINGS, **changes), services)
        yield Bench(model, fake, seen, services.clock.monotonic())
        await anyio.wait_all_tasks_blocked()
        assert fake.active == 0
        assert fake.refused == []


async def test_an_answer_streams_from_the_factory_s_model() -> None:
    (factory,) = dialog_llm()
    async with (
        in_memory(FakeOpenAI(["Hello there."]).app) as services,
        factory.build(SETTINGS, services).generate(HELLO) as items,
    ):
        came = [item async for item in items]
    assert came == [TextDelta("Hello"), TextDelta(" there."), Usage(9, 2)]


async def test_the_first_token_comes_at_once_and_slow_ones_as_they_come() -> None:
    async with bench(Reply(COUNT, first=0.3, between=0.02)) as b:
        came = await b.ask()
    assert [at for at, _ in came][:10] == pytest.approx([0.3 + 0.02 * n for n in range(10)])
    assert text_of(came) == COUNT


async def test_fast_tokens_are_read_together() -> None:
    async with bench(Reply(COUNT * 5, first=0.3, between=0.001)) as b:
        came = await b.ask()
    times = sorted({at for at, item in came if isinstance(item, TextDelta)})
    assert times[0] == pytest.approx(0.3)
    assert len(times) <= 10
    assert text_of(came) == COUNT * 5


async def test_gathering_never_holds_a_token_longer_than_it_may() -> None:
    reply = Reply(COUNT * 5, between=0.001)
    async with bench(reply, coalesce=0.01, gather=0.01) as gathered:
        together = await gathered.ask()
    async with bench(reply, coalesce=0.0, gather=0.0) as alone:
        apart = await alone.ask()
    assert late(together, apart) <= 0.01 + 1e-6
    assert together[-1][0] - apart[-1][0] <= 0.01 + 1e-6


async def test_later_tokens_gather_and_none_waits_longer_than_it_may() -> None:
    reply = Reply(COUNT * 10, between=0.02)
    async with bench(reply) as gathered:
        together = await gathered.ask()
    async with bench(reply, gather=0.0) as alone:
        apart = await alone.ask()
    assert text_of(together) == text_of(apart)
    assert [at for at, _ in together[:10]] == pytest.approx([at for at, _ in apart[:10]])
    assert len({at for at, _ in together}) < 0.6 * len({at for at, _ in apart})
    assert late(together, apart) <= 0.1 + 1e-6


@pytest.mark.parametrize(
    ("opening", "gathers"),
    [
        ("We have a room with a view.", True),
        ("Yes. We have a room with a view.", True),
        ('He said "We are closed today!"', True),
        ("はい、海の見えるお部屋がございます。", True),
        ("and so on " * 25, True),
        ("Yes. No. Well.", False),
        ("We have a room with a view, a bath,", False),
        ("It costs 12.50 or 19.75 or 3.1415", False),
    ],
)
async def test_tokens_gather_from_when_the_voice_has_a_sentence_to_speak(
    opening: str, gathers: bool
) -> None:
    said = f"{opening} and one two three four five six"
    async with bench(Reply(said, between=0.02)) as b:
        came = await b.ask()
    assert text_of(came) == said
    times = [at for at, item in came if isinstance(item, TextDelta)]
    together = len(times) - len(set(times))
    assert (together > 2) == gathers


def late(together: list[tuple[float, Item]], apart: list[tuple[float, Item]]) -> float:
    """By how much the most delayed token came later than it would have alone."""
    came_at = [
        at for at, item in together if isinstance(item, TextDelta) for _ in item.text.split()
    ]
    due_at = [at for at, item in apart if isinstance(item, TextDelta) for _ in item.text.split()]
    return max(came - due for came, due in zip(came_at, due_at, strict=True))


async def test_all_tokens_of_one_read_are_one_delta() -> None:
    async with bench(Reply(COUNT, burst=6)) as b:
        came = await b.ask()
    assert [item for _, item in came if isinstance(item, TextDelta)] == [
        TextDelta("One two three four five"),
        TextDelta(" six seven eight nine ten."),
    ]


async def test_tool_calls_follow_the_text_and_their_results_are_accepted() -> None:
    tools = (ToolSpec("book", "Books a table.", {"type": "object"}),)
    async with bench(Reply("One moment.", (BOOK,)), "It is booked.") as b:
        came = await b.ask(Prompt(HELLO.messages, tools))
        call = Message(Role.ASSISTANT, "One moment.", (BOOK,))
        result = Message(Role.TOOL, "done", tool_call_id="call_1")
        answer = await b.ask(Prompt((*HELLO.messages, call, result), tools))
    assert [item for _, item in came][-2:] == [BOOK, Usage(9, 2)]
    assert text_of(answer) == "It is booked."


async def test_headers_carry_the_key_and_what_the_settings_add() -> None:
    extra = {"organization": "org-1", "project": "proj-1", "headers": {"X-Team": Secret("voice")}}
    async with bench("Hi.", **extra) as b:
        await b.ask()
        headers = b.fake.requests[0].headers
    assert headers["authorization"] == "Bearer sk-test"
    assert headers["openai-organization"] == "org-1"
    assert headers["openai-project"] == "proj-1"
    assert headers["x-team"] == "voice"


@pytest.mark.requirement("B.31", "A.36")
async def test_leaving_the_block_stops_the_server() -> None:
    async with bench(Reply(COUNT, between=1.0)) as b:
        async with b.model.generate(HELLO) as items:
            assert await anext(items) == TextDelta("One")
        await anyio.wait_all_tasks_blocked()
        assert (b.fake.cancelled, b.fake.served, b.now) == (1, 0, 0.0)


@pytest.mark.requirement("B.31", "A.36")
@pytest.mark.parametrize("after", [0.1, 1.5], ids=["before the first token", "between tokens"])
async def test_cancelling_the_reader_stops_the_server(after: float) -> None:
    async with bench(Reply(COUNT, first=1.0, between=1.0)) as b:
        with anyio.move_on_after(after):
            await b.ask()
        await anyio.wait_all_tasks_blocked()
        assert (b.fake.cancelled, b.fake.active) == (1, 0)
        assert b.now == pytest.approx(after)


async def test_a_cancelled_wait_for_a_retry_asks_no_more() -> None:
    async with bench(Refuse(429, headers={"retry-after-ms": "900"})) as b:
        with anyio.move_on_after(0.5):
            await b.ask()
        assert len(b.fake.requests) == 1


async def test_an_error_of_the_reader_is_not_changed() -> None:
    async with bench(Reply(COUNT, between=1.0)) as b:
        with pytest.raises(LookupError):
            async with b.model.generate(HELLO):
                raise LookupError
        await anyio.wait_all_tasks_blocked()
        assert b.fake.cancelled == 1


async def test_no_first_token_in_time_is_asked_again_once() -> None:
    async with bench(Reply(COUNT, first=60.0)) as b:
        with pytest.raises(ProviderUnavailable, match=r"no token in 2\.5 s"):
            await b.ask()
        await anyio.wait_all_tasks_blocked()
        assert b.now == pytest.approx(5.0)
        assert (len(b.fake.requests), b.fake.cancelled) == (2, 2)


async def test_the_second_try_may_succeed() -> None:
    async with bench(Reply(COUNT, fault=Fault.STALL), "Here I am.") as b:
        assert await b.text() == "Here I am."
        assert b.now == pytest.approx(2.5)
        assert [trouble.what for trouble in b.observed(Trouble)] == ["asking again"]


async def test_comments_are_no_tokens() -> None:
    silent = Reply(COUNT, fault=Fault.COMMENTS)
    stuck = Reply(COUNT, fault=Fault.COMMENTS, after=2)
    async with bench(silent, stuck) as b:
        with pytest.raises(ProviderUnavailable, match="no token for 5 s"):
            await b.ask()
        assert b.now == pytest.approx(2.5 + 5.0)


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.DROP, Fault.END, Fault.ERROR])
async def test_after_the_first_token_a_failure_is_not_tried_again(fault: Fault) -> None:
    async with bench(Reply(COUNT, fault=fault, after=2), "Again.") as b:
        async with b.model.generate(HELLO) as items:
            assert [await anext(items), await anext(items)] == [TextDelta("One"), TextDelta(" two")]
            with pytest.raises(ProviderUnavailable):
                await anext(items)
        assert len(b.fake.requests) == 1
        assert b.now == pytest.approx(5.0 if fault is Fault.STALL else 0.0)


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.END, Fault.ERROR])
async def test_before_the_first_token_a_failure_is_tried_again(fault: Fault) -> None:
    async with bench(Reply(COUNT, fault=fault), "Again.") as b:
        assert await b.text() == "Again."
        assert b.now == pytest.approx(0.1)


async def test_a_stall_behind_the_model_s_stop_costs_half_a_second_and_no_words() -> None:
    chunks_to_stop = 2
    async with bench(Reply("Hello.", fault=Fault.STALL, after=chunks_to_stop)) as b:
        assert await b.ask() == [(0.0, TextDelta("Hello."))]
        assert b.now == pytest.approx(0.5)


@pytest.mark.requirement("B.27")
async def test_garbage_in_the_stream_is_skipped_and_counted() -> None:
    async with bench(Reply(COUNT, fault=Fault.GARBAGE, after=3)) as b:
        assert await b.text() == COUNT
        assert b.observed(Counted) == [Counted("", "openai malformed events", 1)]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_a_passing_refusal_is_asked_again(status: int) -> None:
    async with bench(Refuse(status), "Now.") as b:
        assert await b.text() == "Now."
        assert len(b.fake.requests) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "tries"),
    [
        (Refuse(500), ProviderUnavailable, 2),
        (Refuse(429, "rate_limit_exceeded", headers={"retry-after": "20"}), ProviderUnavailable, 1),
        (Refuse(503, headers={"x-should-retry": "false"}), ProviderUnavailable, 1),
        (Refuse(429, "insufficient_quota"), ProviderRejected, 1),
        (Refuse(400, "context_length_exceeded"), ProviderRejected, 1),
        (Refuse(403, "unsupported_country"), ProviderRejected, 1),
        (Refuse(404, "model_not_found"), ProviderRejected, 1),
        (Reply(finish="content_filter"), ProviderRejected, 1),
    ],
)
async def test_a_refusal_says_whose_fault_it_is(
    answer: Reply | Refuse, kind: type[ProviderError], tries: int
) -> None:
    async with bench(answer) as b:
        with pytest.raises(ProviderError) as caught:
            await b.ask()
        assert type(caught.value) is kind
        assert caught.value.request_id == "req_fake"
        assert len(b.fake.requests) == tries


async def test_a_wrong_key_is_rejected_with_the_server_s_words() -> None:
    fake = FakeOpenAI()
    async with in_memory(fake.app) as services:
        model = OpenAIModel(OpenAISettings(api_key=Secret("sk-wrong")), services)
        with pytest.raises(ProviderRejected, match=r"Incorrect API key.*invalid_api_key") as caught:
            async with model.generate(HELLO):
                pass
    assert caught.value.status == 401
    assert "sk-wrong" not in str(caught.value)


async def test_the_server_s_wait_is_honoured() -> None:
    async with bench(Refuse(429, headers={"retry-after-ms": "50"}), "Now.") as b:
        assert await b.text() == "Now."
        assert b.now == pytest.approx(0.05)


async def test_a_vendor_that_cannot_be_reached_is_unavailable() -> None:
    async with in_memory({}) as services:
        with pytest.raises(ProviderUnavailable, match="ConnectError"):
            async with OpenAIModel(SETTINGS, services).generate(HELLO):
                pass


async def test_a_page_instead_of_a_stream_breaks_the_protocol() -> None:
    async def page(_scope: Any, _receive: Any, send: Callable[[Any], Any]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"data: <html>\n\n"})

    async with in_memory(page) as services:
        with pytest.raises(ProviderProtocolError):
            async with OpenAIModel(SETTINGS, services).generate(HELLO):
                pass


async def test_a_cut_answer_is_recorded() -> None:
    async with bench(Reply(COUNT, finish="length")) as b:
        assert await b.text() == COUNT
        assert b.observed(Trouble) == [Trouble("", "openai", "the answer was cut short", "length")]


async def test_an_empty_answer_is_an_answer() -> None:
    async with bench(Reply()) as b:
        assert [item for _, item in await b.ask()] == [Usage(9, 0)]


async def test_each_answer_is_timed_once() -> None:
    async with bench(Reply(COUNT, first=0.3, between=0.1)) as b:
        await b.ask()
        (timed,) = b.observed(ProviderTimed)
    assert (timed.provider, timed.stage) == ("openai", "llm")
    assert timed.first - timed.started == pytest.approx(0.3)
    assert timed.ended - timed.started == pytest.approx(1.2 + 0.2, abs=0.11)


async def test_an_answer_that_never_came_is_timed_too() -> None:
    async with bench(Reply(first=math.inf), retries=0) as b:
        with pytest.raises(ProviderUnavailable):
            await b.ask()
        (timed,) = b.observed(ProviderTimed)
    assert timed.first is None


async def test_a_server_without_keys_gets_none() -> None:
    fake = FakeOpenAI(["Hi."], key=None)
    async with (
        in_memory(fake.app) as services,
        OpenAIModel(OpenAISettings(), services).generate(HELLO) as items,
    ):
        assert text_of([(0.0, item) async for item in items]) == "Hi."
    assert "authorization" not in fake.requests[0].headers


@real_loop
async def test_answers_over_a_socket_share_one_connection() -> None:
    fake = FakeOpenAI([Reply(COUNT, (BOOK,), between=0.001)])
    ports: set[int] = set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        ports.add(scope["client"][1])
        await fake.app(scope, receive, send)

    async with served(app) as base, in_memory({}) as services, new_http_client() as http:
        settings = attrs.evolve(SETTINGS, url=f"{base}/v1")
        model = OpenAIModel(settings, attrs.evolve(services, http=http))
        for _ in range(3):
            async with model.generate(HELLO) as items:
                came = [item async for item in items]
            assert text_of([(0.0, item) for item in came]) == COUNT
            assert came[-2:] == [BOOK, Usage(9, 10)]
    assert len(ports) == 1


@real_loop
@pytest.mark.requirement("B.31")
async def test_leaving_the_block_stops_the_server_over_a_socket() -> None:
    fake = FakeOpenAI([Reply(COUNT, fault=Fault.STALL, after=1)])
    left = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await fake.app(scope, receive, send)
        left.set()

    async with served(app) as base, in_memory({}) as services, new_http_client() as http:
        settings = attrs.evolve(SETTINGS, url=f"{base}/v1")
        async with OpenAIModel(settings, attrs.evolve(services, http=http)).generate(
            HELLO
        ) as items:
            assert await anext(items) == TextDelta("One")
        with anyio.fail_after(60):
            await left.wait()
    assert fake.cancelled == 1


async def test_the_fake_counts_tokens_only_when_asked_to() -> None:
    async with bench("Hello.", include_usage=False) as b:
        assert [item for _, item in await b.ask()] == [TextDelta("Hello.")]


async def test_a_key_of_any_form_that_the_server_repeats_gets_into_no_error() -> None:
    async with bench(Refuse(401, "invalid", "no user has the key sesame-123")) as b:
        model = OpenAIModel(
            attrs.evolve(b.model.settings, api_key=Secret("sesame-123")), b.model.services
        )
        b.fake.key = "sesame-123"
        with pytest.raises(ProviderRejected) as caught:
            async with model.generate(HELLO):
                pass
    assert "sesame" not in str(caught.value)
    assert "no user has the key ***" in str(caught.value)
