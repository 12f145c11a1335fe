from __future__ import annotations

from itertools import count

import attrs

from dialog_core.carriers.answers import ANSWERS_MOST, RETRY_SECONDS, Answers, Placed
from dialog_core.line import Progress
from dialog_core.testing.phones.door import PlainDoor


@attrs.define
class Clock:
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


@attrs.define
class World:
    door: PlainDoor = attrs.field(factory=PlainDoor)
    clock: Clock = attrs.field(factory=Clock)
    notes: list[tuple[str, str, str]] = attrs.field(factory=list)
    written: count[int] = attrs.field(factory=count)

    def answers(self) -> Answers[str]:
        def note(*trouble: str) -> None:
            self.notes.append((trouble[0], trouble[1], trouble[2]))

        return Answers(self.door, self.clock, note)

    def connect(self) -> str:
        return f"document {next(self.written)}"


def test_a_webhook_that_comes_again_gets_the_same_answer() -> None:
    world = World()
    answers = world.answers()
    first = answers.give("c1", "what it said", world.connect, busy="busy")
    world.door.room = False
    assert answers.give("c1", "what it said", world.connect, busy="busy") == first == "document 0"
    kept = answers.get("c1")
    assert kept is not None
    assert kept.call == "what it said"
    assert [(state.call, state.progress) for state in world.door.states] == [
        ("c1", Progress.RINGING)
    ]


def test_a_full_process_is_busy_and_says_so_once_for_each_call() -> None:
    world = World()
    answers = world.answers()
    world.door.room = False
    assert answers.give("c1", "", world.connect, busy="busy", known_by="r1") == "busy"
    assert world.notes == [("r1", "a call was refused because the process is full", "")]
    assert answers.get("c1") is None
    assert world.door.states == []


def test_states_are_told_by_the_id_that_a_call_is_known_by() -> None:
    world = World()
    world.answers().give("c1", "", world.connect, busy="busy", known_by="r1")
    assert [state.call for state in world.door.states] == ["r1"]


def test_answers_are_forgotten_after_a_while_or_when_there_are_too_many() -> None:
    world = World()
    answers = world.answers()
    answers.give("old", "", world.connect, busy="busy")
    world.clock.now = RETRY_SECONDS
    for number in range(ANSWERS_MOST):
        answers.give(f"c{number}", "", world.connect, busy="busy")
    assert answers.get("old") is None
    assert answers.get("c0") is not None
    answers.give("one more", "", world.connect, busy="busy")
    assert answers.get("c0") is None


def test_what_is_known_of_placed_calls_is_bounded() -> None:
    placed = Placed()
    first = placed.keep({"order": "1"})
    for _ in range(ANSWERS_MOST):
        last = placed.keep({"order": "2"})
    assert placed.get(first) == {}
    assert placed.get(last) == {"order": "2"}
    assert placed.get("unknown") == {}
