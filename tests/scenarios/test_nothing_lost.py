"""Nothing said is lost or invented: random calls, judged by what the telephone played."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator

import anyio
import attrs
import pytest

from dialog_core.agent.call import Call
from dialog_core.messages import Role, Utterance
from dialog_core.policies.barge_in import (
    Disabled,
    DisabledSettings,
    HardCut,
    HardCutSettings,
    SoftFade,
    SoftFadeSettings,
)
from dialog_core.testing.calls import InCall, in_call, new_policy
from dialog_core.testing.fakes import FakeTts, heard_words
from dialog_core.testing.line import FakeLine
from dialog_core.testing.simulate.ears import SimulatedEngine
from dialog_core.testing.simulate.loop import run_virtual
from dialog_core.turns.records import BargeIn, BrokenOff, Said, TakenBack, TurnComplete

CALLS = int(os.environ.get("DIALOG_SIMULATED_CALLS", "2000"))
BATCH = 100
ECHOES = 0.1
"""Share of the calls that listen for their own echo, which costs as much as the rest of a call."""
SENTENCES = (
    "Certainly, I can do that for you. ",
    "No. ",
    "The shop opens at nine, closes at six, and is closed on Sundays and public holidays. ",
    "Please tell me your name, your number, and the day that suits you best. ",
    "Yes! ",
    "Dr. Smith is available on the third of May at half past ten in the morning. ",
)


@attrs.define
class Talker:
    """Says several sentences to everything, token by token."""

    dice: random.Random
    greeting: str = "Good morning, this is the practice of Dr. Smith, how may I help you today?"
    written: dict[int, str] = attrs.field(factory=dict)

    async def reply(self, turn: Utterance, call: Call) -> AsyncIterator[str]:
        for _ in range(self.dice.randint(1, 4)):
            sentence = self.dice.choice(SENTENCES)
            for word in sentence.split(" "):
                self.written[call.reply] = self.written.get(call.reply, "") + f"{word} "
                yield f"{word} "
                await anyio.sleep(self.dice.choice([0.0, 0.0, 0.02, 0.3]))


async def random_call(seed: int) -> tuple[InCall, FakeLine, Talker, FakeTts]:
    dice = random.Random(seed)
    line = FakeLine(frame=0.1)
    tts = FakeTts(latency=dice.choice([0.02, 0.1, 0.5]), word_times=dice.random() < 0.7)
    agent = Talker(dice)
    barge_in = dice.choice(
        [
            HardCut(HardCutSettings()),
            HardCut(HardCutSettings()),
            SoftFade(SoftFadeSettings()),
            Disabled(DisabledSettings()),
        ]
    )
    echo = dice.random() < ECHOES
    async with in_call(
        line,
        agent,
        tts=tts,
        policy=new_policy(barge_in=barge_in),
        ears=SimulatedEngine(),
        echo=echo,
    ) as call:
        for _ in range(dice.randint(2, 5)):
            await line.wait(dice.choice([0.1, 0.5, 1.5, 4.0]))
            words = dice.randint(1, 6)
            await line.say(" ".join(f"w{dice.randint(0, 99)}" for _ in range(words)))
        await line.wait(dice.choice([0.4, 1.0, 6.0]))
    return call, line, agent, tts


def check(call: InCall, line: FakeLine, agent: Talker, tts: FakeTts) -> None:
    heard = heard_words(line.played, tts)
    for record in call.records:
        if not isinstance(record, Said | BargeIn | BrokenOff | TakenBack):
            continue
        text = "" if isinstance(record, TakenBack) else record.heard
        written = agent.written.get(record.reply, agent.greeting)
        assert " ".join(written.split()).startswith(" ".join(text.split()))
        assert abs(len(text.split()) - int(heard.get(record.reply, 0.0) + 1e-6)) <= 1
    asked = [entry.text for entry in call.history.entries if entry.role is Role.USER]
    assert asked == turns_that_stood(call)
    assert " ".join(asked).split() == " ".join(piece.text for piece in line.spoken).split()


def turns_that_stood(call: InCall) -> list[str]:
    turns: list[str] = []
    for record in call.records:
        if isinstance(record, TurnComplete):
            turns.append(record.utterance.text)
        elif isinstance(record, TakenBack):
            turns.pop()
    return turns


@pytest.mark.requirement("A.21", "A.40")
@pytest.mark.parametrize("batch", range(CALLS // BATCH))
def test_history_is_what_the_caller_heard(batch: int) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        result = run_virtual(random_call, seed)
        try:
            check(*result)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
