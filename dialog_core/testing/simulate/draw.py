"""Draws a whole call from a seed: a caller with habits, vendors with bad days, a carrier with a network."""

from __future__ import annotations

import random

from dialog_core.testing.simulate.agent import EXPECTATIONS
from dialog_core.testing.simulate.plan import (
    Act,
    Answer,
    CallPlan,
    Carrier,
    Cue,
    Deed,
    Fault,
    Pace,
    Wish,
)
from dialog_core.turns.state import INTERRUPTIBLE

__all__ = ["FAULTS", "draw_plan"]

SENTENCES = (
    "Certainly, I can do that for you.",
    "No.",
    "The shop opens at nine, closes at six, and is closed on public holidays.",
    "Please tell me your name and the day that suits you best.",
    "Yes!",
    "Dr. Smith is free on the third of May at half past ten.",
    "That will be 12.50 in all, is that fine with you?",
    "Let me see. One moment.",
)
SYLLABLES = (
    "ba",
    "de",
    "fi",
    "go",
    "ku",
    "la",
    "me",
    "ni",
    "po",
    "ru",
    "sa",
    "te",
    "vi",
    "wo",
    "zu",
)
CUES = (Cue.NEXT, Cue.HEARD, Cue.SOUNDING)
BACKCHANNELS = ("mhm", "okay", "right", "yes", "uh-huh")

FAULTS: dict[str, tuple[str, ...]] = {
    "stt": (
        "misses", "late", "twice", "reorders", "invents", "garbles", "never settles", "empty", "is overtaken",
        "mistimes",
    ),
    "hearing": ("fails", "is mute", "breaks"),
    "llm": (
        "is busy", "stalls", "is mute", "says nothing", "drops", "lies", "breaks", "pauses",
        "falls silent", "garbles",
    ),
    "tts": (
        "fails", "is busy", "refuses", "breaks", "stalls", "is mute", "makes no sound", "drops", "pauses",
        "falls silent", "twice", "mistimes",
    ),
    "tool": ("breaks", "hangs"),
    "line": ("stalls",),
    "mark": ("lost", "late", "twice"),
    "end": ("refused", "late"),
}  # fmt: skip
"""Everything that may go wrong, by where. See the parts' modules for what each does."""


