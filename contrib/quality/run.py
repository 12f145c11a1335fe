"""Plays the corpus to every endpointer and barge-in policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from dialog_silero.model import Silero

from contrib.quality import stacks
from contrib.quality.corpus import CLEAN, Backgrounds, Clip, Item, Noise, build, clip_of, heard_over
from contrib.quality.driver import drive
from contrib.quality.hearing import Recognitions, Timed, listen, probabilities
from contrib.quality.measures import (
    Barged,
    Harmless,
    Taken,
    harmless,
    interrupted,
    taken,
)
from contrib.quality.recordings import Recordings
from dialog_core.policies.vad import EnergyModel
from dialog_core.turns.state import TurnPolicy

if TYPE_CHECKING:
    from dialog_core.protocols import SpeechModel
    from dialog_core.turns.policy import BargeIn, Endpointer

__all__ = [
    "DEFAULT_DETECTOR",
    "DETECTORS",
    "GROUPS",
    "Heard",
    "Overlaps",
    "crossed",
    "hear",
    "noises",
    "sample",
    "take_over",
    "take_turns",
    "whole",
]

DETECTORS: dict[str, Callable[[], SpeechModel]] = {"silero": Silero, "energy": EnergyModel}
DEFAULT_DETECTOR = "silero"
"""Where dialog-silero is installed; elsewhere it is the other."""
GROUPS = {
    "quiet": (CLEAN, Noise("white", 20), CLEAN, Noise("music", 20)),
    "noisy": tuple(Noise(kind, snr) for snr in (15, 10) for kind in ("white", "music")),
    "loud": (Noise("white", 5), Noise("music", 5)),
    "voices": tuple(Noise("babble", snr) for snr in (20, 15, 10)),
}
"""What is behind the callers: each item has one background of each group."""

SAMPLE_TURNS, SAMPLE_OVERLAPS = 4, 2
"""The tests take every so many items."""
SAMPLE = Path(__file__).parent / "results/recognitions.json"
"""What the recogniser says of the sample; audio that is not in it is recognised anew."""

Heard = tuple[Clip, tuple[Timed, ...]]


@attrs.frozen
class Overlaps:
    """How a barge-in policy met what was heard while the agent spoke."""

    interruptions: tuple[Barged, ...]
    others: tuple[Harmless, ...]


def noises(items: Sequence[Item], group: str, *, every: int = 1) -> list[tuple[Item, Noise]]:
    """Each item with a background of the group, in turn. every: take every so many items only."""
    kinds = GROUPS[group]
    chosen = items[::every]
    return [(item, kinds[number % len(kinds)]) for number, item in enumerate(chosen)]


def crossed(items: Sequence[Item], group: str) -> list[tuple[Item, Noise]]:
    """Each item with every background of the group."""
    return [(item, noise) for item in items for noise in dict.fromkeys(GROUPS[group])]


def hear(
    wanted: Iterable[tuple[Item, Noise]], detector: str, behind: Backgrounds, known: Recognitions
) -> list[Heard]:
    """What the framework hears of the items."""
    model = DETECTORS[detector]()
    clips = [clip_of(item, noise, behind) for item, noise in wanted]
    window = model.window / model.rate
    found = probabilities(model, clips)
    heard = [
        (clip, listen(clip, voiced, window, known))
        for clip, voiced in zip(clips, found, strict=True)
    ]
    known.keep()
    return heard


def take_turns(heard: Sequence[Heard], make: Callable[[Clip], Endpointer]) -> list[Taken]:
    """Turns, ended by an endpointer."""
    return [
        taken(clip, drive(clip, told, TurnPolicy(make(clip), stacks.NO_BARGE_IN())))
        for clip, told in heard
    ]


def take_over(heard: Sequence[Heard], make: Callable[[], BargeIn]) -> Overlaps:
    """Sounds under a reply, met by a barge-in policy."""
    interruptions, others = [], []
    for clip, told in heard:
        policy = TurnPolicy(stacks.ENDPOINTERS[stacks.DEFAULT_ENDPOINTER](clip), make())
        acts = drive(clip, told, policy, speaking=True)
        if clip.item.kind == "interruption":
            interruptions.append(interrupted(clip, acts))
        else:
            others.append(harmless(clip, acts))
    return Overlaps(tuple(interruptions), tuple(others))


def sample(found: Recordings, known: Recognitions) -> tuple[list[Heard], list[Heard]]:
    """What is heard of a part of the corpus that the tests have time for: turns, and sounds over the agent."""
    behind = Backgrounds(found)
    turns = [item for item in build(found) if item.name != "city"]
    return (
        hear(noises(turns, "quiet", every=SAMPLE_TURNS), DEFAULT_DETECTOR, behind, known),
        hear(
            crossed(heard_over(found), "quiet")[::SAMPLE_OVERLAPS], DEFAULT_DETECTOR, behind, known
        ),
    )


def whole(found: Recordings) -> tuple[list[Item], list[Item]]:
    """All items: turns, and what is heard over the agent."""
    return build(found), heard_over(found)
