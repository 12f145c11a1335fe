"""Turn-taking on a sample of the corpus; the whole is `python -m contrib.quality`, its figures are in the docs.

Skipped only where the recordings are missing: `python -m contrib.quality fetch` brings them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from contrib.quality import stacks
from contrib.quality.corpus import Backgrounds, Item, build, clip_of, heard_over
from contrib.quality.hearing import Recognitions
from contrib.quality.recordings import Recordings, recordings
from contrib.quality.report import barge_in_figures, turn_figures
from contrib.quality.run import GROUPS, Heard, Overlaps, hear, noises, take_over, take_turns

pytestmark = pytest.mark.models
EVERY = 8


@pytest.fixture(scope="module")
def found() -> Recordings:
    there = recordings()
    if there is None:
        pytest.skip("the recordings are missing; run: python -m contrib.quality fetch")
    return there


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Recognitions:
    return Recognitions(tmp_path_factory.mktemp("quality") / "recognitions.json")


def sample(items: Sequence[Item], found: Recordings, known: Recognitions) -> list[Heard]:
    """What is heard of every eighth item on a quiet line."""
    return hear(noises(items, "quiet", every=EVERY), "silero", Backgrounds(found), known)


@pytest.fixture(scope="module")
def turns(found: Recordings, known: Recognitions) -> list[Heard]:
    short = [item for item in build(found) if item.name != "city"]
    return sample(short, found, known)


@pytest.fixture(scope="module")
def met(found: Recordings, known: Recognitions) -> Overlaps:
    heard = sample(heard_over(found), found, known)
    return take_over(heard, stacks.BARGE_INS[stacks.DEFAULT_BARGE_IN])


def test_the_default_stack_waits_half_a_second_and_cuts_off_nobody(turns: list[Heard]) -> None:
    figures = turn_figures(
        take_turns(turns, stacks.ENDPOINTERS[stacks.DEFAULT_ENDPOINTER])
    )
    assert figures["median"] <= 500
    assert figures["cut off"] <= 2
    assert figures["missed"] == 0


def test_words_end_turns_sooner_and_more_safely_than_silence(turns: list[Heard]) -> None:
    by_words, by_silence = (
        turn_figures(take_turns(turns, stacks.ENDPOINTERS[name]))
        for name in (stacks.DEFAULT_ENDPOINTER, "acoustic")
    )
    assert by_words["median"] < by_silence["median"]
    assert by_words["cut off"] <= by_silence["cut off"]


def test_interruptions_are_yielded_to_at_once(met: Overlaps) -> None:
    figures = barge_in_figures(met)
    assert figures["median"] <= 220
    assert figures["p95"] <= 450
    assert figures["missed"] == 0


def test_backchannels_and_coughs_do_not_stop_the_agent(met: Overlaps) -> None:
    assert barge_in_figures(met)["false"] <= 3


def test_clips_are_the_same_every_time(found: Recordings) -> None:
    (first, *_), (again, *_) = build(found), build(found)
    noise = GROUPS["quiet"][1]
    one, other = (clip_of(item, noise, Backgrounds(found)) for item in (first, again))
    assert (one.data, one.began, one.ended) == (other.data, other.began, other.ended)