class Draw:
    """One call being drawn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.dice = random.Random(seed)  # noqa: S311 - a simulation
        self.words = 0

    def word(self) -> str:
        """A word that the call has not had yet, of letters alone."""
        self.words += 1
        number, word = self.words * 7 + self.seed % 7, ""
        while number:
            number, digit = divmod(number, len(SYLLABLES))
            word += SYLLABLES[digit]
        return word

    def sentence(self) -> str:
        """What a caller says in one breath."""
        count = self.dice.choice((1, 2, 2, 3, 4, 6))
        return " ".join(self.word() for _ in range(count)) + self.dice.choice(
            (".", ".", "?", "", ",")
        )

    def maybe(self, chance: float) -> bool:
        """True as often as `chance` says, 0..1."""
        return self.dice.random() < chance

    # --- the caller

    def acts(self) -> tuple[Act, ...]:
        """What the caller does."""
        acts: list[Act] = []
        for _ in range(self.dice.choice((1, 2, 2, 3, 3, 4, 5))):
            acts += self.contribution()
        if self.maybe(0.08):
            deed = self.dice.choice((Deed.HANG_UP, Deed.VANISH))
            cue = self.dice.choice(CUES)
            acts.append(Act(deed, cue, self.dice.uniform(0, 2)))
        return tuple(acts)

    def contribution(self) -> list[Act]:
        """One thing that callers do in a conversation, of one act or more."""
        habit = self.dice.choices(HABITS, OFTEN)[0]
        return habit(self)

    def answers_politely(self) -> list[Act]:
        return [self.say(Cue.HEARD, self.dice.choice((0.0, 0.3, 0.6, 1.5)))]

    def hesitates(self) -> list[Act]:
        return [self.say(Cue.HEARD, 0.4), self.say(Cue.NEXT, self.dice.uniform(0.1, 2.5))]

    def interrupts(self) -> list[Act]:
        return [self.say(Cue.SOUNDING, self.dice.uniform(0, 3))]

    def acknowledges(self) -> list[Act]:
        text, seconds = self.dice.choice(BACKCHANNELS), self.dice.uniform(0.15, 0.5)
        return [Act(Deed.BACKCHANNEL, Cue.SOUNDING, self.dice.uniform(0, 2), text, seconds)]

    def coughs(self) -> list[Act]:
        cue = self.dice.choice((Cue.SOUNDING, Cue.HEARD))
        return [Act(Deed.COUGH, cue, self.dice.uniform(0, 1), "", self.dice.uniform(0.1, 0.9))]

    def whispers(self) -> list[Act]:
        text = self.sentence()
        return [Act(Deed.WHISPER, self.dice.choice(CUES), 0.3, text, len(text) * 0.07)]

    def presses(self) -> list[Act]:
        return [Act(Deed.KEY, Cue.HEARD, 0.5, self.dice.choice("0123456789*#"))]

    def waits(self) -> list[Act]:
        return [Act(Deed.WAIT, Cue.HEARD, 0.0, "", self.dice.choice((3.0, 9.0, 20.0)))]

    def say(self, cue: Cue, after: float) -> Act:
        """Say a sentence."""
        text = self.sentence()
        return Act(Deed.SAY, cue, after, text, max(0.25, len(text) * 0.06))

    # --- the rest

    def answers(self) -> tuple[Answer, ...]:
        """What the model answers."""
        made = []
        for _ in range(self.dice.randint(1, 4)):
            text = " ".join(
                self.dice.choice(SENTENCES) for _ in range(self.dice.choice((1, 1, 2, 3)))
            )
            expects = self.dice.choice(tuple(EXPECTATIONS)) if self.maybe(0.15) else ""
            made.append(Answer(text, "look_up" if self.maybe(0.2) else "", expects))
        if self.maybe(0.25):
            made.append(Answer("Thank you for calling. Goodbye.", "hang_up"))
        return tuple(made)

    def wishes(self) -> tuple[Wish, ...]:
        """What the application wants said by itself."""
        if not self.maybe(0.15):
            return ()
        withdrawn = self.dice.uniform(0.1, 6) if self.maybe(0.4) else None
        text = "Your taxi has arrived at the door."
        return (Wish(self.dice.uniform(0, 15), text, self.maybe(0.5), withdrawn),)

    def fault(self) -> Fault:
        """One thing that goes wrong."""
        where = self.dice.choice(("stt", "stt", "hearing", "llm", "llm", "llm", "tts", "tts", "tts", "tool",
                                  "line", "mark", "mark", "end"))  # fmt: skip
        what = self.dice.choice(FAULTS[where])
        number = self.dice.randint(1, 12 if where in {"line", "mark"} else 4)
        seconds = self.dice.choice((0.5, 1.5, 3.0, 10.0))
        if where == "hearing":
            return Fault(where, what, 1, self.dice.uniform(0.5, 20))
        return Fault(
            where, what, 1 if where == "end" else number, min(seconds, LATEST.get(where, seconds))
        )

    def carrier(self) -> Carrier:
        """The network."""
        near = self.maybe(0.6)
        return Carrier(
            outbound=0.03 if near else self.dice.uniform(0.01, 0.15),
            inbound=0.03 if near else self.dice.uniform(0.01, 0.15),
            jitter=0.0 if near else self.dice.choice((0.0, 0.05, 0.2)),
            frame=0.02 if self.maybe(0.02) else self.dice.choice((0.18, 0.2, 0.24)),
            echo=self.dice.uniform(0.02, 0.4) if self.maybe(0.03) else None,
        )

    def permission(self) -> frozenset[str]:
        """What the caller may interrupt: mostly all of it."""
        if self.maybe(0.85):
            return INTERRUPTIBLE
        return frozenset(kind for kind in sorted(INTERRUPTIBLE) if self.maybe(0.5))

    def pace(self) -> Pace:
        """The vendors."""
        return Pace(
            stt=self.dice.choice((0.05, 0.15, 0.15, 0.6)),
            interims=self.maybe(0.8),
            llm=self.dice.choice((0.15, 0.3, 0.3, 0.8)),
            token=self.dice.choice((0.005, 0.02, 0.02, 0.08)),
            tts=self.dice.choice((0.05, 0.15, 0.15, 0.4)),
        )


HABITS = (
    Draw.answers_politely, Draw.hesitates, Draw.interrupts, Draw.acknowledges, Draw.coughs,
    Draw.whispers, Draw.presses, Draw.waits,
)  # fmt: skip
OFTEN = (40, 15, 17, 8, 6, 4, 4, 6)
STACKS = (
    "heuristic", "heuristic", "acoustic", "adaptive+heuristic", "provider+adaptive+heuristic", "provider+acoustic",
    "thinker", "provider+thinker", "adaptive",
)  # fmt: skip
VOTES = (
    "hard-cut", "hard-cut", "soft-fade", "disabled", "min-words", "backchannel", "hard-cut+backchannel",
    "soft-fade+backchannel", "min-words+soft-fade",
)  # fmt: skip
LATEST = {"line": 1.5, "mark": 1.5, "end": 10.0}
"""Seconds of a fault that some parts are allowed at most; a mark that comes later counts as lost."""


def draw_plan(seed: int, *, faults: bool = True) -> CallPlan:
    """A call. faults: False for vendors and a carrier that keep what they promise."""
    draw = Draw(seed)
    wrong: list[Fault] = []
    if faults and draw.maybe(0.6):
        wrong = [draw.fault() for _ in range(draw.dice.choice((1, 1, 2, 3)))]
        if draw.maybe(0.1):
            wrong.append(
                Fault(
                    "line",
                    draw.dice.choice(("returns cleared marks", "stopped twice", "key twice")),
                    0,
                )
            )
    verdicts = draw.maybe(0.2)
    return CallPlan(
        seed, draw.acts(), draw.answers(), draw.wishes(), tuple(wrong), draw.pace(), draw.carrier(),
        draw.dice.choice(("Hello, how can I help?", "Hello, how can I help?", "")),
        "provider" if verdicts and draw.maybe(0.3) else draw.dice.choice(STACKS),
        draw.dice.choice(VOTES),
        draw.maybe(0.7), 0.0, verdicts, draw.maybe(0.7), draw.maybe(0.3), draw.permission(),
    )  # fmt: skip
