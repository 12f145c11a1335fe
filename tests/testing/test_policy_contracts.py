"""The contracts of policies and detectors find what is wrong with bad ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from dialog_core.policies.vad import EnergyModel
from dialog_core.testing.contracts import (
    BargeInAbility,
    BargeInContract,
    BargeInKit,
    EndpointerAbility,
    EndpointerContract,
    EndpointerKit,
    VadContract,
    VadKit,
)
from dialog_core.turns.policy import Ask, Continue, Cut, Done, Duck, Overlap, Pause, Wait

COUNTER = itertools.count()


@attrs.frozen
class Judge:
    """A policy that is only a function."""

    judge: Callable[[Any], Any]


def endpointing(judge: Callable[[Pause], Any], *abilities: EndpointerAbility) -> EndpointerContract:
    class Found(EndpointerContract):
        kit = EndpointerKit("bad", abilities=frozenset(abilities))

        def endpointer(self) -> Any:
            return Judge(judge)

    return Found()


ENDPOINTERS: dict[str, tuple[Callable[[Pause], Any], str]] = {
    "it raises": (lambda pause: Wait(1 / len(pause.text)), "every_pause_gets_a_verdict"),
    "it says nothing": (lambda _pause: None, "every_pause_gets_a_verdict"),
    "it waits for ever": (lambda _pause: Wait(math.inf), "every_pause_gets_a_verdict"),
    "it waits for nothing": (lambda _pause: Wait(-1), "every_pause_gets_a_verdict"),
    "it throws a die": (lambda _pause: Wait(next(COUNTER) % 5), "the_same_pause_gets_the_same"),
    "it waits longer for settled words": (
        lambda pause: Wait(1.0 if pause.settled else 0.5),
        "words_that_settle_do_not_make_it_wait_longer",
    ),
    "it hides that it reads words": (
        lambda pause: Wait(len(pause.text) / 50),
        "words_change_its_wait",
    ),
    "it hides that it believes": (
        lambda pause: Done() if pause.end_of_turn else Wait(1.0),
        "a_sure_recogniser_is_believed",
    ),
    "it hides that it thinks": (lambda _pause: Ask(1.0), "it_asks_for_time"),
}


@pytest.mark.parametrize(("judge", "law"), ENDPOINTERS.values(), ids=list(ENDPOINTERS))
def test_a_bad_endpointer_is_found_out(judge: Callable[[Pause], Any], law: str) -> None:
    contract = endpointing(judge)
    (name,) = (each for each in dir(contract) if each.startswith(f"test_{law}"))

    with pytest.raises((AssertionError, ArithmeticError, AttributeError, TypeError)):
        getattr(contract, name)()


@pytest.mark.parametrize("ability", EndpointerAbility)
def test_an_endpointer_cannot_claim_what_it_cannot(ability: EndpointerAbility) -> None:
    contract = endpointing(lambda _pause: Wait(1.0), ability)
    laws = {
        EndpointerAbility.WORDS: contract.test_words_change_its_wait,
        EndpointerAbility.VERDICT: contract.test_a_sure_recogniser_is_believed,
        EndpointerAbility.THINKS: contract.test_it_asks_for_time,
    }

    with pytest.raises(AssertionError):
        laws[ability]()


def interrupting(judge: Callable[[Overlap], Any]) -> BargeInContract:
    class Found(BargeInContract):
        kit = BargeInKit("bad", abilities=frozenset({BargeInAbility.YIELDS}))

        def policy(self) -> Any:
            return Judge(judge)

    return Found()


BARGE_INS: dict[str, tuple[Callable[[Overlap], Any], str]] = {
    "it says nothing": (lambda _overlap: None, "every_overlap_gets_an_answer"),
    "it fades for ever": (lambda _overlap: Duck(1.0, math.inf), "every_overlap_gets_an_answer"),
    "it throws a die": (lambda _overlap: Continue(next(COUNTER)), "the_same_overlap_gets_the_same"),
    "it wants to be asked at once": (
        lambda overlap: Continue(again=overlap.voiced),
        "it_is_asked_again_later",
    ),
    "it keeps a reply held": (
        lambda overlap: Duck(again=overlap.voiced + 1),
        "a_caller_who_is_silent_again",
    ),
    "it never yields": (lambda _overlap: Continue(), "whoever_goes_on_speaking"),
    "it hides that it fades": (
        lambda overlap: Cut() if overlap.voiced > 2 else Duck(3.0),
        "it_lowers_the_reply",
    ),
    "it hides that it reads words": (
        lambda overlap: Cut() if overlap.text else Continue(),
        "words_change_its_mind",
    ),
}


@pytest.mark.parametrize(("judge", "law"), BARGE_INS.values(), ids=list(BARGE_INS))
def test_a_bad_barge_in_is_found_out(judge: Callable[[Overlap], Any], law: str) -> None:
    contract = interrupting(judge)
    (name,) = (each for each in dir(contract) if each.startswith(f"test_{law}"))

    with pytest.raises(AssertionError):
        getattr(contract, name)()


class Model(EnergyModel):
    """A detector with one fault."""

    def __init__(self, spoil: Callable[[Any, Any, Any], Any]) -> None:
        super().__init__()
        object.__setattr__(self, "spoil", spoil)

    def probabilities(self, windows: Any, state: Any) -> Any:
        found = super().probabilities(windows, state)
        return self.spoil(windows, state, found)  # type: ignore[attr-defined]


def of_the_batch(windows: Any, _state: Any, found: Any) -> Any:
    return (found[0] * np.float32(0.5 + 0.5 * np.abs(windows).mean())), found[1]


def in_place(windows: Any, _state: Any, found: Any) -> Any:
    windows *= 0.5
    return found


MODELS: dict[str, tuple[Callable[[Any, Any, Any], Any], str]] = {
    "a shape too many": (lambda _w, _s, f: (f[0][:, None], f[1]), "each_window_gets"),
    "no probability": (lambda _w, _s, f: (f[0] + 1.1, f[1]), "each_window_gets"),
    "a scribbler": (in_place, "what_it_is_given_stays"),
    "calls that hear each other": (of_the_batch, "another_call_in_a_batch"),
    "a batch unlike its windows": (of_the_batch, "a_batch_is_judged_like"),
    "one that hears voices": (lambda _w, _s, f: (f[0] * 0 + 1, f[1]), "silence_is_improbable"),
    "a deaf one": (lambda _w, _s, f: (f[0] * 0, f[1]), "speech_is_probable"),
}


@pytest.mark.parametrize(("spoil", "law"), MODELS.values(), ids=list(MODELS))
def test_a_bad_detector_is_found_out(spoil: Callable[[Any, Any, Any], Any], law: str) -> None:
    class Found(VadContract):
        kit = VadKit("bad")

    (name,) = (each for each in dir(Found) if each.startswith(f"test_{law}"))
    extra = {"batch": 4} if "each_window" in name else {}

    with pytest.raises(AssertionError):
        getattr(Found(), name)(Model(spoil), **extra)
