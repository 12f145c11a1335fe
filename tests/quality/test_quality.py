"""Turn-taking on a sample of the corpus; the whole is `python -m contrib.quality`, its figures are in the docs.

Skipped only where the recordings are missing: `python -m contrib.quality fetch` brings them. What the recogniser says
of the sample is kept beside the results; the detector, the gate, the session, the policies and the machine are run.
"""

from __future__ import annotations

import shutil
from typing import Any

import attrs
import pytest

from contrib.quality import stacks
from contrib.quality.corpus import Backgrounds, build, clip_of
from contrib.quality.hearing import Recognitions
from contrib.quality.recordings import Recordings, recordings
from contrib.quality.report import barge_in_figures, turn_figures
from contrib.quality.run import (
    DEFAULT_DETECTOR,
    DETECTORS,
    GROUPS,
    SAMPLE,
    Heard,
    Overlaps,
    sample,
    take_over,
    take_turns,
)
from dialog_core.settings import load
from dialog_core.testing.simulate.run import quiet_services
from dialog_core.turns.gate import GateSettings
from tests.scenarios.staging import MINIMAL, Vendors

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def found() -> Recordings:
    there = recordings()
    if there is None:
        pytest.skip("the recordings are missing; run: python -m contrib.quality fetch")
    return there


@pytest.fixture(scope="module")
def heard(
    found: Recordings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Heard], list[Heard]]:
    file = tmp_path_factory.mktemp("quality") / SAMPLE.name
    shutil.copyfile(SAMPLE, file)
    return sample(found, Recognitions(file))


@pytest.fixture(scope="module")
def met(heard: tuple[list[Heard], list[Heard]]) -> Overlaps:
    return take_over(heard[1], stacks.BARGE_INS[stacks.DEFAULT_BARGE_IN])


def test_the_default_stack_answers_within_half_a_second_and_cuts_nobody_off(
    heard: tuple[list[Heard], list[Heard]],
) -> None:
    taken = take_turns(heard[0], stacks.ENDPOINTERS[stacks.DEFAULT_ENDPOINTER])
    figures = turn_figures(taken)
    assert figures["median"] <= 500
    assert figures["cut off"] <= 2
    assert figures["missed"] == 0


def test_words_end_turns_sooner_and_more_safely_than_silence_alone(
    heard: tuple[list[Heard], list[Heard]],
) -> None:
    by_words, by_silence = (
        turn_figures(take_turns(heard[0], stacks.ENDPOINTERS[name]))
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


def test_what_is_measured_as_the_default_is_what_an_agent_has_without_asking() -> None:
    agent = load(MINIMAL, environ=Vendors().environ).agents["reception"]
    services = quiet_services()
    nobody: Any = None  # these are the same for all clips
    endpointer = stacks.ENDPOINTERS[stacks.DEFAULT_ENDPOINTER](nobody)
    assert set(agent.defaults) == {"vad", "endpointer", "barge_in"}
    assert agent.gate == GateSettings()
    assert agent.vad.build(services) == DETECTORS[DEFAULT_DETECTOR]()
    assert parts(agent.endpointer.build(services)) == parts(endpointer)
    assert parts(agent.barge_in.build(services)) == parts(
        stacks.BARGE_INS[stacks.DEFAULT_BARGE_IN]()
    )


def parts(policy: Any) -> list[Any]:
    """The members of a stack or a vote; the measured ones have no language, which is English."""
    return [
        attrs.evolve(each, settings=attrs.evolve(each.settings, language=None))
        if hasattr(each.settings, "language")
        else each
        for each in policy.members
    ]


def test_a_clip_is_the_same_every_time(found: Recordings) -> None:
    (first, *_), (again, *_) = build(found), build(found)
    noise = GROUPS["quiet"][1]
    one, other = (clip_of(item, noise, Backgrounds(found)) for item in (first, again))
    assert (one.data, one.began, one.ended) == (other.data, other.began, other.ended)
