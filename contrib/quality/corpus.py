"""The corpus: what callers sound like, and when they really began, paused and ended. The same from the same seed.

Times are labelled from the clean speech, before noise is added: the first and last 10 ms within 30 dB of its loud parts
are its first and last voiced samples. Then noise, and the telephone: 8 kHz, mu-law.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np

from contrib.quality import phrases, sounds, voices
from contrib.quality.recordings import RATE, Recordings
from dialog_core import g711
from dialog_core.audio import TELEPHONE
from dialog_core.turns.expectation import ANYTHING, Digits, Expectation, YesNo

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

__all__ = ["CLEAN", "Backgrounds", "Clip", "Item", "Noise", "build", "clip_of", "heard_over"]

LEAD, TAIL = 1.0, 4.5
"""Seconds on the line before and after the caller."""
LEVEL = -22.0
"""Of the caller's speech, dB of full scale; each differs by up to 6 dB."""
HISS = -65.0
"""Of a clean line: it is never quite silent."""
DROP = 30.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 1.2
MEDIAN_PAUSE, SIGMA_PAUSE = 0.45, 0.5
"""Pauses are drawn log-normally. Source: Campione and Véronis, "A large-scale multilingual study of silent pause
duration", Speech Prosody 2002."""


@attrs.frozen
class Noise:
    """What is behind the caller."""

    kind: str = "clean"
    """``clean``, ``white``, ``music`` or ``babble``."""
    snr: float = 99.0
    """dB below the speech."""

    @property
    def name(self) -> str:
        return self.kind if self.kind == "clean" else f"{self.kind} {self.snr:.0f} dB"


CLEAN = Noise()


@attrs.frozen(eq=False)
class Item:
    """Something that a caller says, or that is heard of them."""

    name: str
    kind: str
    parts: tuple[Callable[[], F32], ...] = attrs.field(repr=False)
    """Each makes clean speech; between two of them the caller pauses."""
    pauses: tuple[float, ...] = ()
    """Seconds of the made pauses."""
    level: float = LEVEL
    expecting: Expectation = ANYTHING
    finished: bool = True
    """False if words do not tell: an interruption, a cough."""


@attrs.frozen(eq=False)
class Clip:
    """An item on the line. Times are seconds since the line opened."""

    item: Item
    noise: Noise
    data: bytes = attrs.field(repr=False)
    """mu-law."""
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return len(self.data) / RATE


def build(found: Recordings, seed: int = 1) -> list[Item]:
    """Everything that callers say while they have the floor."""
    random = np.random.default_rng(seed)
    return [
        *human_finished(found, random),
        *human_several(found, random),
        *human_pausing(found, random),
        *made_finished(random),
        *made_pausing(random),
        *digits(found, random),
    ]


def heard_over(found: Recordings, seed: int = 2) -> list[Item]:
    """Everything that is heard of callers while the agent speaks."""
    random = np.random.default_rng(seed)
    return [
        *said_over("backchannel", phrases.BACKCHANNELS * 3, random),
        *(
            Item(f"{kind}/{number}", "noise", (partial(kept, sound),), level=near(random))
            for kind in sounds.BURSTS
            for number in range(8)
            for sound in (sounds.burst(kind, random),)
        ),
        *said_over("interruption", phrases.INTERRUPTIONS * 2, random),
        *(
            Item(name, "interruption", (partial(found.prompt, name),), level=near(random))
            for name in phrases.PROMPT_INTERRUPTIONS
        ),
    ]


def said_over(kind: str, texts: Sequence[str], random: Generator) -> Iterator[Item]:
    """Synthesised callers; each time a text comes it is somebody else's."""
    times: Counter[str] = Counter()
    for text in texts:
        yield Item(f"{text}/{times[text]}", kind, (spoken(text, random),), level=near(random))
        times[text] += 1


def near(random: Generator) -> float:
    """A caller's level."""
    return LEVEL + round(float(random.uniform(-6, 6)), 1)


def spoken(text: str, random: Generator) -> Callable[[], F32]:
    """A text by a synthesised caller of chance."""
    return partial(voices.say, text, voices.manner(random))


def kept(samples: F32) -> F32:
    """What is there already."""
    return samples


def half(found: Recordings, name: str, number: int) -> F32:
    """One of the halves of a prompt."""
    return cut(found.prompt(name))[number]


def drawn(random: Generator) -> float:
    """A pause within a turn."""
    while True:
        pause = MEDIAN_PAUSE * float(np.exp(SIGMA_PAUSE * random.standard_normal()))
        if SHORTEST_PAUSE <= pause <= LONGEST_PAUSE:
            return round(pause, 2)


def human_finished(found: Recordings, random: Generator) -> Iterator[Item]:
    """Whole sentences."""
    for name in phrases.PROMPTS:
        yield Item(name, "human, a sentence", (partial(found.prompt, name),), level=near(random))
    for name, samples in found.read():
        yield Item(name, "human, a sentence", (partial(kept, samples),), level=near(random))


def human_several(found: Recordings, random: Generator) -> Iterator[Item]:
    """Several sentences, with the pauses that the speaker made."""
    for name in phrases.SEVERAL:
        yield Item(name, "human, own pauses", (partial(found.prompt, name),), level=near(random))
    yield Item("city", "human, own pauses", (found.city,), level=near(random))


