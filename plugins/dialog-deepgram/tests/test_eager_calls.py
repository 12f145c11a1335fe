"""Flux' eager end of turn in a whole call: the reply is begun at it, and heard at the sure one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest
from dialog_deepgram.rehearsal import FLUX, VOCABULARY
from dialog_deepgram.session import Deepgram
from dialog_deepgram.settings import DeepgramSettings
from dialog_deepgram.testing import KEY, FakeDeepgram, spoken

from dialog_core.agent.call import Call
from dialog_core.fields import Secret
from dialog_core.messages import Utterance
from dialog_core.observe.observations import EagerReply
from dialog_core.policies.endpointers import Provider, ProviderSettings
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.line import FakeLine
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.records import TakenBack, TurnComplete

pytestmark = pytest.mark.anyio


@attrs.define
class Clerk:
    """Repeats what was said."""

    answered: list[tuple[str, float]] = attrs.field(factory=list)

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        self.answered.append((turn.text, call.now))
        yield f"You said {turn.text}."


async def say(line: FakeLine, text: str) -> None:
    audio = b"".join(frame.data for frame in spoken(text, VOCABULARY, at=0.0))
    await line.say(text, audio=audio)


async def listened(*texts: str) -> tuple[InCall, Clerk, FakeLine]:
    """A call in which the caller says these, with a short pause between."""
    line, agent, fake = FakeLine(), Clerk(), FakeDeepgram(vocabulary=VOCABULARY)
    settings = DeepgramSettings(Secret(KEY), model=FLUX, eager_eot_threshold=0.4)
    policy = new_policy(endpointer=Provider(ProviderSettings()), eager=True, eager_after=5.0)
    async with (
        in_memory(fake.app) as services,
        in_call(line, agent, stt=Deepgram(settings, services), policy=policy) as call,
    ):
        for text in texts:
            await say(line, text)
            await line.wait(0.4)
        await line.listen()
    return call, agent, line


async def test_the_reply_is_begun_at_the_eager_end_of_turn_and_heard_at_the_sure_one() -> None:
    call, agent, line = await listened("I want to cancel")
    (turn,) = [record for record in call.records if isinstance(record, TurnComplete)]
    ((text, begun),) = agent.answered
    assert text == "I want to cancel"
    assert begun < turn.at - 0.2
    assert line.played[0].start == pytest.approx(turn.at, abs=0.02)
    assert [seen.missed for seen in call.observed if isinstance(seen, EagerReply)] == [""]


async def test_a_turn_that_is_resumed_takes_the_reply_back_without_a_trace() -> None:
    call, agent, _ = await listened("I want", "to cancel")
    assert [text for text, _ in agent.answered] == ["I want", "I want to cancel"]
    first, second = [seen.missed for seen in call.observed if isinstance(seen, EagerReply)]
    assert first in {"the caller went on", "the recogniser took it back"}
    assert second == ""
    assert not [record for record in call.records if isinstance(record, TakenBack)]
    assert call.history.heard() == "You said I want to cancel."