def human_pausing(found: Recordings, random: Generator) -> Iterator[Item]:
    """Sentences into which a pause was put, where the voice is quietest near the middle."""
    for name in phrases.PROMPTS[::3]:
        halves = partial(half, found, name, 0), partial(half, found, name, 1)
        yield Item(
            f"{name}, paused",
            "human, put pause",
            halves,
            (drawn(random),),
            level=near(random),
        )


def cut(samples: F32) -> tuple[F32, F32]:
    """At the quietest 40 ms of the middle third, without what is quiet at either side."""
    size = RATE // 25
    energy = np.convolve(samples.astype(np.float64) ** 2, np.ones(size), "same")
    third = samples.size // 3
    at = third + int(energy[third : 2 * third].argmin())
    return faded(samples[:at]), faded(samples[at:])


def faded(samples: F32) -> F32:
    """With 5 ms of fade at both ends, so that a cut does not click."""
    size = RATE // 200
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    found = samples.copy()
    found[:size] *= ramp
    found[-size:] *= ramp[::-1]
    return found


def made_finished(random: Generator) -> Iterator[Item]:
    """Synthesised callers who have finished."""
    for text in phrases.FINISHED:
        yield Item(text, "made, a sentence", (spoken(text, random),), level=near(random))
    for text in phrases.SHORT:
        yield Item(text, "made, short", (spoken(text, random),), level=near(random))
    for text in ("Yes.", "No.", "Yes, please.", "No, thank you."):
        samples = spoken(text, random)
        yield Item(
            f"{text} asked", "made, short", (samples,), level=near(random), expecting=YesNo()
        )


def made_pausing(random: Generator) -> Iterator[Item]:
    """Synthesised callers who pause within a turn, or hesitate."""
    for kind, texts in (("made, pause", phrases.PAUSING), ("made, um", phrases.HESITATING)):
        for text in texts:
            how = voices.manner(random)
            left, right = (each.strip() for each in text.split("|"))
            before = left if left.endswith(",") else f"{left},"
            parts = partial(voices.say, before, how), partial(voices.say, right, how)
            yield Item(text, kind, parts, (drawn(random),), level=near(random))


def digits(found: Recordings, random: Generator) -> Iterator[Item]:
    """Numbers read out in groups, as the prompts' speaker says each digit; with and without being asked for."""
    for number, groups in enumerate(((3, 3), (3, 4), (2, 2, 2), (4, 4), (3, 3, 4), (2, 4)) * 2):
        parts = []
        for size in groups:
            said = [trimmed(found.prompt(f"digits/{random.integers(10)}")) for _ in range(size)]
            gap = np.zeros(round(float(random.uniform(0.02, 0.08)) * RATE), np.float32)
            joined = np.concatenate([piece for each in said for piece in (each, gap)])
            parts.append(partial(kept, joined))
        pauses = tuple(drawn(random) for _ in groups[1:])
        asked = Digits(sum(groups))
        name, level = f"digits {number}", near(random)
        yield Item(name, "digits, asked", tuple(parts), pauses, level=level, expecting=asked)
        yield Item(name, "digits, unasked", tuple(parts), pauses, level=level)


def trimmed(samples: F32) -> F32:
    """Without the silence at its ends."""
    levels = sounds.blocks(samples)
    loud = np.flatnonzero(levels > np.percentile(levels, 95) - DROP)
    return samples[int(loud[0]) * sounds.BLOCK : (int(loud[-1]) + 1) * sounds.BLOCK]


# --- on the line


@attrs.define
class Backgrounds:
    """Noise of each kind, made once."""

    found: Recordings
    _made: dict[str, F32] = attrs.field(factory=dict)

    def of(self, kind: str) -> F32:
        """Some ten seconds and more."""
        if kind not in self._made:
            random = np.random.default_rng(zlib.crc32(kind.encode()))
            match kind:
                case "music":
                    self._made[kind] = next(self.found.music())[10 * RATE : 70 * RATE]
                case "babble":
                    talkers = [self.found.city(), *(samples for _, samples in self.found.read())]
                    self._made[kind] = sounds.babble(talkers, random, 40.0)
                case _:
                    self._made[kind] = sounds.white(random, 40.0)
        return self._made[kind]


def clip_of(item: Item, noise: Noise, behind: Backgrounds) -> Clip:
    """The item as the telephone carries it."""
    silences = [np.zeros(round(pause * RATE), np.float32) for pause in (*item.pauses, 0.0)]
    whole = np.concatenate(
        [
            piece
            for part, silence in zip(item.parts, silences, strict=True)
            for piece in (trimmed(part()), silence)
        ]
    )
    speech = sounds.levelled(whole, item.level)
    lead = np.zeros(round(LEAD * RATE), np.float32)
    line = np.concatenate((lead, speech, np.zeros(round(TAIL * RATE), np.float32)))
    line = line[: line.size // 160 * 160]
    random = np.random.default_rng(zlib.crc32(f"{item.name}{noise.name}".encode()))
    line = sounds.mixed(line, sounds.white(random, 2.0), HISS)
    if noise.kind != "clean":
        background = np.roll(behind.of(noise.kind), -int(random.integers(30 * RATE)))
        line = sounds.mixed(line, background, item.level - noise.snr)
    data = g711.encode(np.rint(line * 32767).astype(np.int16), TELEPHONE.encoding)
    return Clip(item, noise, data, LEAD, LEAD + speech.size / RATE)
